"""What every registered method must do: finish a run, go on after a kill, refuse what it cannot do; encode, evaluate,
export, and agree with its ONNX self.

One file, because a method's tiny run and its export serve all of these and pytest-xdist hands out whole files.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tiny_runs import QUICK, SET, SLUGS, cut_early, tiny_changes

from sketchseek.cli import main
from sketchseek.errors import InputError
from sketchseek.gallery import Gallery, ingest
from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.encoder import TorchEncoder
from sketchseek.lab.evaluation.evaluate import evaluate
from sketchseek.lab.experiment import Plan, load_network, run_training
from sketchseek.lab.methods import get_method
from sketchseek.lab.training import loop
from sketchseek.matching import get_strategy
from sketchseek.model import Model
from sketchseek.search.searcher import Searcher
from sketchseek.search.session import LiveSession

# What is refused before a method has a part in it is the same for all.
of_one_method = pytest.mark.parametrize("slug", [QUICK], indirect=True)


@pytest.fixture(scope="module", autouse=True)
def _cut_early() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        cut_early(patch)
        yield


@pytest.fixture(scope="module", params=SLUGS)
def slug(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def run_folder(slug: str, pairs_folder: Path, start_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One tiny trained run of the method, made by the command a user types."""
    out = tmp_path_factory.mktemp("runs") / slug
    settings = [word for key, value in tiny_changes(slug).items() for word in ("--set", f"{key}={value}")]
    command = ["train", slug, "--data", f"folder:{pairs_folder}", "--out", str(out), *settings]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHDYNAMO_DISABLE", "1")
        patch.setenv("XDG_CACHE_HOME", str(out.parent / "cache"))
        assert main([*command, "--weights", str(start_weights)]) == 0
    return out


@pytest.fixture(scope="module")
def model_folder(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "exported"
    assert main(["export", str(run_folder), str(out)]) == 0
    return out


@pytest.fixture
def plan(slug: str, start_weights: Path) -> Plan:
    """What ``run_folder`` holds a run of."""
    method = get_method(slug)
    return Plan(
        method, override(method.config("bench"), tiny_changes(slug)), "bench", None, 0, str(start_weights), None
    )


def test_a_run_says_what_it_is(run_folder: Path) -> None:
    run = json.loads((run_folder / "run.json").read_text())
    assert run["finished"] and run["main"] == "last" and "validation photos" in run["checkpoint"]
    assert run["data"][0]["train"]["photos"] + run["data"][0]["validation"]["photos"] == 24
    assert run["minutes"] >= 0 and run["config"]["training"]["pairs"] == 48
    losses = [json.loads(line).get("loss") for line in (run_folder / "log.jsonl").read_text().splitlines()]
    assert sum(loss is not None for loss in losses) >= 6


def test_a_killed_run_takes_the_same_next_steps(
    plan: Plan, run_folder: Path, pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = [open_dataset(f"folder:{pairs_folder}")]
    monkeypatch.setenv("XDG_CACHE_HOME", str(run_folder.parent / "cache"))  # features of equal weights are there

    def killed_after_three(done: int, total: int, values: dict[str, float]) -> None:
        if done == 4:  # the checkpoint at hand is that of step 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
        patch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
        run_training(plan, data, tmp_path / "run", killed_after_three)
    assert not (tmp_path / "run" / "last.safetensors").exists()
    run_training(plan, data, tmp_path / "run")
    whole, _ = load_network(run_folder)
    resumed, _ = load_network(tmp_path / "run")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    for _, phase in itertools.groupby((entry for entry in log if "loss" in entry), lambda entry: entry["phase"]):
        steps = [entry["step"] for entry in phase]
        assert steps == list(range(1, len(steps) + 1))


@of_one_method
def test_a_finished_run_and_another_config_are_refused(
    plan: Plan, run_folder: Path, pairs_folder: Path, tmp_path: Path
) -> None:
    data = [open_dataset(f"folder:{pairs_folder}")]
    with pytest.raises(InputError, match="finished run"):
        run_training(plan, data, run_folder)
    (tmp_path / "other").mkdir()
    run = json.loads((run_folder / "run.json").read_text()) | {"finished": False, "weights": "elsewhere"}
    (tmp_path / "other" / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match="another weights"):
        run_training(plan, data, tmp_path / "other")


@of_one_method
def test_a_run_does_not_start_from_an_unfinished_one(
    plan: Plan, run_folder: Path, pairs_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "half").mkdir()
    run = json.loads((run_folder / "run.json").read_text()) | {"finished": False}
    (tmp_path / "half" / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match="not finished"):
        data = [open_dataset(f"folder:{pairs_folder}")]
        run_training(replace(plan, start=tmp_path / "half"), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@of_one_method
def test_a_run_that_cannot_start_leaves_no_folder(slug: str, pairs_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = ["train", slug, "--data", f"folder:{pairs_folder}", "--out", str(out), *SET]
    assert main([*command, "--weights", str(tmp_path / "none.safetensors")]) == 2
    assert main([*command, "--weights", "random", "--set", "training.batch=32"]) == 2  # more than there are photos
    assert not out.exists()


def test_a_query_does_not_depend_on_its_batch_mates(run_folder: Path) -> None:
    network, run = load_network(run_folder)
    encoder = TorchEncoder(network, run.config["size"])
    ink = np.random.default_rng(0).integers(0, 256, (5, encoder.size, encoder.size), dtype=np.uint8)
    together, alone = encoder.encode_sketches(list(ink)), encoder.encode_sketches([ink[3]])
    for name in together:
        size = np.abs(alone[name]).max()  # features need not be of unit length
        np.testing.assert_allclose(together[name][3] / size, alone[name][0] / size, atol=1e-5)


@pytest.mark.slow
def test_a_run_and_its_export_give_the_same_figures(
    run_folder: Path, model_folder: Path, pairs_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(model: Path, *more: str) -> dict[str, Any]:
        command = ["evaluate", str(model), "--data", f"folder:{pairs_folder}", "--steps", "4", "--json"]
        assert main([*command, *more]) == 0
        return json.loads(capsys.readouterr().out)

    run, exported = measured(run_folder), measured(model_folder)
    figures = (
        "acc@1",
        "acc@5",
        "acc@10",
        "m@A",
        "m@B",
        "w@mA",
        "w@mB",
        "mean_reciprocal_rank",
        "queries",
        "gallery",
        "steps",
    )
    assert {k: run[k] for k in figures} == {k: exported[k] for k in figures}
    assert (run["queries"], run["gallery"], run["steps"]) == (12, 12, 4)
    assert run["trained"]["config_hash"] == exported["trained"]["config_hash"]
    for strategy in list(Model.load(model_folder).config.get("strategies", {}))[-1:]:
        run, exported = (measured(model, "--strategy", strategy) for model in (run_folder, model_folder))
        assert {k: run[k] for k in figures} == {k: exported[k] for k in figures}


@pytest.mark.slow
def test_the_model_folder_has_the_runs_matcher_and_knows_its_parity(run_folder: Path, model_folder: Path) -> None:
    model = Model.load(model_folder)
    network, run = load_network(run_folder)
    assert model.matcher == TorchEncoder(network, run.config["size"]).matcher
    parity = model.config["card"]["parity"]
    assert parity["same_top_10"] == 1 and parity["feature_difference"] < 1e-4
    graph = (model_folder / "sketch.onnx").read_bytes()
    assert b".py" not in graph, "the graph names source files of the machine that made it"


# What rounding does is no method's business: one with a single vector, here made for another of its strategies, and one
# with several features stand for all.
@pytest.mark.slow
@pytest.mark.parametrize(("slug", "strategy"), [("csr", "l2"), ("seek", None)], indirect=["slug"])
def test_float16_weights_halve_the_folder_and_keep_the_ranking(
    run_folder: Path, model_folder: Path, strategy: str | None, tmp_path: Path
) -> None:
    more = ["--strategy", strategy] if strategy else []
    assert main(["export", str(run_folder), str(tmp_path / "half"), "--weights", "float16", *more]) == 0
    sizes = [(folder / "weights.bin").stat().st_size for folder in (model_folder, tmp_path / "half")]
    assert sizes[1] < sizes[0] * 0.51
    whole, half = Model.load(model_folder), Model.load(tmp_path / "half")
    assert half.config["card"]["parity"]["same_top_10"] == 1
    assert half.matcher == (get_strategy(whole.config["strategies"], strategy) if strategy else whole.matcher)
    assert (half.matcher == whole.matcher) == (strategy is None)


@pytest.mark.slow
@of_one_method
def test_export_does_not_write_over_a_folder(run_folder: Path, model_folder: Path) -> None:
    before = sorted(model_folder.iterdir())
    assert main(["export", str(run_folder), str(model_folder)]) == 2
    assert sorted(model_folder.iterdir()) == before


@pytest.mark.slow
def test_evaluate_search_and_the_live_session_rank_alike(
    model_folder: Path, pairs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = open_dataset(f"folder:{pairs_folder}").test
    model = Model.load(model_folder)
    evaluation = evaluate(model, split)
    with Gallery.create(tmp_path / "gallery", model) as gallery:
        ingest(gallery, [pairs_folder / "test" / "photos"])
        searcher = Searcher(gallery)
        for row, sketch in enumerate(split.sketches):
            assert sketch.strokes is not None
            searched = [hit.name for hit in searcher.search(sketch.strokes)]
            session = LiveSession()
            for seq, stroke in enumerate(sketch.strokes.strokes):
                frame = {"type": "points", "seq": 2 * seq, "stroke": seq, "points": stroke.tolist()}
                assert session.receive(json.dumps(frame)) is None
                assert session.receive(json.dumps({"type": "end", "seq": 2 * seq + 1, "stroke": seq})) is None
            live = [hit.name for hit in searcher.search(session.begin(now=0.0).ink)]
            assert searched == live
            # The gallery keeps features as float16, so photos whose scores are nearly equal may swap places.
            names = [split.photos[photo].path.name for photo in evaluation.nearest[row, -1]]
            scores = evaluation.scores[row, -1].tolist()
            found = [dict(zip(names, scores, strict=True))[name] for name in searched]
            assert found == pytest.approx(scores[: len(found)], abs=2e-3)
    drawing = next((pairs_folder / "test" / "sketches").glob(f"{split.sketches[0].name}.json"))
    capsys.readouterr()
    assert main(["search", str(drawing), "--gallery", str(tmp_path / "gallery"), "--json"]) == 0
    names = [hit["name"] for hit in json.loads(capsys.readouterr().out)]
    assert split.sketches[0].strokes is not None
    assert names == [hit.name for hit in Searcher(Gallery.open(tmp_path / "gallery")).search(split.sketches[0].strokes)]
