"""The demo: made once, replayed through what the page talks to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from served_gallery import known_sketches, make_gallery
from tiny_model import make_tiny_model

from sketchseek.cli import demo, main
from sketchseek.gallery import Gallery
from sketchseek.model import Model
from sketchseek.search.searcher import Searcher


def test_the_replay_ranks_everything_after_each_stroke_as_a_search_does(tmp_path: Path) -> None:
    sketches = known_sketches()
    with Gallery.open(make_gallery(tmp_path)) as gallery:
        searcher = Searcher(gallery)
        for name, sketch in sketches.items():
            rankings = list(demo.replay(searcher, sketch))
            assert len(rankings) == len(sketch.strokes)
            assert all(len(ranking) == len(gallery) for ranking in rankings)
            assert rankings[-1] == searcher.search(sketch, top=len(gallery))
            assert Path(rankings[-1][0].name).stem == name


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A demo of few things and a model of a few kilobytes."""
    monkeypatch.setattr(demo, "THINGS", 7)
    model = Model.load(make_tiny_model(tmp_path / "model"))
    monkeypatch.setattr(Model, "default", classmethod(lambda cls: model))
    return ["demo", "--no-serve"]


def test_each_stroke_has_a_rank_and_the_five_closest(small_demo: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*small_demo, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["photos"] == 7
    assert [step["stroke"] for step in told["steps"]] == list(range(1, len(told["steps"]) + 1))
    assert all(1 <= step["rank"] <= 7 and len(step["top"]) == 5 for step in told["steps"])
    for step in told["steps"]:
        assert (told["photo"] in step["top"]) == (step["rank"] <= 5)
    assert main(small_demo) == 0
    lines = capsys.readouterr().out.splitlines()
    assert told["photo"] in lines[0]
    assert [int(line.split()[1]) for line in lines[3:]] == [step["rank"] for step in told["steps"]]


def test_a_second_run_reuses_everything_and_another_model_makes_the_gallery_anew(
    small_demo: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert main(small_demo) == 0
    captured = capsys.readouterr()
    assert "drawing things" in captured.err and "indexing" in captured.err
    assert main(small_demo) == 0
    assert capsys.readouterr().err == ""
    other = Model.load(make_tiny_model(tmp_path / "other", seed=1))
    monkeypatch.setattr(Model, "default", classmethod(lambda cls: other))
    assert main(small_demo) == 0
    errors = capsys.readouterr().err
    assert "drawing things" not in errors and "indexing" in errors
