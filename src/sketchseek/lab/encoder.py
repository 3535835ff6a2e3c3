"""A torch network with the interface of an exported model, so that both are measured by the same code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sketchseek.errors import InputError
from sketchseek.lab.memory import keep_freed_memory
from sketchseek.lab.network import MatchingNetwork, Network, StatefulNetwork, WordNetwork, matcher_of
from sketchseek.matching import Features, Matcher, get_strategy
from sketchseek.model.encoder import Query
from sketchseek.model.names import Names
from sketchseek.model.preprocess import prepare_sketch
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.sketch import Sketch

BATCH = 32


class TorchEncoder:
    """A torch network as a ``model.encoder.Encoder``; computes in float32, on the GPU where there is one."""

    def __init__(self, network: Network, size: int, strategy: str | None = None) -> None:
        """``strategy`` is one of the network's; by default its own matcher compares."""
        keep_freed_memory()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network: Network = network.to(self.device)
        self.size = size
        self.matcher: Matcher = get_strategy(network.strategies, strategy) if strategy else matcher_of(network)

    def encode_sketches(self, drawings: Sequence[Sketch | Ink]) -> Features:
        """``drawings`` as ``Model.encode_sketches`` takes them; features as numpy arrays."""
        ink = np.stack([prepare_sketch(d, self.size) for d in drawings])
        return self._encode(self.network.encode_sketch, ink)

    @property
    def state(self) -> int:
        """As ``Model.state``."""
        return self.network.state if isinstance(self.network, StatefulNetwork) else 0

    def encode_next(self, ink: NDArray[np.uint8], state: NDArray[np.float32]) -> tuple[Features, NDArray[np.float32]]:
        """As ``Model.encode_next``; as many drawings as there is memory for."""
        network = self.network
        assert isinstance(network, StatefulNetwork)
        was_training = network.training
        network.eval()
        with torch.inference_mode():
            drawn, before = (torch.from_numpy(np.array(a)).to(self.device) for a in (ink, state))
            features, after = network.encode_next(drawn, before)
        network.train(was_training)
        return {k: v.float().cpu().numpy() for k, v in features.items()}, after.float().cpu().numpy()

    def encode_photos(self, pixels: NDArray[np.uint8]) -> Features:
        """As ``Model.encode_photos``."""
        return self._encode(self.network.encode_photo, pixels)

    @property
    def has_words(self) -> bool:
        """As ``Model.has_words``."""
        return isinstance(self.network, WordNetwork) and self.network.tokenizer is not None

    @property
    def names(self) -> Names | None:
        """As ``Model.names``."""
        tokenizer = self.network.tokenizer if isinstance(self.network, WordNetwork) else None
        return tokenizer if isinstance(tokenizer, Names) else None

    @property
    def can_match(self) -> bool:
        """As ``Model.can_match``."""
        return isinstance(self.network, MatchingNetwork) and self.network.can_match

    @property
    def fusion(self) -> str:
        """As ``Model.fusion``."""
        return self._words.fusion

    @property
    def query(self) -> Query:
        """As ``Model.query``."""
        return self.network.query if isinstance(self.network, WordNetwork) else "sketch"

    def encode_text(self, texts: Sequence[str]) -> Features:
        """As ``Model.encode_text``."""
        return self._encode(self._words.encode_text, self._tokens(texts))

    def match(self, text: str, photo_tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        """As ``Model.match``."""
        network = self.network
        assert isinstance(network, MatchingNetwork)

        def logit(tokens: Tensor, of_photos: Tensor) -> dict[str, Tensor]:
            return {"logit": network.match(tokens, of_photos)}

        tokens = self._tokens([text]).repeat(len(photo_tokens), axis=0)
        return self._encode(logit, tokens, photo_tokens)["logit"]

    @property
    def _words(self) -> WordNetwork:
        if not isinstance(self.network, WordNetwork):
            raise InputError("this network takes no words; evaluate it with --query sketch")
        return self.network

    def _tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        tokenizer = self._words.tokenizer
        if tokenizer is None:
            raise InputError("this network has no tokenizer yet; train it first")
        if isinstance(tokenizer, Names):
            return tokenizer.tokens(texts)
        return np.array([encoded.ids for encoded in tokenizer.encode_batch(list(texts))], dtype=np.int64)

    def _encode(
        self, encode: Callable[..., dict[str, Tensor]], *inputs: NDArray[Any]
    ) -> dict[str, NDArray[np.float32]]:
        was_training = self.network.training
        self.network.eval()
        parts = []
        with torch.inference_mode():
            for start in range(0, len(inputs[0]), BATCH):
                batch = [torch.from_numpy(np.array(i[start : start + BATCH])).to(self.device) for i in inputs]
                parts.append({k: v.float().cpu().numpy() for k, v in encode(*batch).items()})
        self.network.train(was_training)
        return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
