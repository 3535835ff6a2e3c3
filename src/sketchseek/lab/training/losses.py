"""Losses that several methods share. Rows of ``sketches`` and ``photos`` pair up; every loss is a scalar tensor,
float32.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Anchor = Literal["sketch", "photo", "both"]
Similarity = Literal["cosine", "l2", "dot"]


def euclidean_distances(a: Tensor, b: Tensor) -> Tensor:
    """``[n, D], [m, D] -> [n, m]``, with a zero gradient (not NaN) where two rows are equal."""
    a, b = a.float(), b.float()
    squared = a.square().sum(1)[:, None] + b.square().sum(1)[None] - 2 * a @ b.T
    return squared.clamp_min(1e-12).sqrt()


def similarities(sketches: Tensor, photos: Tensor, kind: Similarity) -> Tensor:
    """``[n, D], [m, D] -> [n, m]`` float32, higher is closer: the cosine, minus the plain L2 distance, or the dot
    product (CSR 2022, B2.1).
    """
    if kind == "l2":
        return -euclidean_distances(sketches, photos)
    sketches, photos = sketches.float(), photos.float()
    if kind == "cosine":
        sketches, photos = F.normalize(sketches, dim=1), F.normalize(photos, dim=1)
    return sketches @ photos.T


def batch_triplet(
    sketches: Tensor,
    photos: Tensor,
    margin: float,
    kind: Similarity = "l2",
    scale: float = 1.0,
    anchor: Anchor = "sketch",
    naive: bool = False,
) -> Tensor:
    """Triplets within a batch (CSR 2022, B2.5 and Table 5), of vectors ``[B, D]``.

    The mean of ``relu(margin + scale (s_an - s_ap))`` over all pairs of an anchor and an item of the batch, where what
    is not a negative counts as zero (the efficient collection; for one anchor ``B^2`` entries, the diagonal zero), or
    over anchors with one random negative each (``naive``). ``scale`` is lambda.
    """
    sides = _contrasts(sketches, photos, kind, anchor, naive)
    losses = []
    for similarity, positive, negative in sides:
        own = similarity.gather(1, positive[:, None])
        violation = (margin + scale * (similarity - own)).relu() * negative
        losses.append(violation.sum(1).mean() if naive else violation.mean())
    return torch.stack(losses).mean()


def info_nce(
    sketches: Tensor,
    photos: Tensor,
    temperature: float,
    kind: Similarity = "cosine",
    anchor: Anchor = "sketch",
    naive: bool = False,
    identity: Tensor | None = None,
) -> Tensor:
    """InfoNCE of vectors ``[B, D]``: single-anchor (CSR 2022, B2.1 with alpha = 0), or anchored at photos or at both.

    Minus the logarithm of the positive's share among ``e^(similarity / temperature)`` of positive and negatives, mean
    over anchors. ``both`` is the original InfoNCE: sketches and photos are anchors, and either are negatives. Pairs of
    equal ``identity [B]`` are not each other's negatives.
    """
    losses = []
    for similarity, positive, negative in _contrasts(sketches, photos, kind, anchor, naive, identity):
        own = F.one_hot(positive, similarity.shape[1]).bool()
        logits = (similarity / temperature).masked_fill(~(negative | own), -math.inf)
        losses.append(F.cross_entropy(logits, positive))
    return torch.stack(losses).mean()


def nt_xent(first: Tensor, second: Tensor, temperature: float, identity: Tensor | None = None) -> Tensor:
    """NT-Xent of two views ``[B, D]`` of the same B things (SimCLR, Chen et al., ICML 2020, Eq. 1).

    The cross-entropy of the cosines of each of the 2B vectors to the 2B - 1 others, over ``temperature``; the other
    view of the same thing is the positive. Mean over the 2B. Things of equal ``identity [B]`` are not each other's
    negatives.
    """
    return info_nce(first, second, temperature, anchor="both", identity=identity)


def double_anchor_info_nce(
    sketches: Tensor, disordered: Tensor, photos: Tensor, temperature: float, alpha: float, kind: Similarity = "cosine"
) -> Tensor:
    """Double-anchor InfoNCE (CSR 2022, B2.1), of vectors ``[B, D]``; ``disordered`` are the disordered sketches s'.

    ``-log [(e^S_ii + alpha e^S'_ii) / sum_j (e^S_ij + alpha e^S'_ij)]``, mean over i, S = similarity / temperature to
    the photos. Written with logsumexp over ``{S_ij} u {S'_ij + ln alpha}``, so a hard item keeps its gradient at any
    temperature. ``alpha`` = 0 drops the second set.
    """
    if alpha <= 0:
        return info_nce(sketches, photos, temperature, kind)
    first = similarities(sketches, photos, kind) / temperature
    second = similarities(disordered, photos, kind) / temperature + math.log(alpha)
    logits = torch.stack([first, second])
    return (logits.logsumexp((0, 2)) - logits.diagonal(dim1=1, dim2=2).logsumexp(0)).mean()


def _contrasts(
    sketches: Tensor,
    photos: Tensor,
    kind: Similarity,
    anchor: Anchor,
    naive: bool,
    identity: Tensor | None = None,
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """What each anchor is compared with: similarity ``[anchors, items]``, the positive's column ``[anchors]`` and
    which columns are negatives ``[anchors, items]``; the loss is the mean over the list. ``naive`` draws its negatives
    among all other pairs.
    """
    count, device = len(sketches), sketches.device
    rows = torch.arange(count, device=device)
    itself = torch.eye(count, dtype=torch.bool, device=device)
    if identity is not None:
        itself = identity[:, None] == identity
    if anchor == "both" and not naive:
        items = torch.cat([sketches, photos])
        return [(similarities(items, items, kind), torch.cat([rows + count, rows]), ~itself.repeat(2, 2))]
    matrix = similarities(sketches, photos, kind)
    sides = [matrix] * (anchor != "photo") + [matrix.T] * (anchor != "sketch")
    result = []
    for similarity in sides:
        negative = ~itself
        if naive:
            negative = F.one_hot((rows + torch.randint(1, count, (count,), device=device)) % count, count).bool()
        result.append((similarity, rows, negative))
    return result
