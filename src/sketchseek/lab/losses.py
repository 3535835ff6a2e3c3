"""Losses that several methods share. Rows of ``sketches`` and ``photos`` pair up; every loss is a scalar tensor,
float32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def triplet(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean over rows of ``relu(d(a, p) - d(a, n) + margin)``, all ``[B, D]``.

    ``d(a, b) = ||a - b + 1e-6||`` is the distance of torch's TripletMarginLoss, as in Bhunia et al. 2020.
    """
    return F.triplet_margin_loss(anchor.float(), positive.float(), negative.float(), margin=margin)


def euclidean_distances(a: Tensor, b: Tensor) -> Tensor:
    """``[n, D], [m, D] -> [n, m]``, with a zero gradient (not NaN) where two rows are equal."""
    a, b = a.float(), b.float()
    squared = a.square().sum(1)[:, None] + b.square().sum(1)[None] - 2 * a @ b.T
    return squared.clamp_min(1e-12).sqrt()


def batch_all_triplet(sketches: Tensor, photos: Tensor, margin: float) -> Tensor:
    """The efficient triplet collection (CSR 2022, Table 5; Song et al.): every other photo of the batch is a negative.

    Mean over all ``B^2`` entries, the diagonal counted as zero, of ``relu(d_ii - d_ij + margin)`` with the plain L2
    distance.
    """
    distances = euclidean_distances(sketches, photos)
    violation = (distances.diagonal()[:, None] - distances + margin).relu()
    return (violation * ~torch.eye(len(violation), dtype=torch.bool, device=violation.device)).mean()


def info_nce(sketches: Tensor, photos: Tensor, temperature: float) -> Tensor:
    """Single-anchor InfoNCE (CSR 2022, section B2.1 with alpha = 0): cross-entropy of cos(s_i, p_j) / temperature.

    The logits are float32 and pass through logsumexp, so a hard item keeps its gradient at any temperature.
    """
    logits = F.normalize(sketches.float(), dim=1) @ F.normalize(photos.float(), dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
