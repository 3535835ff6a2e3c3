"""What every registered method must do in training: finish a run, go on after a kill, refuse what it cannot do."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from tiny_runs import SET, START, TINY

from sketchseek.cli import main
from sketchseek.errors import InputError
from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.methods import get_method
from sketchseek.lab.runs import load_network
from sketchseek.lab.training import loop
from sketchseek.lab.training.run import Plan, run_training


def plan(slug: str) -> Plan:
    method = get_method(slug)
    return Plan(method, override(method.config("bench"), TINY), "bench", None, 0, START, None)


def test_a_run_says_what_it_is(run_folder: Path) -> None:
    run = json.loads((run_folder / "run.json").read_text())
    assert run["finished"] and run["main"] == "last" and "validation photos" in run["checkpoint"]
    assert run["data"][0]["train"]["photos"] + run["data"][0]["validation"]["photos"] == 24
    assert run["minutes"] >= 0 and run["config"]["training"]["pairs"] == 48
    losses = [json.loads(line).get("loss") for line in (run_folder / "log.jsonl").read_text().splitlines()]
    assert sum(loss is not None for loss in losses) >= 6


def test_a_killed_run_takes_the_same_next_steps(
    slug: str, run_folder: Path, pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    data = [open_dataset(f"folder:{pairs_folder}")]

    def killed_after_three(done: int, total: int, values: dict[str, float]) -> None:
        if done == 4:  # the checkpoint at hand is that of step 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(plan(slug), data, tmp_path / "run", killed_after_three)
    assert not (tmp_path / "run" / "last.safetensors").exists()
    run_training(plan(slug), data, tmp_path / "run")
    whole, _ = load_network(run_folder)
    resumed, _ = load_network(tmp_path / "run")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    for _, phase in itertools.groupby((entry for entry in log if "loss" in entry), lambda entry: entry["phase"]):
        steps = [entry["step"] for entry in phase]
        assert steps == list(range(1, len(steps) + 1))


def test_a_finished_run_and_another_config_are_refused(
    slug: str, run_folder: Path, pairs_folder: Path, tmp_path: Path
) -> None:
    data = [open_dataset(f"folder:{pairs_folder}")]
    with pytest.raises(InputError, match="finished run"):
        run_training(plan(slug), data, run_folder)
    (tmp_path / "other").mkdir()
    run = json.loads((run_folder / "run.json").read_text()) | {"finished": False, "weights": "elsewhere"}
    (tmp_path / "other" / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match="another weights"):
        run_training(plan(slug), data, tmp_path / "other")


def test_a_run_does_not_start_from_an_unfinished_one(
    slug: str, run_folder: Path, pairs_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "half").mkdir()
    run = json.loads((run_folder / "run.json").read_text()) | {"finished": False}
    (tmp_path / "half" / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match="not finished"):
        data = [open_dataset(f"folder:{pairs_folder}")]
        run_training(replace(plan(slug), start=tmp_path / "half"), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_cannot_start_leaves_no_folder(slug: str, pairs_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = ["train", slug, "--data", f"folder:{pairs_folder}", "--out", str(out), *SET]
    assert main([*command, "--weights", str(tmp_path / "none.safetensors")]) == 2
    assert main([*command, "--weights", "random", "--set", "training.batch=32"]) == 2  # more than there are photos
    assert not out.exists()
