"""The paired bootstrap, to test whether the difference between two systems is significant."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def paired_bootstrap(
    a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]], seed: int = 0, draws: int = 10_000
) -> tuple[float, float, float]:
    """Mean of ``a - b`` with its 95 % percentile-bootstrap interval: (mean, low, high), in the unit of the inputs.

    ``a`` and ``b`` have one value for each query, ``[queries]``, in the same order. The difference is significant only
    if the interval excludes 0. Raises ValueError if the shapes differ.
    """
    if a.shape != b.shape or a.ndim != 1 or len(a) == 0:
        raise ValueError(f"a paired comparison needs the same queries on both sides, not {a.shape} and {b.shape}")
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    # In blocks, to bound memory.
    generator = np.random.default_rng(seed)
    means = []
    for _ in range(0, draws, 500):
        picks = generator.integers(0, len(difference), size=(500, len(difference)))
        means.append(difference[picks].mean(axis=1))
    low, high = np.percentile(np.concatenate(means)[:draws], [2.5, 97.5])
    return float(difference.mean()), float(low), float(high)
