"""What the tests of every method share: a tiny trained run of each and its exported model."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_runs import SET, SLUGS, START

from sketchseek.cli import main


@pytest.fixture(scope="module", params=SLUGS)
def slug(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def run_folder(slug: str, pairs_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One tiny trained run of the method, made by the command a user types."""
    out = tmp_path_factory.mktemp("runs") / slug
    command = ["train", slug, "--data", f"folder:{pairs_folder}", "--weights", START, "--out", str(out), *SET]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHDYNAMO_DISABLE", "1")
        patch.setenv("XDG_CACHE_HOME", str(out.parent / "cache"))
        assert main(command) == 0
    return out


@pytest.fixture(scope="module")
def model_folder(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "exported"
    assert main(["export", str(run_folder), str(out)]) == 0
    return out
