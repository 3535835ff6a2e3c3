"""What every registered method's trained network must do: encode, evaluate, export, and agree with its ONNX self."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from tiny_runs import QUICK

from sketchseek.cli import main
from sketchseek.gallery import Gallery, ingest
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.evaluation.evaluate import evaluate
from sketchseek.lab.runs import TorchEncoder, load_network
from sketchseek.model import Model
from sketchseek.search.live import LiveSession
from sketchseek.search.searcher import Searcher


def test_a_query_does_not_depend_on_its_batch_mates(run_folder: Path) -> None:
    network, run = load_network(run_folder)
    encoder = TorchEncoder(network, run["config"]["size"])
    ink = np.random.default_rng(0).integers(0, 256, (5, encoder.size, encoder.size), dtype=np.uint8)
    together, alone = encoder.encode_sketches(list(ink)), encoder.encode_sketches([ink[3]])
    for name in together:
        size = np.abs(alone[name]).max()  # features need not be of unit length
        np.testing.assert_allclose(together[name][3] / size, alone[name][0] / size, atol=1e-5)


def test_a_run_and_its_export_give_the_same_figures(
    run_folder: Path, model_folder: Path, pairs_folder: Path, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = []
    for model in (run_folder, model_folder):
        assert main(["evaluate", str(model), "--data", f"folder:{pairs_folder}", "--steps", "4", "--json"]) == 0
        documents.append(json.loads(capsys.readouterr().out))
    run, exported = documents
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


def test_the_model_folder_needs_no_torch_and_knows_its_parity(model_folder: Path) -> None:
    model = Model.load(model_folder)
    parity = model.config["card"]["parity"]
    assert parity["same_top_10"] == 1 and parity["feature_difference"] < 1e-4
    graph = (model_folder / "sketch.onnx").read_bytes()
    assert b".py" not in graph, "the graph names source files of the machine that made it"


# What rounding does is no method's business: one with a single vector and one with several features stand for all.
@pytest.mark.slow
@pytest.mark.parametrize("slug", [QUICK, "mlrm"], indirect=True)
def test_float16_weights_halve_the_folder_and_keep_the_ranking(
    run_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    assert main(["export", str(run_folder), str(tmp_path / "half"), "--weights", "float16"]) == 0
    sizes = [(folder / "weights.bin").stat().st_size for folder in (model_folder, tmp_path / "half")]
    assert sizes[1] < sizes[0] * 0.51
    assert Model.load(tmp_path / "half").config["card"]["parity"]["same_top_10"] == 1


def test_export_does_not_write_over_a_folder(run_folder: Path, model_folder: Path) -> None:
    before = sorted(model_folder.iterdir())
    assert main(["export", str(run_folder), str(model_folder)]) == 2
    assert sorted(model_folder.iterdir()) == before


def test_evaluate_search_and_the_live_session_rank_alike(
    model_folder: Path, pairs_folder: Path, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = open_dataset(f"folder:{pairs_folder}").test
    model = Model.load(model_folder)
    evaluation = evaluate(model, split)
    with Gallery.create(tmp_path / "gallery", model) as gallery:
        ingest(gallery, [pairs_folder / "test" / "photos"])
        searcher = Searcher(gallery)
        for row, sketch in enumerate(split.sketches):
            assert sketch.strokes is not None
            expected = [split.photos[i].path.name for i in evaluation.top[row]]
            searched = [hit.name for hit in searcher.search(sketch.strokes)]
            session = LiveSession()
            for seq, stroke in enumerate(sketch.strokes.strokes):
                frame = {"type": "points", "seq": 2 * seq, "stroke": seq, "points": stroke.tolist()}
                assert session.receive(json.dumps(frame)) is None
                assert session.receive(json.dumps({"type": "end", "seq": 2 * seq + 1, "stroke": seq})) is None
            live = [hit.name for hit in searcher.search(session.begin(now=0.0).sketch)]
            assert searched == live == expected
    drawing = next((pairs_folder / "test" / "sketches").glob(f"{split.sketches[0].name}.json"))
    capsys.readouterr()
    assert main(["search", str(drawing), "--gallery", str(tmp_path / "gallery"), "--json"]) == 0
    names = [hit["name"] for hit in json.loads(capsys.readouterr().out)]
    assert names == [split.photos[i].path.name for i in evaluation.top[0]]
