"""``sketchseek doctor`` and ``sketchseek datasets``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sketchseek.cli import main


def doctor(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", *map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_whole_copy(chairv2: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = doctor(capsys, "ChairV2", chairv2)
    assert code == 0
    assert report["files"] == 7 and report["problems"] == [] and report["duplicates"] == []
    assert report["train"] == {"photos": 4, "sketches": 8, "pairs": 8}
    assert report["test"] == {"photos": 2, "sketches": 4, "pairs": 4}
    assert main(["doctor", "chairv2", str(chairv2)]) == 0
    assert "matches none of the published releases: " in capsys.readouterr().out


def test_a_damaged_copy(chairv2: Path, picture: Any, capsys: pytest.CaptureFixture[str]) -> None:
    photos = chairv2 / "photo"
    (photos / "a.png").write_bytes((photos / "a.png").read_bytes()[:60])
    (photos / "b_c.png").unlink()
    picture(photos / "nobody.png")
    shutil.copy(photos / "test_train.png", photos / "g.png")
    code, report = doctor(capsys, "chairv2", chairv2)
    assert code == 1
    for expected in ("a.png: cannot be read", "'b_c' is missing", "nobody.png: photo without a sketch"):
        assert any(expected in line for line in report["problems"]), expected
    assert len(report["problems"]) == 4
    (duplicate,) = report["duplicates"]
    assert "g.png" in duplicate and "test_train.png" in duplicate
    assert report["get"].startswith("http")
    assert main(["doctor", "chairv2", str(chairv2)]) == 1
    assert "get it: http" in capsys.readouterr().out


def test_an_unreadable_pickle(chairv2: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = chairv2 / "ChairV2_Coordinate"
    path.write_bytes(path.read_bytes()[:200])
    code, report = doctor(capsys, "chairv2", chairv2)
    assert code == 1 and len(report["problems"]) == 1 and "ChairV2_Coordinate" in report["problems"][0]


def test_photos_that_nobody_drew(tmp_path: Path, picture: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("train", "test"):
        for index in range(2):
            picture(tmp_path / "set" / part / "photo" / "cup" / f"{part}{index}.jpg")
        picture(tmp_path / "set" / part / "sketch" / "cup" / f"{part}0-1.png")
        picture(tmp_path / "own" / part / "photos" / f"{part}.jpg")
    (tmp_path / "own" / "train" / "sketches").mkdir()
    (tmp_path / "own" / "test" / "sketches").mkdir()
    code, report = doctor(capsys, "sketchy-10", tmp_path / "set")
    assert code == 1 and sum("photo without a sketch" in line for line in report["problems"]) == 2
    code, report = doctor(capsys, "folder", tmp_path / "own")
    assert code == 0 and report["train"]["photos"] == 1
    code, report = doctor(capsys, "categories", tmp_path / "set" / "train" / "photo")
    assert code == 0 and report["train"]["photos"] + report["test"]["photos"] == 2


def test_a_folder_without_anything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / name).mkdir()
    code, report = doctor(capsys, "clothesv1", tmp_path)
    assert code == 1 and "holds neither photos nor sketches" in report["problems"][0]
    assert main(["doctor", "clothesv1", str(tmp_path / "nowhere")]) == 2
    assert "to get clothesv1: http" in capsys.readouterr().err


def test_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "--json"]) == 0
    entries = {entry["slug"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert set(entries) == {
        *("chairv2", "shoev2", "chair", "shoe", "sketchy", "sketchy-10", "sketchy-125", "clothesv1"),
        *("categories", "fs2k", "fs2k-sde1", "fs2k-sde2", "quickdraw", "synthetic", "folder", "drawings"),
        *("sketchy-unseen", "fscoco", "fscoco-unseen"),
    }
    published = {(v["train_sketches"], v["test_sketches"]) for v in entries["shoev2"]["variants"]}
    assert published >= {(5982, 666), (6051, 679)}
    for key in ("title", "paper", "licence", "get", "layout", "state"):
        assert all(entry[key] for entry in entries.values())
    assert main(["datasets"]) == 0
    assert "952/323" in capsys.readouterr().out
