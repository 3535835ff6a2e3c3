"""Double-anchor InfoNCE on sketches and disordered sketches, plus the recovery loss, trained in one phase."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.methods.csr.config import Config
from sketchseek.lab.methods.csr.network import CSRNetwork
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.losses import batch_triplet, double_anchor_info_nce, info_nce
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase
from sketchseek.strokes.disorder import disorder, disordered_ink, recovery_map


def phases(config: Config, network: CSRNetwork, pairs: TrainingPairs) -> list[Phase]:
    """One phase over the training budget. Raises InputError for settings that contradict each other."""
    if config.double_anchor and (config.loss, config.anchor, config.negatives) != ("infonce", "sketch", "batch"):
        raise InputError("csr: loss, anchor and negatives are choices of the single anchor; set double_anchor=false")
    if not config.map_channels or not set(config.map_channels) <= {1, 2, 3, 4}:
        raise InputError(f"csr: map_channels are some of 1, 2, 3, 4, not {config.map_channels}")
    if len(config.share) != 2:
        raise InputError(f"csr: share is two numbers, at the start and at the end of training, not {config.share}")
    disorders = config.double_anchor or config.recovery
    if disorders:
        pairs.label("grid" if config.disorder == "grid" else pairs.training.strokes, config.strokes)

    def loss(trained: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        if not disorders:
            encoded = trained(batch.ink, batch.photos)
            retrieval = retrieval_loss(config, encoded.sketch, encoded.photo)
            return {"loss": config.weight * retrieval}
        share = config.share[0] + (config.share[1] - config.share[0]) * fraction
        ink, target = disordered_batch(batch, share, network.recovery_size)
        encoded = trained(batch.ink, batch.photos, ink)
        alpha = 1 - config.alpha_slope * share
        second = encoded.disordered if config.double_anchor else None
        values = {"retrieval": retrieval_loss(config, encoded.sketch, encoded.photo, second, alpha)}
        total = config.weight * values["retrieval"]
        if config.recovery:
            values["recovery"] = recovery_loss(encoded.recovered, target, config.map_channels).mean()
            total = total + values["recovery"]
        return {"loss": total, **values}

    return [budget_phase(network, network.backbone, config.training, pairs.at, loss)]


def disordered_batch(batch: PairBatch, share: float, size: int) -> tuple[Tensor, Tensor]:
    """The disordered sketches of a batch, ``[B, S, S]``, and their recovery maps of 0 and 1, ``[B, 4, size, size]``.

    Both are float. ``share`` is p_d. The random numbers depend on torch's global generator.
    """
    assert batch.labels is not None
    random = np.random.default_rng(int(torch.randint(2**62, (1,))))
    labels = batch.labels.cpu().numpy()
    moved = disorder(labels, share, random)
    ink = disordered_ink(batch.ink.cpu().numpy(), labels, moved)
    target = recovery_map(labels, moved, size)
    device = batch.ink.device
    return torch.from_numpy(ink).to(device).float(), torch.from_numpy(target).to(device).float()


def retrieval_loss(
    config: Config, sketches: Tensor, photos: Tensor, disordered: Tensor | None = None, alpha: float = 0.0
) -> Tensor:
    """The configured retrieval loss of vectors ``[B, D]`` (section 3.2 and Table 5).

    ``disordered [B, D]`` with weight ``alpha`` are the second anchors, if given.
    """
    naive = config.negatives == "one"
    if config.loss == "triplet":
        scale, kind = config.similarity_scale, config.similarity
        return batch_triplet(sketches, photos, config.margin, kind, scale, config.anchor, naive)
    if disordered is not None:
        return double_anchor_info_nce(sketches, disordered, photos, config.temperature, alpha, config.similarity)
    return info_nce(sketches, photos, config.temperature, config.similarity, config.anchor, naive)


def recovery_loss(recovered: Tensor, target: Tensor, channels: tuple[int, ...] = (1, 2, 3, 4)) -> Tensor:
    """Binary cross-entropy of logits ``recovered [B, 4, h, w]``, ``[B]``.

    The mean is over pixels and the given ``channels`` (1 to 4).
    """
    used = [c - 1 for c in channels]
    losses = F.binary_cross_entropy_with_logits(recovered[:, used].float(), target[:, used], reduction="none")
    return losses.mean(dim=(1, 2, 3))
