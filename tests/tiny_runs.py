"""The smallest run that still shows every part of a method."""

from __future__ import annotations

import pytest

from sketchseek.lab.methods import methods

# The bench preset at the smallest size that still runs every part: 6 steps of 8 pairs at 64 px.
TINY = {"size": "64", "training.pairs": "48", "training.batch": "8", "training.precision": "fp32"}
SET = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
# Fewer epochs of a second phase, smaller regions, a small text tower.
SMALLER = {
    "fvlp": {"text.layers": "2", "text.width": "32"},
    "lgrl": {"head_epochs": "8", "region_size": "48"},
    "onthefly": {"policy.epochs": "4"},
}


def tiny_changes(slug: str) -> dict[str, str]:
    """The changes to a method's bench preset."""
    return TINY | SMALLER.get(slug, {})


# The inner loop runs the contract for one method, but for its export; `make test` runs all of it for all.
QUICK = "siamese"
SLUGS = [pytest.param(slug, marks=[] if slug == QUICK else [pytest.mark.slow]) for slug in methods()]
