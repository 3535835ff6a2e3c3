"""Losses shared by several methods. Rows i of ``sketches`` and ``photos`` are pairs; losses are float32 scalars."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Anchor = Literal["sketch", "photo", "both"]
Similarity = Literal["cosine", "l2", "dot"]


def euclidean_distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances ``[n, D], [m, D] -> [n, m]``; for equal rows the gradient is zero, not NaN."""
    a, b = a.float(), b.float()
    squared = a.square().sum(1)[:, None] + b.square().sum(1)[None] - 2 * a @ b.T
    return squared.clamp_min(1e-12).sqrt()


def similarities(sketches: Tensor, photos: Tensor, kind: Similarity) -> Tensor:
    """Similarities ``[n, D], [m, D] -> [n, m]`` float32, higher is closer (CSR 2022, B2.1).

    ``kind`` is the cosine, minus the L2 distance, or the dot product.
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
    """Triplet loss within a batch of vectors ``[B, D]`` (CSR 2022, B2.5 and Table 5).

    It is the mean of ``relu(margin + scale (s_an - s_ap))``; ``scale`` is lambda. The mean is over all pairs of an
    anchor and an item of the batch, with zero for items that are no negatives (the efficient triplet collection; for
    one kind of anchor ``B^2`` entries with a zero diagonal). With ``naive`` it is over anchors with one random negative
    each.
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
    smoothing: float = 0.0,
) -> Tensor:
    """InfoNCE of vectors ``[B, D]``, with sketches (CSR 2022, B2.1 with alpha = 0), photos or both as anchors.

    It is minus the logarithm of the positive's share of ``e^(similarity / temperature)`` among positive and negatives,
    mean over anchors. ``both`` is the original InfoNCE: sketches and photos are anchors as well as negatives. Pairs
    with equal ``identity [B]`` are not each other's negatives. ``naive`` uses one random negative for each anchor.

    A share ``smoothing`` (0..1) of the target is spread evenly over positive and negatives, as other drawings fit a
    photo, too (I-Con's debiasing; Alshammari et al., ICLR 2025; for sketches: SketchScape, arXiv 2509.06566).
    """
    losses = []
    for similarity, positive, negative in _contrasts(sketches, photos, kind, anchor, naive, identity):
        own = F.one_hot(positive, similarity.shape[1]).bool()
        used = negative | own
        shares = (similarity / temperature).masked_fill(~used, -math.inf).log_softmax(dim=1)
        of_own = shares.gather(1, positive[:, None])[:, 0]
        of_all = shares.masked_fill(~used, 0).sum(1) / used.sum(1)
        losses.append(-((1 - smoothing) * of_own + smoothing * of_all).mean())
    return torch.stack(losses).mean()


def quadruplet(sketches: Tensor, photos: Tensor, category: Tensor, margin: float) -> Tensor:
    """Quadruplet loss of unit vectors ``[B, D]`` of the categories ``category [B]`` (Seddati et al., ICMR 2017).

    For each sketch s, with its photo p, a random other photo n of the same category and one m of another, it is
    ``relu(margin + |s - p| - |s - n|) + relu(margin + |s - n| - |s - m|)``, then the mean. Where the batch has no n or
    no m, p takes the place of n, and the term that lacks a photo is 0.
    """
    distances = euclidean_distances(sketches, photos)
    itself = torch.eye(len(distances), dtype=torch.bool, device=distances.device)
    alike = category[:, None] == category
    own = distances.diagonal()
    near, has_near = random_of(distances, alike & ~itself)
    far, has_far = random_of(distances, ~alike)
    of_instance = (margin + own - near).relu() * has_near
    of_category = (margin + torch.where(has_near, near, own) - far).relu() * has_far
    return (of_instance + of_category).mean()


def relational_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """How far similarities of a batch, sketches by photos ``[B, B]``, are from a teacher's (Park et al., Relational
    Knowledge Distillation, CVPR 2019, Eq. 4 and 5; of sketches and photos: Sain et al., arXiv 2505.23763).

    The mean Huber loss of the entries. Both matrices are standardised first, as similarities of two methods have
    different scales.
    """
    own, wanted = ((m - m.mean()) / m.std().clamp_min(1e-6) for m in (student, teacher))
    return F.huber_loss(own, wanted)


def nt_xent(first: Tensor, second: Tensor, temperature: float, identity: Tensor | None = None) -> Tensor:
    """NT-Xent of two views ``[B, D]`` of the same B items (SimCLR, Chen et al., ICML 2020, Eq. 1).

    For each of the 2B vectors, it is the cross-entropy of the cosines to the 2B - 1 others, divided by ``temperature``,
    with the other view of the same item as the positive; then the mean. Items with equal ``identity [B]`` are not each
    other's negatives.
    """
    return info_nce(first, second, temperature, anchor="both", identity=identity)


def double_anchor_info_nce(
    sketches: Tensor, disordered: Tensor, photos: Tensor, temperature: float, alpha: float, kind: Similarity = "cosine"
) -> Tensor:
    """Double-anchor InfoNCE (CSR 2022, B2.1) of vectors ``[B, D]``; ``disordered`` are the disordered sketches s'.

    ``-log [(e^S_ii + alpha e^S'_ii) / sum_j (e^S_ij + alpha e^S'_ij)]``, mean over i, with S = similarity to the photos
    / temperature. Computed by logsumexp over ``{S_ij} u {S'_ij + ln alpha}``, so hard items have a gradient at any
    temperature. With ``alpha`` = 0 there are no second anchors.
    """
    if alpha <= 0:
        return info_nce(sketches, photos, temperature, kind)
    first = similarities(sketches, photos, kind) / temperature
    second = similarities(disordered, photos, kind) / temperature + math.log(alpha)
    logits = torch.stack([first, second])
    return (logits.logsumexp((0, 2)) - logits.diagonal(dim1=1, dim2=2).logsumexp(0)).mean()


def random_of(distances: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
    """A random one of the ``allowed [B, B]`` entries of each row ``[B]``, and whether there is one ``[B]``."""
    exists = allowed.any(1)
    chosen = torch.multinomial((allowed | ~exists[:, None]).float(), 1)
    return distances.gather(1, chosen)[:, 0], exists


def _contrasts(
    sketches: Tensor,
    photos: Tensor,
    kind: Similarity,
    anchor: Anchor,
    naive: bool,
    identity: Tensor | None = None,
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """For each set of anchors: similarities ``[anchors, items]``, the positive's column ``[anchors]``, and a mask of
    negatives ``[anchors, items]``.

    The loss is the mean over the list. With ``naive`` one negative is drawn among all other pairs.
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
