"""What several tests of the lab share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sketchseek.lab.datasets.base import Split


@pytest.fixture(scope="session")
def train_split(pairs_folder: Path) -> Split:
    """The training part of ``pairs_folder``: 24 photos, a sketch of each, and captions."""
    from sketchseek.lab.datasets import open_dataset

    return open_dataset(f"folder:{pairs_folder}").train


@pytest.fixture(scope="session")
def siamese_run(pairs_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the baseline with its two taps, as it begins."""
    pytest.importorskip("torch")
    from sketchseek.lab.config import override
    from sketchseek.lab.datasets import open_dataset
    from sketchseek.lab.experiment import Plan, run_training
    from sketchseek.lab.methods import get_method

    out = tmp_path_factory.mktemp("runs") / "siamese"
    method = get_method("siamese")
    changes = {"size": "64", "training.pairs": "0", "training.batch": "8", "training.precision": "fp32"}
    plan = Plan(method, override(method.config("bench"), changes), "bench", None, 3, "random", None)
    run_training(plan, [open_dataset(f"folder:{pairs_folder}")], out)
    return out
