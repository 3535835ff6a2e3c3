"""Published, reproduced, not run: never one as another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from sketchseek.cli import main
from sketchseek.lab.methods import methods

PUBLISHED = """source,table,method,setting,backbone,side_information,dataset,metric,value,note
Paper 2020,Table 1,CSR,main,DenseNet169,none,chairv2,acc@1,61.20,
Paper 2020,Table 1,CSR,main,DenseNet169,none,chairv2,acc@10,93.4,printed in the text as 93.5
Paper 2020,Table 3,CSR,S1 no fusion,DenseNet169,none,chairv2,acc@1,55.5,
Paper 2020,Table 1,Old Baseline,main,,,shoev2,acc@1,30.1,
"""


def write_result(path: Path, ranks: list[list[int]], **changes: object) -> Path:
    result = {
        "method": "siamese",
        "name": path.stem,
        "dataset": "chairv2",
        "split": {"part": "test", "hash": "abc", "queries": len(ranks), "gallery": 100},
        "steps": len(ranks[0]),
        "preset": "bench",
        "backbone": "torchvision/mobilenet_v2",
        "figures": {"acc@1": 46.123, "acc@10": 91.5, "m@A": None, "mean_reciprocal_rank": 60.0},
        "ranks": ranks,
    } | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result))
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up ``results/`` in the current directory."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "published.csv").write_text(PUBLISHED)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


def table(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_each_state_is_printed_as_itself(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_result(folder / "chairv2" / "siamese-bench.json", [[1], [2]])
    assert main(["results", "--dataset", "Chair-V2"]) == 0
    lines = table(capsys)
    (published,) = [line for line in lines if "published " in line and line.startswith("  CSR")]
    assert "61.20" in published  # as many digits as the paper prints
    assert "93.4" in published and "DenseNet169" in published
    (here,) = [line for line in lines if "reproduced" in line]
    assert "46.12" in here and "siamese-bench" in here and "results/chairv2/siamese-bench.json" in here
    assert [line.split()[0] for line in lines if "not run" in line] == [slug for slug in methods() if slug != "siamese"]
    assert not any("Old Baseline" in line for line in lines)
    assert "1 published settings" in lines[-1]


def test_json_holds_every_setting(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_result(folder / "chairv2" / "run.json", [[1], [2]], seeds=[0])
    assert main(["results", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    states = {(e["dataset"], e["method"], e["setting"], e["state"]) for e in entries}
    assert ("chairv2", "csr", "S1 no fusion", "published") in states
    assert ("chairv2", "csr", "", "not run") in states
    assert ("shoev2", "Old Baseline", "", "not run") in states
    assert ("shoev2", "siamese", "", "not run") in states
    (here,) = [e for e in entries if e["state"] == "reproduced"]
    assert here["figures"]["acc@1"] == 46.123 and here["details"]["seeds"] == [0]
    (main_result,) = [e for e in entries if e["setting"] == "main" and e["method"] == "csr"]
    assert main_result["details"]["notes"] == {"acc@10": "printed in the text as 93.5"}


def test_a_gain_is_claimed_only_where_the_interval_leaves_out_zero(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queries = 200
    worse = write_result(folder / "chairv2" / "worse.json", [[9, 5]] * queries)
    better = write_result(folder / "chairv2" / "better.json", [[9, 1]] * (queries // 2) + [[9, 5]] * (queries // 2))
    luck = write_result(folder / "chairv2" / "luck.json", [[9, 1]] + [[9, 5]] * (queries - 1))
    assert main(["results", "--compare", str(better), str(worse), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures["acc@1"]["verdict"] == "gain"
    assert figures["acc@1"]["difference"] == pytest.approx(50)
    assert 40 < figures["acc@1"]["low"] < 50 < figures["acc@1"]["high"] < 60
    assert figures["acc@10"]["verdict"] == "not told apart"
    assert figures["m@B"]["verdict"] == "gain"
    assert main(["results", "--compare", str(luck), str(worse)]) == 0
    assert "gain" not in capsys.readouterr().out
    assert main(["results", "--compare", str(worse), str(better)]) == 0
    assert "loss" in capsys.readouterr().out


def test_several_seeds_count_as_their_mean(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, old = (
        write_result(folder / "chairv2" / f"{name}.json", [[9, rank]] * 10)
        for name, rank in (("good", 1), ("bad", 5), ("old", 5))
    )
    assert main(["results", "--compare", f"{good},{bad}", str(old), "--json"]) == 0
    comparison = json.loads(capsys.readouterr().out)
    assert comparison["first"] == "good & bad" and comparison["figures"]["acc@1"]["difference"] == 50
    assert main(["results", "--compare", f"{good},{folder / 'absent.json'}", str(old)]) == 2


def test_figures_over_steps_need_the_same_steps(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write_result(folder / "chairv2" / "one.json", [[1], [2]])
    two = write_result(folder / "chairv2" / "two.json", [[3, 1], [4, 2]])
    assert main(["results", "--compare", str(one), str(two), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["figures"]) == {"acc@1", "acc@5", "acc@10", "mean_reciprocal_rank"}


def test_different_splits_are_not_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = write_result(folder / "chairv2" / "a.json", [[1], [2]])
    split = {"part": "test", "hash": "x", "queries": 2, "gallery": 100}
    b = write_result(folder / "chairv2" / "b.json", [[1], [2]], split=split)
    assert main(["results", "--compare", str(a), str(b)]) == 2
    assert "different splits" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ranks", "changes", "message"),
    [
        ([[1], [101]], {}, "the gallery has 100 photos"),
        ([[3, 1], [4, 2]], {"steps": 20}, "of 2 steps, the result has 20"),
        ([[1], [0]], {}, "not ranks from 1 on"),
        ([[1, 3], [4, 2]], {"relevant": "category", "steps": 1}, "not ranks from 1 on"),
        ([[1, 3, 0], [2, 0, 5]], {"relevant": "category", "steps": 1}, "not ranks from 1 on"),
    ],
)
def test_ranks_that_contradict_the_rest_are_refused(
    ranks: list[list[int]], changes: dict[str, Any], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_result(folder / "chairv2" / "odd.json", ranks, **changes)
    assert main(["results"]) == 2
    assert message in capsys.readouterr().err


def test_a_result_by_category_has_a_table_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"P@1": 30.76, "P@10_of_possible": 35.39, "mAP@all": 28.31, "P@200": None}
    changes = {"dataset": "quickdraw+categories", "relevant": "category", "figures": figures, "steps": 1}
    path = write_result(folder / "quickdraw+categories" / "seek.json", [[1, 7], [3, 0]], **changes)
    assert main(["results", "--dataset", "QuickDraw+categories"]) == 0
    _, name, heading, *lines = table(capsys)
    assert name == "quickdraw+categories, by category" and "P@10_of_possible" in heading and "acc@1" not in heading
    (here,) = [line for line in lines if "reproduced" in line]
    assert here.split()[2:9] == ["30.76", "-", "35.39", "-", "-", "28.31", "-"]
    assert main(["results", "--compare", str(path), str(path)]) == 0
    assert "mAP@all" in capsys.readouterr().out


def test_curves_of_files_of_the_same_name_stay_apart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    save = Figure.savefig

    def save_and_keep(figure: Figure, *arguments: Any, **options: Any) -> None:
        figures.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", save_and_keep)
    paths = [folder / name / "dla.json" for name in ("old", "new")] + [folder / "new" / "la.json"]
    for path in paths:
        write_result(path, [[9, 5], [3, 1]])
    assert main(["results", "--curves", str(folder / "early.png"), *map(str, paths)]) == 0
    labels = [line.get_label() for line in figures[0].axes[0].lines]
    assert [str(label).split()[0] for label in labels] == [str(paths[0]), str(paths[1]), "la"]


@pytest.mark.parametrize("text", ["{", "[]", '{"method": "siamese"}'])
def test_a_broken_result_file_is_named(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (folder / "chairv2").mkdir()
    (folder / "chairv2" / "broken.json").write_text(text)
    assert main(["results"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and "broken.json" in errors[0] and "--result" in errors[0]


def test_an_unknown_data_set_names_the_known_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, known in (("boots", "there is no data set 'boots'"), ("quickdraw", "there are of chairv2, shoev2")):
        assert main(["results", "--dataset", name]) == 2
        assert known in capsys.readouterr().err
