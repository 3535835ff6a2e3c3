"""What encodes sketches, photos and words: the contract of an exported model and of a network in the lab."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sketchseek.matching import Features, Matcher
from sketchseek.model.names import Names
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.sketch import Sketch

Query: TypeAlias = Literal["sketch", "words", "both"]  # what a photo is searched by


class Encoder(Protocol):
    """Features are float32, their first axis is the items. ``model.Model`` and ``lab.encoder.TorchEncoder`` are such.

    A class that names ``Encoder`` as its base takes what it does not define from here: no memory of earlier frames and
    no words.
    """

    @property
    def size(self) -> int:
        """Pixels on a side of what the network sees."""
        ...

    @property
    def matcher(self) -> Matcher:
        """Compares the features of sketches with those of photos."""
        ...

    def encode_sketches(self, drawings: Sequence[Sketch | Ink]) -> Features:
        """The features of drawings, each by itself."""
        ...

    def encode_photos(self, pixels: NDArray[np.uint8]) -> Features:
        """The features of photos, uint8 ``[n, S, S, 3]`` as ``prepare_photo`` gives them."""
        ...

    @property
    def state(self) -> int:
        """How many numbers the network keeps of a drawing's earlier frames; 0 where it sees each frame by itself."""
        return 0

    def encode_next(self, ink: NDArray[np.uint8], state: NDArray[np.float32]) -> tuple[Features, NDArray[np.float32]]:
        """One more frame of each of n growing drawings, prepared ink ``[n, S, S]``: the features, and the ``state [n,
        K]`` after it; zeros are the state before the first frame. Only where ``state`` is above 0.
        """
        raise TypeError(f"{type(self).__name__} keeps no state of earlier frames")

    @property
    def has_words(self) -> bool:
        """Whether the network takes words."""
        return False

    @property
    def names(self) -> Names | None:
        """The names that the network knows, where it knows no other words; None where it reads any text, or none."""
        return None

    @property
    def can_match(self) -> bool:
        """Whether the network can judge if words and a photo belong together."""
        return False

    @property
    def fusion(self) -> str:
        """How a sketch and words become one query, as ``matching.fusion.fuse`` takes it. Only with words."""
        raise TypeError(f"{type(self).__name__} takes no words")

    @property
    def query(self) -> Query:
        """What the network was trained to be asked with."""
        return "sketch"

    def encode_text(self, texts: Sequence[str]) -> Features:
        """The features of texts: of those of a sketch, the ones that words are fused with. Only with words; raises
        InputError for a text of which it knows no name.
        """
        raise TypeError(f"{type(self).__name__} takes no words")

    def match(self, text: str, photo_tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        """The logits that a text and each of n photos belong together, ``[n]``; ``photo_tokens [n, P, C]`` are the
        photos' feature "tokens". Added to the cosines, they re-rank. Only where ``can_match``.
        """
        raise TypeError(f"{type(self).__name__} matches no words with photos")


def encode_episodes(encoder: Encoder, frames: NDArray[np.uint8]) -> Features:
    """The features of growing drawings, prepared ink ``[n, T, S, S]``: first axis n T.

    Where the encoder keeps a ``state``, each frame is encoded in the light of those before it, and a frame equal to the
    one before changes nothing; where ink has gone the state starts again from zeros, as in ``SketchEncoder``.
    """
    drawings, steps = frames.shape[:2]
    if not encoder.state:
        return encoder.encode_sketches(list(frames.reshape(-1, *frames.shape[2:])))
    state = np.zeros((drawings, encoder.state), np.float32)
    grown: list[Features] = []
    for step in range(steps):
        if step:
            state[(frames[:, step] < frames[:, step - 1]).any(axis=(1, 2))] = 0
        features, after = encoder.encode_next(frames[:, step], state)
        if step:
            same = np.flatnonzero((frames[:, step] == frames[:, step - 1]).all(axis=(1, 2)))
            after[same] = state[same]
            for name, values in features.items():
                values[same] = grown[-1][name][same]
        grown.append(features)
        state = after
    stacked = {name: np.stack([features[name] for features in grown], axis=1) for name in grown[0]}
    return {name: values.reshape(-1, *values.shape[2:]) for name, values in stacked.items()}
