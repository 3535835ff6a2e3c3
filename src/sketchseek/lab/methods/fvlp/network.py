"""One vision tower for sketch and photo, one text tower, and the query that a sketch and words make together."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.backbones import Weights
from sketchseek.lab.methods.fvlp.config import Config
from sketchseek.lab.methods.fvlp.momentum import MODULE, Momentum
from sketchseek.lab.methods.fvlp.multiscale import MultiScaleAttention
from sketchseek.lab.methods.fvlp.towers import ClipTower, ConvolutionalTower, TextTower
from sketchseek.lab.methods.fvlp.words import Words
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.network import Network

WORDS_MATCH = 1  # the class of a pair of words and photo that belong together


class Projected(NamedTuple):
    """Projections ``[B, E]`` of the photos, of the sketches (None where there were none) and of the texts, none of them
    of unit length.
    """

    photo: Tensor
    sketch: Tensor | None
    text: Tensor


class Encoded(NamedTuple):
    """What the losses compare: the projections, and those of the momentum copies; ``logits [3 B, 2]`` of pairs of words
    and photo not belonging and belonging together, and which of both they do, ``labels [3 B]``; and the
    ``temperature``.
    """

    own: Projected
    momentum: Projected
    logits: Tensor
    labels: Tensor
    temperature: Tensor


class FVLP(Network):
    """``forward(ink [B, S, S] | None, photos [B, S, S, 3], tokens int64 [B, L], whole int64 [B, L], identity [B],
    meaning [B])`` is ``Encoded``: all of a training step's work, in one pass, which several processes need. Photos and
    sketches are contrasted with ``tokens``, a text or a part of it; photos are matched with the ``whole`` text, as a
    part would fit many of them. Pairs of the same photo have the same ``identity``, those that words cannot tell apart
    the same ``meaning``. It needs the momentum copies, which exist in training alone.

    The vectors of sketch and words are the projections s and c as they are, so that ``matching.fusion.fuse`` can join
    them; the photo's is of unit length.
    """

    matcher = "cosine"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.words = Words(config.vocabulary, config.length)
        self.text = TextTower(config.text, config.vocabulary)
        width = config.text.width
        self.vision: ClipTower | ConvolutionalTower
        if config.backbone == "clip":
            if config.vision.width != width:
                raise InputError(
                    f"fvlp: words read a photo's tokens, so both towers are of one width, not "
                    f"{config.vision.width} and {width}"
                )
            self.vision = ClipTower(config.taps, config.size, config.vision)
        else:
            self.vision = ConvolutionalTower(config.backbone, config.taps, config.size, width, weights)
        self.multi_scale = None
        if config.features == "multi-scale":
            if self.vision.side < 3:
                raise InputError(f"fvlp: images of {config.size} px are too small for the convolution over its cells")
            self.multi_scale = MultiScaleAttention(self.vision.channels, config.channels)
        features = config.channels if self.multi_scale else width
        self.vision_projection = nn.Linear(features, config.embedding)
        nn.init.xavier_uniform_(self.vision_projection.weight)
        self.text_projection = nn.Linear(width, config.embedding)
        self.matching_head = nn.Linear(width, 2)
        self.temperature = nn.Parameter(torch.tensor(config.temperature))
        # Where training never joins the two, they weigh alike when somebody does.
        self.fusion = config.fusion if config.fusion in ("raw_sum", "unit_sum") else "unit_sum"
        self.can_match = config.matching_weight > 0
        self.query = {"sketch_only": "sketch", "text_only": "words"}.get(config.fusion, "both")
        # Trained on partial sketches, so measured by them while it is trained.
        self.for_partial_sketches = config.partial and config.program == "fine-tuning" and config.fusion != "text_only"
        self.training_only: Momentum

    @property
    def tokenizer(self) -> Tokenizer | None:
        return self.words.tokenizer

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        vector, _ = self._project(self, self.inputs.sketches(ink))
        return {"vector": vector}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        vector, tokens = self._project(self, self.inputs.photos(photos))
        features = {"vector": F.normalize(vector, dim=1)}
        return features | {"tokens": tokens} if self.can_match else features

    def encode_text(self, tokens: Tensor) -> dict[str, Tensor]:
        """int64 ``[B, L]``, as the tokenizer makes them."""
        return {"vector": self.text_projection(self.text(tokens))}

    def match(self, tokens: Tensor, tokens_of_photo: Tensor) -> Tensor:
        """The probability, ``[B]``, that words ``[B, L]`` and photo ``[B, P, C]`` belong together."""
        return self.matching_head(self.text(tokens, tokens_of_photo)).softmax(dim=1)[:, WORDS_MATCH]

    def forward(
        self, ink: Tensor | None, photos: Tensor, tokens: Tensor, whole: Tensor, identity: Tensor, meaning: Tensor
    ) -> Encoded:
        # One pass for both: batch norm sees sketches and photos together, as it will when it is fixed.
        images = self.inputs.photos(photos)
        if ink is not None:
            images = torch.cat([images, self.inputs.sketches(ink)])
        count = len(photos)
        vectors, seen = self._project(self, images)
        texts = self.text_projection(self.text(tokens))
        copies = self.training_only
        with torch.no_grad():
            momentum_vectors, _ = self._project(copies, images)
            momentum_texts = copies.text_projection(copies.text(tokens))
        own, momentum = (
            Projected(v[:count], v[count:] if ink is not None else None, t)
            for v, t in ((vectors, texts), (momentum_vectors, momentum_texts))
        )
        of_photos, of_texts, labels = pairs_to_match(own, identity, meaning, self.temperature)
        logits = self.matching_head(self.text(whole[of_texts], seen[of_photos]))
        return Encoded(own, momentum, logits, labels, self.temperature.clone())

    def _project(self, towers: FVLP | Momentum, images: Tensor) -> tuple[Tensor, Tensor]:
        """Projections ``[B, E]`` and tokens ``[B, P, C]`` of images, by the network or its momentum copies; these share
        the module between where it has no copy.
        """
        seen = towers.vision(images)
        if self.multi_scale is None:
            return towers.vision_projection(seen.summary), seen.tokens
        module = getattr(towers, MODULE, self.multi_scale)
        return towers.vision_projection(module(seen.maps)), seen.tokens


@torch.no_grad()
def pairs_to_match(
    own: Projected, identity: Tensor, meaning: Tensor, temperature: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Which photos and which texts of a batch to match, ``[3 B]`` each, and the classes ``[3 B]``: every right pair;
    for each text another photo, for each photo another text, the likelier the more similar they are.

    What has the same ``meaning [B]`` is no mismatch, nor is, in a batch where all have, what has the same ``identity``.
    """
    same = meaning[:, None] == meaning
    same = torch.where(same.all(), identity[:, None] == identity, same)
    photo, text = F.normalize(own.photo.float(), dim=1), F.normalize(own.text.float(), dim=1)
    similarity = photo @ text.T / temperature

    def another(similarity: Tensor) -> Tensor:
        return torch.multinomial(similarity.masked_fill(same, -math.inf).softmax(dim=1), 1)[:, 0]

    every = torch.arange(len(identity), device=identity.device)
    photos = torch.cat([every, another(similarity.T), every])
    texts = torch.cat([every, every, another(similarity)])
    labels = torch.full_like(photos, 1 - WORDS_MATCH)
    labels[: len(every)] = WORDS_MATCH
    return photos, texts, labels


def build(config: Config, weights: Weights = "random") -> FVLP:
    """The network. ``random`` begins anew throughout; else the towers of ``config.towers`` are loaded into CLIP and
    BERT, or ``weights`` (``pretrained``, a local file, a run) into a convolutional tower, whose text tower has none.
    """
    network = FVLP(config, weights)
    if weights == "random" or config.backbone != "clip":
        network.text.begin()
    else:
        if not config.towers:
            raise InputError(
                "fvlp: CLIP and BERT are read from a local folder with `clip` and `bert` in it; give "
                "--set towers=DIR, or --weights random"
            )
        folder = Path(config.towers).expanduser()
        assert isinstance(network.vision, ClipTower)
        network.vision.load(folder / "clip")
        network.text.load(folder / "bert")
        network.words.read(folder / "bert")
    return network.to(memory_format=torch.channels_last)
