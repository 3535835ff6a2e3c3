"""``sketchseek evaluate`` of several runs as one, and what its result files say together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import torch

from sketchseek.cli import main
from sketchseek.lab.config import override, to_dict
from sketchseek.lab.methods import get_method
from sketchseek.lab.runs import Run, TrainingData, TrainingPart, write_run
from sketchseek.lab.training.loop import save_network
from sketchseek.model.confidence import Confidence

CONFIDENCE = Confidence(margin=1.0, stability=0.0, log_ink=1.0, log_gallery=-0.5, intercept=0.0)


def make_run(folder: Path, up_to: float, seed: int) -> Path:
    """A run with random weights, as if trained on the first ``up_to`` of drawings."""
    method = get_method("siamese")
    changes = {"size": "64", "backbone": "torchvision/mobilenet_v2", "training.completion": f"0.05,{up_to}"}
    config: Any = override(method.config("bench"), changes)
    torch.manual_seed(seed)
    folder.mkdir()
    network = method.build(config)
    for module in network.modules():  # statistics of any images; without, all vectors would be nearly one
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train().encode_photo(torch.randint(0, 256, (8, 64, 64, 3), dtype=torch.uint8))
    save_network(folder / "last.safetensors", network)
    run = Run(
        method="siamese",
        preset="bench",
        seed=seed,
        config=to_dict(config),
        weights="random",
        data=(TrainingData("folder", "", TrainingPart(24, 24, ""), TrainingPart(0, 0, "")),),
        checkpoint="last step",
        minutes=2.0,
        core_minutes=3.0,
        confidence=CONFIDENCE,
        finished=True,
    )
    write_run(folder, run)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return {level: make_run(folder / f"upto{level}", level, seed) for seed, level in enumerate((0.25, 0.5, 1.0))}


def evaluated(capsys: pytest.CaptureFixture[str], out: Path, data: Path, *models: Path) -> dict[str, Any]:
    command = ["evaluate", *map(str, models), "--data", f"folder:{data}", "--steps", "8", "--result", str(out)]
    assert main([*command, "--json"]) == 0
    capsys.readouterr()
    result: dict[str, Any] = json.loads(out.read_text())
    return result


@pytest.mark.slow
def test_each_step_is_answered_by_the_model_of_the_nearest_completion_above(
    runs: dict[float, Path], pairs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = {level: evaluated(capsys, tmp_path / f"{level}.json", pairs_folder, run) for level, run in runs.items()}
    together = evaluated(capsys, tmp_path / "all.json", pairs_folder, *reversed(runs.values()))
    ranks = {level: np.array(result["ranks"]) for level, result in alone.items()}
    expected = np.concatenate([ranks[0.25][:, :2], ranks[0.5][:, 2:4], ranks[1.0][:, 4:]], axis=1)
    assert np.array(together["ranks"]).tolist() == expected.tolist()
    assert together["weights_hash"] == alone[1.0]["weights_hash"] and together["minutes"] == 6
    assert [level["up_to"] for level in together["levels"]] == [0.25, 0.5, 1.0] and alone[0.5]["levels"] == []
    assert together["figures"]["expected_calibration_error"] is None
    assert 0 <= alone[1.0]["figures"]["expected_calibration_error"] <= 100
    assert 0 < alone[1.0]["figures"]["strokes_to_success@10"] <= 100


def test_runs_that_do_not_make_up_one_are_named(
    runs: dict[float, Path], pairs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twin = make_run(tmp_path / "twin", 0.5, seed=9)
    data = ["--data", f"folder:{pairs_folder}"]
    assert main(["evaluate", str(runs[0.5]), str(twin), *data]) == 2
    assert "both trained up to 50% of a drawing" in capsys.readouterr().err
    assert main(["evaluate", str(runs[0.25]), str(runs[0.5]), *data]) == 2
    assert "none of the models was trained beyond 50% of a drawing" in capsys.readouterr().err
    assert main(["evaluate", *data]) == 2


@pytest.mark.slow
def test_the_report_shows_drawings_as_they_grew(
    runs: dict[float, Path], pairs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report"
    assert main(["evaluate", str(runs[1.0]), "--data", f"folder:{pairs_folder}", "--report", str(report)]) == 0
    assert "strokes_to_success@1 " in capsys.readouterr().out
    assert {path.name for path in report.iterdir()} == {
        *("evaluation.json", "top.png", "strips.png", "curve.png", "calibration.png", "embeddings.png")
    }
    with Image.open(report / "strips.png") as strips:
        assert strips.width == 7 * 136 + 8  # one column each for 5, 10, 20, 40, 60, 80 and 100 %
    written = json.loads((report / "evaluation.json").read_text())
    assert len(written["calibration_curve"]) == 10 and np.array(written["ranks"]).shape == (12, 20)


def test_result_files_are_drawn_together_and_compared_in_the_early_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(name: str, ranks: list[list[int]], gallery: int = 30) -> str:
        split = {"part": "test", "hash": "abc", "queries": len(ranks), "gallery": gallery}
        result = {
            "method": "siamese",
            "name": name,
            "dataset": "chairv2",
            "split": split,
            "figures": {},
            "steps": len(ranks[0]),
            "ranks": ranks,
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(result))
        return str(tmp_path / f"{name}.json")

    early, late = write("early", [[9, 3, 1, 1]] * 40), write("late", [[20, 9, 9, 1]] * 40)
    picture = tmp_path / "curves.png"
    assert main(["results", "--curves", str(picture), early, late]) == 0
    with Image.open(picture) as image:
        assert image.width > 1000
    capsys.readouterr()
    assert main(["results", "--compare", early, late, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures["strokes_to_success@1"]["difference"] == pytest.approx(-25)  # less is better
    assert figures["strokes_to_success@1"]["verdict"] == "gain" == figures["rank_area"]["verdict"]
    assert figures["acc@1"]["verdict"] == "not told apart"

    for files, why in (
        ([], "name the result files"),
        ([early, write("other", [[1, 2]] * 40, gallery=31)], "different splits"),
        ([write("complete", [[1]] * 40)], "complete sketches only"),
    ):
        assert main(["results", "--curves", str(tmp_path / "no.png"), *files]) == 2
        assert why in capsys.readouterr().err
    assert main(["results", "--curves", str(tmp_path / "no.txt"), early]) == 2
    assert "give the name of a .png" in capsys.readouterr().err
    assert not list(tmp_path.glob("*no*"))
