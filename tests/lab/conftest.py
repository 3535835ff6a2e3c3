"""What several tests of the lab share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def siamese_run(pairs_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the baseline with its two taps, as it begins."""
    pytest.importorskip("torch")
    from sketchseek.lab.config import override
    from sketchseek.lab.datasets import open_dataset
    from sketchseek.lab.methods import get_method
    from sketchseek.lab.training.run import Plan, run_training

    out = tmp_path_factory.mktemp("runs") / "siamese"
    method = get_method("siamese")
    changes = {"size": "64", "training.pairs": "0", "training.batch": "8", "training.precision": "fp32"}
    plan = Plan(method, override(method.config("bench"), changes), "bench", None, 3, "random", None)
    run_training(plan, [open_dataset(f"folder:{pairs_folder}")], out)
    return out
