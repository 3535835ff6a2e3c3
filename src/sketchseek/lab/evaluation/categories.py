"""Figures of category-level retrieval, where every photo of the sketch's category is right. Pure numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.lab.evaluation.metrics import Figures

FIRST = (1, 10, 100, 200)  # values of k of P@k
AMONG = 200  # photos of mAP@200
POSSIBLE = "P@10_of_possible"


@dataclass(frozen=True)
class OfCategory:
    """What was found for the sketches of one category.

    ``sketches`` and ``photos`` are how many there are of it, ``first`` the categories of the photos that came first,
    each with the number of sketches, most frequent first.
    """

    sketches: int
    photos: int
    figures: Figures
    first: dict[str, int]


def ranking(similarity: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The photos in the order of the search, closest first, ``[queries, photos]``.

    ``similarity [queries, photos]`` is higher for closer photos, ``right`` tells which ones are right. Ties count
    against the query: of equally close photos the wrong ones come first. Raises ValueError for NaN.
    """
    if np.isnan(similarity).any():
        raise ValueError("a similarity is not a number")
    return np.lexsort((right, -similarity), axis=1)


def ranks_of_right(found: NDArray[np.bool_], width: int) -> NDArray[np.int64]:
    """The ranks of all right photos of each query, ascending from 1 on, ``[queries, width]``; 0 where there are fewer.

    ``found [queries, photos]`` tells for the photos in the order of the search whether they are right, at most
    ``width`` of them.
    """
    ranks = np.zeros((len(found), width), dtype=np.int64)
    ranks[np.arange(width) < found.sum(axis=1)[:, None]] = np.nonzero(found)[1] + 1
    return ranks


def category_figures(ranks: NDArray[np.integer[Any]], gallery: int) -> Figures:
    """The figures in percent, the means of ``category_per_query`` times 100; None for P@k of fewer than k photos."""
    values = category_per_query(ranks, gallery)
    names = [*(f"P@{k}" for k in FIRST), POSSIBLE, "mAP@all", f"mAP@{AMONG}"]
    return {name: float(100 * values[name].mean()) if name in values else None for name in names}


def category_per_query(ranks: NDArray[np.integer[Any]], gallery: int) -> Mapping[str, NDArray[np.float64]]:
    """The value of each figure for each query, ``[queries]``, from ``ranks`` as ``ranks_of_right`` gives them, each
    query with at least one right photo, in a gallery of this many photos.

    - P@k: the share of the first k photos that are right. P@1 says whether the right category comes first;
    - P@10_of_possible: the number of right ones among the first ten, over the mean of the largest such numbers that
      the gallery allows (10, or as many photos as the category has). So the mean over the queries is the share found
      of what is possible; the value of one query may be above 1;
    - mAP@all: average precision, the mean over all right photos of the precision at their ranks, not interpolated;
    - mAP@200: the same for the first 200 photos: the sum of the precisions at the right ones among them, divided by how
      many right ones they could hold (200, or as many as there are).

    Published code differs for mAP@200. SAKE (Liu et al., ICCV 2019) and ZSE-SBIR (Lin et al., CVPR 2023) divide as
    here, but interpolate: they replace the precision at a rank by the largest one at it or behind it (PASCAL VOC).
    SEM-PCYC (Dutta and Akata, CVPR 2019) and torchmetrics divide by the number of right photos found among the first
    200, which rewards finding few of many. For P@k, SEM-PCYC divides by k, as here; ZSE-SBIR by the number of right
    photos where that is less.
    """
    right = ranks > 0
    count = right.sum(axis=1)
    among = {k: (right & (ranks <= k)) for k in FIRST}
    precision = np.where(right, np.arange(1, ranks.shape[1] + 1) / np.maximum(ranks, 1), 0)
    return {
        **{f"P@{k}": hits.sum(axis=1) / k for k, hits in among.items() if k <= gallery},
        POSSIBLE: among[10].sum(axis=1) / np.minimum(count, 10).mean(),
        "mAP@all": precision.sum(axis=1) / count,
        f"mAP@{AMONG}": np.where(ranks <= AMONG, precision, 0).sum(axis=1) / np.minimum(count, AMONG),
    }


def by_category(
    ranks: NDArray[np.integer[Any]], gallery: int, of_sketches: Sequence[str], of_first: Sequence[str]
) -> dict[str, OfCategory]:
    """The figures of each category by its name, sorted.

    ``of_sketches`` are the categories of the queries of ``ranks``, ``of_first`` those of the photos that came first.
    """
    found = {}
    for name in sorted(set(of_sketches)):
        rows = [row for row, category in enumerate(of_sketches) if category == name]
        first = Counter(of_first[row] for row in rows)
        photos = int((ranks[rows[0]] > 0).sum())
        found[name] = OfCategory(len(rows), photos, category_figures(ranks[rows], gallery), dict(first.most_common()))
    return found
