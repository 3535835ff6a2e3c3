"""Ranks and the figures made of them (section 2 of the on-the-fly papers' protocol). Pure numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Figures = dict[str, float | None]


def ranks_of(similarity: NDArray[np.floating[Any]], target: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """The rank of each query's own photo, ``[queries]``, 1 is best.

    ``similarity [queries, gallery]`` is higher for closer; ``target [queries]`` indexes the gallery. A tie counts
    against the query: the rank is the number of photos at least as close as the right one. Raises ValueError for NaN.
    """
    if np.isnan(similarity).any():
        raise ValueError("a similarity is not a number")
    own = np.take_along_axis(similarity, np.asarray(target)[:, None], axis=1)
    return (similarity >= own).sum(axis=1)


def figures(ranks: NDArray[np.integer[Any]], gallery: int) -> Figures:
    """Every figure, in percent, of ``ranks [queries, steps]`` in a gallery of so many photos.

    acc@k and the mean reciprocal rank are of the last step (the complete sketch). m@A is the mean rank percentile
    ``(G - rank) / (G - 1)`` over queries and steps, m@B the mean of ``1 / rank``, and w@mA, w@mB weigh step t of T with
    ``exp(-t / T)`` (not normalised, so their maximum is the mean weight, 61.6 at T = 20). They are None where T is 1.
    """
    last = ranks[:, -1]
    steps = ranks.shape[1]
    result: Figures = {f"acc@{k}": float((last <= k).mean() * 100) for k in (1, 5, 10)}
    result |= dict.fromkeys(("m@A", "m@B", "w@mA", "w@mB"))
    if steps > 1:
        values = per_query(ranks, gallery)
        result |= {name: float(values[name].mean() * 100) for name in ("m@A", "m@B", "w@mA", "w@mB")}
    result["mean_reciprocal_rank"] = float((1 / last).mean() * 100)
    return result


def per_query(ranks: NDArray[np.integer[Any]], gallery: int) -> Mapping[str, NDArray[np.float64]]:
    """What each query contributes to each figure, in 0..1, ``[queries]``; the figure is the mean. The base of
    comparisons.
    """
    last, steps = ranks[:, -1], ranks.shape[1]
    percentile = (gallery - ranks) / max(gallery - 1, 1)
    weight = np.exp(-np.arange(1, steps + 1) / steps)
    return {f"acc@{k}": (last <= k).astype(np.float64) for k in (1, 5, 10)} | {
        "m@A": percentile.mean(axis=1),
        "m@B": (1 / ranks).mean(axis=1),
        "w@mA": (weight * percentile).mean(axis=1),
        "w@mB": (weight / ranks).mean(axis=1),
        "mean_reciprocal_rank": 1 / last,
    }
