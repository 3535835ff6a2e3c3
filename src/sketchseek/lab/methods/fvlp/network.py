"""A vision tower shared by sketches and photos, a text tower, and the query fused from a sketch and a text."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.files import as_path
from sketchseek.lab.backbones import Weights
from sketchseek.lab.methods.fvlp.config import Config
from sketchseek.lab.methods.fvlp.momentum import MULTI_SCALE, Momentum
from sketchseek.lab.methods.fvlp.multiscale import MultiScaleAttention
from sketchseek.lab.methods.fvlp.towers import ClipTower, ConvolutionalTower, TextTower
from sketchseek.lab.methods.fvlp.words import CaptionTokenizer
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.network import Network

WORDS_MATCH = 1  # the class of matching pairs of text and photo in ITM


class Projected(NamedTuple):
    """Projections ``[B, E]`` of photos, sketches and texts, not normalised; None if there are no sketches or texts."""

    photo: Tensor
    sketch: Tensor | None
    text: Tensor | None


class StepOutputs(NamedTuple):
    """The result of ``FVLP.forward``, from which the losses are computed."""

    own: Projected
    momentum: Projected  # the projections by the momentum copies
    temperature: Tensor
    logits: Tensor | None = None  # [3 B, 2], of ITM: whether text and photo do not match (0) or match (1)
    labels: Tensor | None = None  # [3 B], the true classes


class FVLP(Network):
    """The network. ``forward`` is one training step's forward pass and returns ``StepOutputs``.

    Everything is computed in one forward, as DDP requires. Arguments: ``ink [B, S, S]`` or None, ``photos
    [B, S, S, 3]``, ``tokens`` int64 ``[B, L]`` or None, ``whole`` likewise, ``identity [B]``, ``meaning [B]``. ITC uses
    ``tokens``, which are a text or a part of it. ITM uses the ``whole`` text, because a part would match many photos.
    Pairs of the same photo have equal ``identity``; photos that texts cannot tell apart have equal ``meaning``. The
    momentum copies, which exist in training only, are required.

    The vectors of sketch and text are the unnormalised projections s and c, which ``matching.fusion.fuse`` combines.
    Those of photos are unit vectors.
    """

    matcher = "cosine"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.words = CaptionTokenizer(config.vocabulary, config.length)
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
        # If training never fuses sketch and text, search weights both equally.
        self.fusion = config.fusion if config.fusion in ("raw_sum", "unit_sum") else "unit_sum"
        self.can_match = config.matching_weight > 0
        self.query = {"sketch_only": "sketch", "text_only": "words"}.get(config.fusion, "both")
        # If trained on partial sketches, validate on partial sketches.
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
        """Tokens, int64 ``[B, L]``, to ``{"vector": [B, E]}``, not normalised."""
        return {"vector": self.text_projection(self.text(tokens))}

    def match(self, tokens: Tensor, tokens_of_photo: Tensor) -> Tensor:
        """The logits ``[B]`` of the class "match" for texts ``[B, L]`` and photos, given by tokens ``[B, P, C]``."""
        return self.matching_head(self.text(tokens, tokens_of_photo))[:, WORDS_MATCH]

    def forward(
        self,
        ink: Tensor | None,
        photos: Tensor,
        tokens: Tensor | None,
        whole: Tensor | None,
        identity: Tensor,
        meaning: Tensor,
    ) -> StepOutputs:
        # One pass for both, so batch norm uses the same mixed statistics in training as later in evaluation.
        images = self.inputs.photos(photos)
        if ink is not None:
            images = torch.cat([images, self.inputs.sketches(ink)])
        count = len(photos)
        vectors, seen = self._project(self, images)
        texts = None if tokens is None else self.text_projection(self.text(tokens))
        copies = self.training_only
        with torch.no_grad():
            momentum_vectors, _ = self._project(copies, images)
            momentum_texts = None if tokens is None else copies.text_projection(copies.text(tokens))
        own, momentum = (
            Projected(v[:count], v[count:] if ink is not None else None, t)
            for v, t in ((vectors, texts), (momentum_vectors, momentum_texts))
        )
        if whole is None:
            return StepOutputs(own, momentum, self.temperature.clone())
        of_photos, of_texts, labels = pairs_to_match(own, identity, meaning, self.temperature)
        logits = self.matching_head(self.text(whole[of_texts], seen[of_photos]))
        return StepOutputs(own, momentum, self.temperature.clone(), logits, labels)

    def _project(self, towers: FVLP | Momentum, images: Tensor) -> tuple[Tensor, Tensor]:
        """Projections ``[B, E]`` and tokens ``[B, P, C]`` of images, by the network or its momentum copies.

        If the multi-scale module has no momentum copy, the momentum copies use the network's.
        """
        seen = towers.vision(images)
        if self.multi_scale is None:
            return towers.vision_projection(seen.summary), seen.tokens
        module = getattr(towers, MULTI_SCALE, self.multi_scale)
        return towers.vision_projection(module(seen.maps)), seen.tokens


@torch.no_grad()
def pairs_to_match(
    own: Projected, identity: Tensor, meaning: Tensor, temperature: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The pairs for ITM: indices of photos and of texts in the batch, ``[3 B]`` each, and the classes ``[3 B]``.

    They are all matching pairs; for each text another photo; and for each photo another text. Hard negatives are
    sampled with a probability that grows with similarity. Pairs with equal ``meaning [B]`` are no negatives. If all
    pairs of the batch have equal meaning, pairs with equal ``identity`` are no negatives.
    """
    same = meaning[:, None] == meaning
    same = torch.where(same.all(), identity[:, None] == identity, same)
    assert own.text is not None
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
    """Build the network.

    With ``random``, all weights are random. Otherwise, CLIP and BERT are loaded from ``config.towers``; a convolutional
    tower is loaded from ``weights`` (``pretrained``, a local file, a run), and its text tower is random.
    """
    network = FVLP(config, weights)
    if weights == "random" or config.backbone != "clip":
        network.text.initialise()
    else:
        if not config.towers:
            raise InputError(
                "fvlp: CLIP and BERT are read from a local folder with `clip` and `bert` in it; give "
                "--set towers=DIR, or --weights random"
            )
        folder = as_path(config.towers)
        assert isinstance(network.vision, ClipTower)
        network.vision.load(folder / "clip")
        network.text.load(folder / "bert")
        network.words.load(folder / "bert")
    return network.to(memory_format=torch.channels_last)
