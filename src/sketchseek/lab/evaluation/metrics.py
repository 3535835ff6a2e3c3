"""Ranks, and metrics computed from them. Pure numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Figures = dict[str, float | None]

# Which photos are right: the one that was drawn (instance level), or all of its category (category level).
Relevant: TypeAlias = Literal["photo", "category"]

SUCCESS = (1, 5, 10)  # values of k: a search succeeds if the right photo is among the first k
LOWER_IS_BETTER = tuple(f"strokes_to_success@{k}" for k in SUCCESS)
OVER_STEPS = ("m@A", "m@B", "w@mA", "w@mB", "rank_area", *LOWER_IS_BETTER)


def ranks_of(similarity: NDArray[np.floating[Any]], target: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """The rank of each query's right photo, ``[queries]``; 1 is best.

    ``similarity [queries, gallery]`` is higher for closer photos, ``target [queries]`` indexes the gallery. Ties count
    against the query: the rank is the number of photos at least as close as the right one. Raises ValueError for NaN.
    """
    if np.isnan(similarity).any():
        raise ValueError("a similarity is not a number")
    own = np.take_along_axis(similarity, np.asarray(target)[:, None], axis=1)
    return (similarity >= own).sum(axis=1)


def figures(ranks: NDArray[np.integer[Any]], gallery: int) -> Figures:
    """All metrics, in percent, from ``ranks [queries, steps]`` in a gallery of this many photos.

    Each is the mean of ``per_query`` over the queries, times 100. acc@k and the mean reciprocal rank are for the last
    step, the complete sketch. The others are over all steps, and None if there is only one step.
    """
    only_complete = ranks.shape[1] == 1
    return {
        name: None if only_complete and name in OVER_STEPS else float(values.mean() * 100)
        for name, values in per_query(ranks, gallery).items()
    }


def per_query(ranks: NDArray[np.integer[Any]], gallery: int) -> Mapping[str, NDArray[np.float64]]:
    """The value of each metric for each query, 0..1, ``[queries]``, from ``ranks [queries, steps]``.

    At step t of T, with G photos in the gallery:

    - acc@k: whether the complete sketch has rank k or better;
    - m@A, m@B: the mean over the steps of the rank percentile ``(G - rank) / (G - 1)`` and of ``1 / rank`` (Bhunia et
      al., CVPR 2020, section 4);
    - w@mA, w@mB: the same, with step t weighted by ``exp(-t / T)`` (LGRL). The weights are not normalised, so the
      maximum is their mean, 0.616 at T = 20;
    - rank_area: the mean over the steps of ``1 - ln(rank) / ln(G)``, which is the area under the curve of ranks during
      the drawing, on a logarithmic scale from 1 (first) to 0 (last). Each halving of the rank counts the same. In a
      large gallery, by contrast, m@A hardly distinguishes rank 1 from rank 20, and m@B hardly rank 20 from the last;
    - strokes_to_success@k: the share of the drawing, t / T, from which on the rank stays k or better; 1 if it never
      does. For these metrics only, lower is better.
    """
    last, steps = ranks[:, -1], ranks.shape[1]
    percentile = (gallery - ranks) / max(gallery - 1, 1)
    weight = np.exp(-np.arange(1, steps + 1) / steps)
    return (
        {f"acc@{k}": (last <= k).astype(np.float64) for k in SUCCESS}
        | {
            "m@A": percentile.mean(axis=1),
            "m@B": (1 / ranks).mean(axis=1),
            "w@mA": (weight * percentile).mean(axis=1),
            "w@mB": (weight / ranks).mean(axis=1),
            "rank_area": 1 - (np.log(ranks) / np.log(max(gallery, 2))).mean(axis=1),
        }
        | {f"strokes_to_success@{k}": np.minimum(success_step(ranks, k) + 1, steps) / steps for k in SUCCESS}
        | {"mean_reciprocal_rank": 1 / last}
    )


def success_step(ranks: NDArray[np.integer[Any]], k: int) -> NDArray[np.intp]:
    """The first step, from 0, from which on the rank is ``k`` or better until the end, ``[queries]``.

    It is the number of steps if the complete sketch has a worse rank.
    """
    missed = ranks > k
    return np.where(missed.any(axis=1), ranks.shape[1] - np.argmax(missed[:, ::-1], axis=1), 0)
