"""What training shows where there is no terminal."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tiny_runs import SET

from sketchseek.cli import main, progress

pytest.importorskip("torch")


def test_training_says_what_it_does_and_how_well_it_goes(
    pairs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "siamese", "--data", f"folder:{pairs_folder}", "--weights", "random", *SET]
    assert main([*command, "--out", str(tmp_path / "run")]) == 0
    lines = capsys.readouterr().err.splitlines()
    first_step = next(number for number, line in enumerate(lines) if "step 1 of 6" in line)
    assert "reading photos and sketches" in lines[:first_step]
    assert "phase train, 6 steps" in lines[:first_step]
    assert lines[first_step].startswith("training siamese: step 1 of 6, loss ")
    assert any("step 6 of 6" in line and "validation acc@1 " in line for line in lines)
    assert lines[-1] == "calibrating the confidence on the validation drawings"
    assert logging.getLogger("sketchseek").handlers == []


def test_a_line_is_printed_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with progress.training_progress("training x") as report:
        for step in range(1, 101):
            now[0] += 1
            report(step, 1000, {"loss": 1 / step})
    assert capsys.readouterr().err.splitlines() == [
        "training x: step 1 of 1000, loss 1",
        "training x: step 31 of 1000, loss 0.03226",
        "training x: step 61 of 1000, loss 0.01639",
        "training x: step 91 of 1000, loss 0.01099",
    ]
