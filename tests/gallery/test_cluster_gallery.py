"""A gallery on a cluster, by the command line: the same commands, the same results. The cluster is ``qdrant-client``'s
local mode.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from local_model import make_local_model
from photos_on_disk import make_photo
from qdrant_client import QdrantClient
from tiny_model import make_tiny_model

from sketchseek.cli import main
from sketchseek.gallery import cluster

ADDRESS = "qdrant+http://cluster:6333/photos?shards=2"
pytestmark = pytest.mark.filterwarnings("ignore:Local mode")


@pytest.fixture(autouse=True)
def _local_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "connect", lambda _: QdrantClient(path=str(tmp_path / "cluster")))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "this-machine"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for index in range(6):
        make_photo(tmp_path / "photos" / f"{index}.jpg", index, size=(80, 60))
    return tmp_path / "photos"


def said(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    """What a command prints as JSON."""
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main([*map(str, words)]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("make", [make_tiny_model, make_local_model], ids=["vectors", "features"])
def test_the_same_commands_have_the_same_results(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str], make: Any
) -> None:
    model, folder, drawing = make(tmp_path / "model"), tmp_path / "gallery", tmp_path / "drawing.svg"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1 8 8 1 8 4 2"/></svg>')
    for gallery in (folder, ADDRESS):
        assert said(capsys, "index", photos, "--model", model, "--gallery", gallery)["added"] == 6
    (photos / "1.jpg").rename(photos / "renamed.jpg")
    (photos / "2.jpg").unlink()
    done = [said(capsys, "index", "--gallery", gallery) for gallery in (folder, ADDRESS)]
    assert [(report["moved"], report["removed"], report["photos"]) for report in done] == [(1, 1, 5)] * 2
    for ask in (["search", drawing], ["search", "--photo", photos / "0.jpg"], ["status"], ["sources"]):
        here, there = (said(capsys, *ask, "--gallery", gallery) for gallery in (folder, ADDRESS))
        if ask[0] == "search":
            assert [hit.pop("score") for hit in there] == pytest.approx([hit.pop("score") for hit in here], abs=1e-4)
        elif ask[0] == "status":
            assert here.pop("gallery") != there.pop("gallery")
        assert there == here
    assert said(capsys, "remove", photos / "3.jpg", "--gallery", ADDRESS)["removed"] == 1
    assert said(capsys, "status", "--gallery", ADDRESS)["photos"] == 4


def test_other_machines_join_with_the_same_model_only(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, other = make_tiny_model(tmp_path / "model"), make_tiny_model(tmp_path / "other", seed=1)
    assert "no gallery there; make one with `sketchseek index" in refused(capsys, "status", "--gallery", ADDRESS)
    said(capsys, "index", photos, "--model", model, "--gallery", ADDRESS)
    assert "name another collection" in refused(capsys, "index", "--model", other, "--gallery", ADDRESS)

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another-machine"))
    assert "is of another model" in refused(capsys, "status", "--gallery", ADDRESS)  # than the one that is shipped
    assert "is of another model" in refused(capsys, "index", photos, "--model", other, "--gallery", ADDRESS)
    make_photo(tmp_path / "more" / "new.jpg", 9)
    done = said(capsys, "index", tmp_path / "more", "--model", model, "--gallery", ADDRESS)
    assert (done["added"], done["photos"]) == (1, 7)
    status = said(capsys, "status", "--gallery", ADDRESS)
    assert [(source["path"], source["photos"]) for source in status["sources"]] == [(str(tmp_path / "more"), 1)]
