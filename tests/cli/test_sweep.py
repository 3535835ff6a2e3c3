"""``sketchseek sweep``: a curve trained, measured and drawn, and taken up again after a kill."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("torch")

from sketchseek.cli import main
from sketchseek.lab import experiment
from sketchseek.lab.methods import Method

SET = [
    "--set",
    "size=64",
    "--set",
    "training.pairs=16",
    "--set",
    "training.batch=8",
    "--set",
    "training.precision=fp32",
]
ROWS = {
    "margin-2": {"curve": "margin", "x": 2, "margin": 2.0},
    "margin-0.02": {"curve": "margin", "x": 0.02, "margin": 0.02},
    "other": {"about": "of no curve"},
    "size-96": {"curve": "size", "x": 96, "size": 96},
}


@pytest.fixture(autouse=True)
def _rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Method, "rows", property(lambda method: ROWS))


def command(method: str, curve: str, data: Path, out: Path, *more: str) -> list[str]:
    start = ["sweep", method, curve, "--data", f"folder:{data}", "--weights", "random", "--out", str(out)]
    return [*start, *SET, "--json", *more]


@pytest.mark.slow
def test_a_curve_is_trained_measured_and_drawn(
    pairs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sweep"
    assert main(command("siamese", "margin", pairs_folder, out)) == 0
    points = json.loads(capsys.readouterr().out)
    assert [(p["row"], p["x"]) for p in points] == [("margin-0.02", 0.02), ("margin-2", 2)]
    document = json.loads((out / "sweep.json").read_text())
    assert document["points"] == points
    assert (document["method"], document["curve"], document["split"]["queries"]) == ("siamese", "margin", 12)
    with Image.open(out / "sweep.png") as picture:
        assert picture.width > 1000
    for point in points:
        run = json.loads((out / point["row"] / "run.json").read_text())
        assert run["config"]["margin"] == point["x"] and run["row"] == point["row"]
        measure = ["evaluate", str(out / point["row"]), "--data", f"folder:{pairs_folder}", "--steps", "1", "--json"]
        assert main(measure) == 0
        figures = json.loads(capsys.readouterr().out)
        assert all(point[name] == figures[name] for name in ("acc@1", "acc@10", "mean_reciprocal_rank"))
    assert not (out / "recovered.png").exists()


@pytest.mark.slow
def test_the_same_command_goes_on_and_another_is_refused(
    pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, real = tmp_path / "sweep", experiment.run_training
    trained: list[str] = []

    def killed_at_the_second(plan, *rest):  # type: ignore[no-untyped-def]
        if trained and not resumed:
            raise KeyboardInterrupt
        trained.append(plan.row)
        return real(plan, *rest)

    resumed = False
    monkeypatch.setattr(experiment, "run_training", killed_at_the_second)
    words = command("siamese", "margin", pairs_folder, out)
    assert main(words) == 130
    assert not (out / "sweep.json").exists()
    resumed = True
    assert main(words) == 0
    assert trained == ["margin-0.02", "margin-2"]
    points = json.loads(capsys.readouterr().out)
    assert main(words) == 0  # all runs are kept
    assert json.loads(capsys.readouterr().out) == points and len(trained) == 2
    for changed, name in (("--seed=3", "seed"), ("--set=size=96", "config")):
        assert main([*words, changed]) == 2
        assert f"another {name}" in capsys.readouterr().err
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"x")
    assert main([*words, "--weights", str(other)]) == 2
    assert "another weights" in capsys.readouterr().err
    assert json.loads((out / "sweep.json").read_text())["points"] == points


@pytest.mark.slow
def test_recovered_sketches_stand_side_by_side(
    pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {f"w-{w}": {"curve": "w", "x": w, "weight": w} for w in (1, 10)}
    monkeypatch.setattr(Method, "rows", property(lambda method: rows))
    assert main(command("csr", "w", pairs_folder, tmp_path / "sweep")) == 0
    assert (tmp_path / "sweep" / "recovered.png").exists()


@pytest.mark.slow
def test_photos_alone_make_a_curve_where_there_are_test_sketches(
    pairs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, data = tmp_path / "sweep", tmp_path / "data"
    shutil.copytree(pairs_folder, data)
    for sketch in (data / "train" / "sketches").iterdir():
        sketch.unlink()
    words = command("siamese", "margin", data, out)
    assert main(words) == 0
    points = json.loads(capsys.readouterr().out)
    assert main(words) == 0  # all runs are kept
    assert json.loads(capsys.readouterr().out) == points


def test_a_curve_needs_test_sketches(pairs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sweep"
    assert main(command("siamese", "margin", pairs_folder / "train" / "photos", out)) == 2
    assert "measured on test sketches, and this data has none" in capsys.readouterr().err
    assert not out.exists()


def test_what_cannot_start_leaves_nothing(
    pairs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sweep"
    assert main(command("siamese", "tau", pairs_folder, out)) == 2
    assert "siamese has no curve 'tau'; it has margin, size" in capsys.readouterr().err
    assert main(command("siamese", "margin", pairs_folder, out, "--set", "margins=1")) == 2
    assert main(command("siamese", "margin", pairs_folder, out, "--set", "margin")) == 2
    assert "--set margin: write KEY=VALUE" in capsys.readouterr().err
    assert main(command("siamese", "margin", pairs_folder, out, "--weights", str(tmp_path / "none.safetensors"))) == 2
    assert main(["sweep", "siamese", "margin", "--out", str(out)]) == 2
    assert main(command("siamese", "margin", pairs_folder, out, "--set", "training.batch=32")) == 2
    assert not out.exists()
