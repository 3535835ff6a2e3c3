"""Image-text contrast (ITC) with momentum queues, and image-text matching (ITM), with queries of sketch and text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import cycle, islice

import torch
import torch.nn.functional as F
from accelerate.utils import gather
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Photo, SketchItem, Split, merge
from sketchseek.lab.methods.fvlp.config import Config
from sketchseek.lab.methods.fvlp.momentum import COPIED, MULTI_SCALE, Momentum
from sketchseek.lab.methods.fvlp.network import FVLP, Projected, StepOutputs
from sketchseek.lab.methods.fvlp.towers import ConvolutionalTower
from sketchseek.lab.methods.fvlp.words import PAD
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.optimizers import schedule
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase
from sketchseek.matching.fusion import fuse

EPOCHS_IN_QUEUE = 4  # a longer queue holds stale features, and many features of the same photo
EPOCHS_OF_RAMP = 2  # over which the weight of distillation rises
LEAST_PART = 0.05  # smallest part of a drawing used in training
WHOLE_TEXTS = 0.5  # share of texts used whole, if others are used in part
TEMPERATURES = (0.001, 0.5)  # range to which the temperature is clamped
LEAST_RATE = 1 / 30  # relative to the peak, when the published warm-up starts and pre-training ends: 1e-6 / 3e-5

Vectors = dict[str, Tensor]  # unit vectors [B, E] of "photo", "text", "query", "sketch"
Terms = tuple[tuple[str, str], ...]  # pairs (vectors, queue) that are contrasted

ITC: Terms = (("photo", "text"), ("text", "photo"), ("query", "photo"), ("photo", "query"))
PRE_TRAINING: Terms = ITC[:2]
SKETCH: Terms = (("sketch", "photo"), ("photo", "sketch"))


def training_pairs(config: Config, splits: Sequence[Split], seed: int) -> TrainingPairs:
    """The pairs of the splits; with ``partial``, fine-tuning shows random parts of the drawings."""
    training = config.training
    if config.partial and config.program != "pre-training":
        splits = [frames_as_sketches(merge(splits))]
        if any(sketch.strokes is not None for sketch in splits[0].sketches):
            training = replace(training, completion=(LEAST_PART, 1.0))
    return TrainingPairs(splits, config.size, training, seed)


def phases(config: Config, network: FVLP, pairs: TrainingPairs) -> list[Phase]:
    """One phase, for fine-tuning or pre-training.

    If no photo has a caption, sketches alone can be trained (``fusion`` "sketch_only"), without texts. Otherwise raises
    InputError for training photos without a caption.
    """
    pre_training = config.program == "pre-training"
    photos = pairs.split.photos
    wordless = sum(not photos[photo].caption for photo in pairs.drawn)
    alone = wordless == len(pairs.drawn) and config.fusion == "sketch_only" and not pre_training
    if wordless and not alone:
        raise InputError(
            f"fvlp learns from words, and {wordless} of {len(pairs.drawn)} photos of this data have no caption; put "
            "them into words.json beside the photos, or, if none has one, train sketches alone with --row sketch-only"
        )
    tokens = None if alone else caption_tokens(network, photos)
    meanings: dict[object, int] = {}
    meaning = torch.tensor([meanings.setdefault(p.paraphrases or p.caption, len(meanings)) for p in photos])
    contrast = PRE_TRAINING if pre_training else SKETCH if alone else ITC
    extra = SKETCH if config.sketch_weight and not pre_training and not alone else ()
    names = tuple(sorted({queue for _, queue in (*contrast, *extra)}))
    training = config.training
    per_epoch = max(1, len(pairs.drawn) // training.batch)
    size = min(config.queue, EPOCHS_IN_QUEUE * len(pairs.drawn))
    copied = (*COPIED, MULTI_SCALE) if config.slow_module and network.multi_scale is not None else COPIED
    momentum = network.training_only = Momentum(network, names, size, config.momentum, copied)

    def loss(trained: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        with torch.no_grad():
            network.temperature.clamp_(*TEMPERATURES)
        momentum.update(network)
        photo, device = batch.photo.cpu(), batch.photo.device
        words = whole = None
        if tokens is not None:
            whole = tokens[photo, torch.randint(tokens.shape[1], photo.shape)]
            words = (random_parts(whole) if config.partial_words else whole).to(device)
            whole = whole.to(device)
        ink = None if pre_training else batch.ink
        encoded: StepOutputs = trained(ink, batch.photos, words, whole, batch.photo, meaning[photo].to(device))
        share = config.distillation * min(1.0, fraction * training.steps / (EPOCHS_OF_RAMP * per_epoch))
        own, slow = unit_vectors(config.fusion, encoded.own), unit_vectors(config.fusion, encoded.momentum)
        tau = encoded.temperature
        values = {"contrast": contrast_loss(contrast, own, slow, batch.photo, momentum, tau, share)}
        total = values["contrast"]
        if encoded.logits is not None and encoded.labels is not None:
            values["matching"] = F.cross_entropy(encoded.logits, encoded.labels)
            total = total + config.matching_weight * values["matching"]
        if extra:
            values["sketch"] = contrast_loss(extra, own, slow, batch.photo, momentum, tau, share)
            total = total + config.sketch_weight * values["sketch"]
        momentum.push({name: gather(slow[name]) for name in names}, gather(batch.photo))
        return {"loss": total, **values, "temperature": tau}

    rates = _rates(config, training.steps / per_epoch)
    return [budget_phase(network, _body(network), training, pairs.at, loss, name=config.program, rates=rates)]


def caption_tokens(network: FVLP, photos: Sequence[Photo]) -> Tensor:
    """The tokens ``[photos, K, L]`` of each photo's caption and paraphrases, repeated if there are fewer than K.

    If the network has no tokenizer yet, one is fitted to these texts.
    """
    texts = [(photo.caption, *photo.paraphrases) for photo in photos]
    if network.tokenizer is None:
        network.words.fit([text for of_photo in texts for text in of_photo])
    most = max(map(len, texts))
    every = [text for of_photo in texts for text in islice(cycle(of_photo), most)]
    return network.words.tokens(every).view(len(photos), most, -1)


def random_parts(tokens: Tensor) -> Tensor:
    """Replace about half of the texts ``[B, L]`` by a random run of their tokens, between [CLS] and [SEP].

    A run has at least one token; shorter runs are more likely.
    """
    length = (tokens != PAD).sum(dim=1, keepdim=True) - 2
    kept = (1 + torch.rand(length.shape).square() * length).long().clamp(max=length)
    kept = torch.where(torch.rand(length.shape) < WHOLE_TEXTS, length, kept)
    skipped = (torch.rand(length.shape) * (length - kept + 1)).long()
    place = torch.arange(tokens.shape[1]).expand_as(tokens)
    source = torch.where(place <= kept, place + skipped * (place > 0), length + 1)
    return tokens.gather(1, source).masked_fill(place > kept + 1, PAD)


def frames_as_sketches(split: Split) -> Split:
    """The split with each frame of a drawing as a separate sketch."""

    def frames(sketch: SketchItem) -> list[SketchItem]:
        if sketch.strokes is not None or not sketch.frames:
            return [sketch]
        return [replace(sketch, name=frame.stem, path=frame, frames=()) for frame in sketch.frames]

    return Split(split.photos, tuple(frame for sketch in split.sketches for frame in frames(sketch)))


def unit_vectors(fusion: str, projected: Projected) -> Vectors:
    """Unit vectors ``[B, E]`` of photo, of text and of sketch, as far as there are any, and if both, of the query."""
    vectors = {
        name: F.normalize(values.float(), dim=1) for name, values in projected._asdict().items() if values is not None
    }
    if projected.sketch is not None and projected.text is not None:
        sketch, text = projected.sketch.float(), projected.text.float()
        alone = {"sketch_only": vectors["sketch"], "text_only": vectors["text"]}
        vectors["query"] = alone[fusion] if fusion in alone else fuse(sketch, text, 0.5, fusion)
    return vectors


def contrast_loss(
    terms: Terms,
    own: Vectors,
    slow: Vectors,
    identity: Tensor,
    momentum: Momentum,
    temperature: Tensor,
    share: float,
) -> Tensor:
    """Cross-entropy of similarities / ``temperature`` to the candidates, mean over the terms.

    Candidates are the momentum features of this batch and of the queue. The targets are spread equally over candidates
    of the same photo (``identity [B]``); a ``share`` (0..1) of the targets is replaced by the similarities according to
    the momentum copies (distillation).
    """
    candidates = {name: torch.cat([gather(slow[name]), momentum.queue(name)]) for name in {b for _, b in terms}}
    same = (identity[:, None] == torch.cat([gather(identity), momentum.identity])).float()
    right = same / same.sum(dim=1, keepdim=True)
    losses = []
    for name, queue in terms:
        with torch.no_grad():
            found = (slow[name] @ candidates[queue].T / temperature).softmax(dim=1)
            target = share * found + (1 - share) * right
        losses.append(F.cross_entropy(own[name] @ candidates[queue].T / temperature, target))
    return torch.stack(losses).mean()


def _body(network: FVLP) -> nn.Module:
    """The parts that are trained at the lower rate.

    These are the pretrained parts: the convolutional backbone, or, for CLIP and BERT, everything except the multi-scale
    module. The temperature belongs to them too. With a convolutional backbone so does the convolution of the
    multi-scale module, whose output sums so many numbers that small steps change it a lot. (The published optimiser
    leaves out the vision tower's attention by mistake.)
    """
    body = nn.Module()
    body.register_parameter("temperature", network.temperature)
    if isinstance(network.vision, ConvolutionalTower):
        body.add_module("backbone", network.vision.backbone)
        if network.multi_scale is not None:
            body.add_module("convolution", network.multi_scale.convolution)
        return body
    for name, part in network.named_children():
        if name not in ("multi_scale", "training_only"):
            body.add_module(name, part)
    return body


def _rates(config: Config, epochs: float) -> Callable[[float], float]:
    """The factor on learning rates, as a function of the share of training done.

    It is ``training.schedule`` or the published one: a linear warm-up over the first epoch, then a change each epoch, a
    cosine to 0 or, in pre-training, a factor of 0.9.
    """
    if not config.published_rates:
        return schedule(config.training.schedule)

    def rate(fraction: float) -> float:
        epoch = int(fraction * epochs)
        if epoch == 0:
            return LEAST_RATE + (1 - LEAST_RATE) * fraction * epochs
        if config.program == "pre-training":
            return max(0.9**epoch, LEAST_RATE)
        return (1 + math.cos(math.pi * epoch / epochs)) / 2

    return rate
