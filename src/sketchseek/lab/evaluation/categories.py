"""Retrieval by category: every photo of the drawing's category is right. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

AMONG = 200  # photos of mAP@200
FIRST = 10


def category_figures(
    similarity: NDArray[np.floating[Any]], of_sketches: Sequence[str], of_photos: Sequence[str]
) -> dict[str, float]:
    """Figures in percent, each the mean over the sketches, from ``similarity [sketches, photos]`` (higher is closer).

    - ``P@1``, ``P@10``: the share of the first 1 and 10 photos that are right. ``P@10 possible`` is what a perfect
      ranking has, below 100 where a category has fewer than ten photos;
    - ``mAP@all``: the mean of the precision at each right photo;
    - ``mAP@200``: the same over the right ones of the first 200 photos, divided by how many right ones these can hold.

    Of equally close photos, the earlier one comes first. Raises ValueError for a sketch whose category has no photo.
    """
    right = np.array(of_photos)[None] == np.array(of_sketches)[:, None]
    count = right.sum(axis=1)
    if not count.all():
        raise ValueError(f"no photo is of the category '{of_sketches[int(np.argmin(count))]}'")
    found = np.take_along_axis(right, np.argsort(-similarity, axis=1, kind="stable"), axis=1)
    precision = found * np.cumsum(found, axis=1) / np.arange(1, found.shape[1] + 1)
    of_each = {
        "P@1": found[:, 0],
        f"P@{FIRST}": found[:, :FIRST].sum(axis=1) / FIRST,
        f"P@{FIRST} possible": np.minimum(count, FIRST) / FIRST,
        "mAP@all": precision.sum(axis=1) / count,
        f"mAP@{AMONG}": precision[:, :AMONG].sum(axis=1) / np.minimum(count, AMONG),
    }
    return {name: float(100 * values.mean()) for name, values in of_each.items()}
