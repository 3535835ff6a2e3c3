"""Words in a search: the shape is drawn, the colour is said, and it takes both to find one photo."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from served_gallery import make_gallery
from worded_model import OUTLINES, make_worded_gallery

from sketchseek.cli import main
from sketchseek.errors import InputError
from sketchseek.gallery import Gallery
from sketchseek.matching import Features
from sketchseek.model import Model
from sketchseek.model.preprocess import read_photo
from sketchseek.search.live_search import LiveSearch
from sketchseek.search.searcher import Hit, Searcher
from sketchseek.search.session import Job
from sketchseek.strokes.ink import ink
from sketchseek.strokes.sketch import Sketch
from sketchseek.strokes.sketch_json import write_json

CHAIR = OUTLINES["chair"]


def names(hits: list[Hit]) -> list[str]:
    return [hit.name.removesuffix(".png") for hit in hits]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_worded_gallery(tmp_path_factory.mktemp("worded"))


@pytest.fixture(scope="module")
def searcher(folder: Path) -> Iterator[Searcher]:
    with Gallery.open(folder) as gallery:
        yield Searcher(gallery)


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    """Its model knows the names of colours and no other words."""
    with Gallery.open(make_worded_gallery(tmp_path_factory.mktemp("named"), names=True)) as gallery:
        yield Searcher(gallery)


@pytest.fixture
def misled(tmp_path: Path) -> Iterator[Searcher]:
    """Its second stage takes blue things for red ones."""
    with Gallery.open(make_worded_gallery(tmp_path / "misled", {"red": "blue"})) as gallery:
        yield Searcher(gallery)


def test_red_and_the_outline_of_a_chair_find_the_red_chair(searcher: Searcher) -> None:
    assert set(names(searcher.search(CHAIR, 3))) == {"red-chair", "green-chair", "blue-chair"}
    assert set(names(searcher.search(None, 3, "red"))) == {"red-chair", "red-table", "red-lamp"}
    for colour in ("red", "green", "blue"):
        for shape, outline in OUTLINES.items():
            found = names(searcher.search(outline, 9, f"a {colour} one"))
            assert found[0] == f"{colour}-{shape}"
            assert set(found[1:5]) == {n for n in found if colour in n or shape in n} - {found[0]}


def test_the_weight_goes_from_the_drawing_to_the_words(searcher: Searcher) -> None:
    assert searcher.search(CHAIR, 9, "red", weight=0.0) == searcher.search(CHAIR, 9)
    assert names(searcher.search(CHAIR, 9, "red", weight=1.0)) == names(searcher.search(None, 9, "red"))
    scores = [
        {hit.name: hit.score for hit in searcher.search(CHAIR, 9, "red", weight=weight)} for weight in (0.2, 0.4, 0.6)
    ]
    assert scores[0]["red-table.png"] < scores[1]["red-table.png"] < scores[2]["red-table.png"]


def test_a_photo_is_a_query_too_alone_and_with_words(searcher: Searcher, folder: Path) -> None:
    pixels = read_photo(folder.parent / "photos" / "red-chair.png", searcher.gallery.model.size)
    hits = searcher.search_photo(pixels, 9)
    assert hits[0].name == "red-chair.png" and hits[0].score == pytest.approx(1, abs=1e-4)
    assert set(names(hits)[1:5]) == {"green-chair", "blue-chair", "red-table", "red-lamp"}
    assert "green-chair" in names(searcher.search_photo(pixels, 2, "green", weight=0.7))


def test_what_cannot_be_asked_is_said_in_one_line(searcher: Searcher, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give a drawing, words, or both"):
        searcher.search(None, words="  ")
    for weight in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="weight"):
            searcher.search(CHAIR, words="red", weight=weight)
    with Gallery.open(make_gallery(tmp_path / "wordless", 2)) as gallery, pytest.raises(InputError, match="no words"):
        Searcher(gallery).search(CHAIR, words="red")


def test_matching_decides_the_order_of_what_words_alone_find(misled: Searcher) -> None:
    hits = misled.search(None, 9, "red")
    assert set(names(hits)[:3]) == {"blue-chair", "blue-table", "blue-lamp"}
    seen = 0.5**0.5  # the cosine of "red" and a red thing, which its logit of 0 is added to
    assert [hit.score for hit in hits] == pytest.approx([1, 1, 1, seen, seen, seen, 0, 0, 0], abs=1e-3)
    assert names(hits)[:3] == sorted(names(hits)[:3])  # equals, by name


def test_a_matcher_that_knows_nothing_leaves_the_order_as_it_is(searcher: Searcher, tmp_path: Path) -> None:
    """As FVLP's released evaluation adds its logit to the cosine."""
    with Gallery.open(make_worded_gallery(tmp_path / "untaught", {})) as gallery:
        untaught = Searcher(gallery)
        assert untaught.gallery.model.can_match
        assert names(untaught.search(None, 9, "red")) == names(searcher.search(None, 9, "red"))


def test_beside_a_drawing_the_fused_query_decides(searcher: Searcher, misled: Searcher) -> None:
    for weight in (0.0, 0.3, 0.9):
        assert names(misled.search(CHAIR, 9, "red", weight)) == names(searcher.search(CHAIR, 9, "red", weight))
    assert names(misled.search(CHAIR, 9, "red", weight=1.0)) == names(misled.search(None, 9, "red"))


def test_only_the_closest_are_matched(misled: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    from sketchseek.search import searcher as module

    matched: list[int] = []
    match = Model.match

    def spy(self: Model, text: str, photo_tokens: np.ndarray) -> np.ndarray:
        matched.append(len(photo_tokens))
        return match(self, text, photo_tokens)

    monkeypatch.setattr(Model, "match", spy)
    monkeypatch.setattr(module, "ITM_CANDIDATES", 3)
    assert names(misled.search(None, 1, "red"))[0].startswith("red")
    assert 3 <= sum(matched) < 9


def test_ranks_are_those_of_the_search(searcher: Searcher, misled: Searcher) -> None:
    for searching in (searcher, misled):
        drawn = searching.gallery.model.encode_sketches([CHAIR])
        for features, words in ((drawn, searching.encode_text("red", 0.4)), (None, searching.encode_text("red"))):
            hits = searching.search_features(features, 9, words)
            for hit in hits:
                expected = sum(other.score >= hit.score for other in hits)
                assert searching.rank_of_features(features, hit.id, words) == expected
            with pytest.raises(KeyError):
                searching.rank_of_features(features, "no such id", words)


def test_the_live_search_reads_words_once_and_answers_without_a_drawing(
    searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    encode_text = Model.encode_text

    def noted(model: Model, texts: Sequence[str]) -> Features:
        read.extend(texts)
        return encode_text(model, texts)

    monkeypatch.setattr(Model, "encode_text", noted)
    page = LiveSearch(searcher)

    def answer(sketch: Sketch, words: str, weight: float = 0.5) -> list[str]:
        drawn = ink(sketch) if sketch.strokes else None
        return names(list(page.answer(Job(drawn, seq=0, frame=0, pen_down=False, words=words, weight=weight)).hits))

    half = Sketch.from_arrays(CHAIR.strokes[:1])
    assert answer(Sketch(), "") == []
    assert set(answer(Sketch(), "green")[:3]) == {"green-chair", "green-table", "green-lamp"}
    assert answer(Sketch(), "green", 0.0) == answer(Sketch(), "green")  # words alone are all there is
    assert answer(half, "green") and answer(CHAIR, "green")[0] == "green-chair"
    assert answer(CHAIR, "green", 0.0) == names(searcher.search(CHAIR, 24))
    assert read == ["green"]
    assert answer(CHAIR, "blue")[0] == "blue-chair"
    assert answer(CHAIR, "") == names(searcher.search(CHAIR, 24))
    assert answer(Sketch(), "") == []
    assert read == ["green", "blue"]


def test_names_are_searched_by_and_other_words_refused(knowing: Searcher, searcher: Searcher) -> None:
    assert set(names(knowing.search(None, 3, "crimson"))) == {"red-chair", "red-table", "red-lamp"}
    assert names(knowing.search(CHAIR, 9, "a green thing"))[0] == "green-chair"
    assert knowing.remark("crimson") == knowing.remark(" ") == searcher.remark("mauve") == ""
    assert knowing.remark("green thing") == "this model does not know 'thing'; it searches by green"
    for drawing in (None, CHAIR):
        with pytest.raises(InputError, match="does not know 'mauve'; it knows 5 words"):
            knowing.search(drawing, words="mauve")


def test_the_live_search_goes_on_without_words_that_are_not_known(knowing: Searcher) -> None:
    page = LiveSearch(knowing)

    def answer(drawing: Sketch | None, words: str) -> tuple[list[str], str]:
        drawn = None if drawing is None else ink(drawing)
        found = page.answer(Job(drawn, seq=0, frame=0, pen_down=False, words=words))
        return names(list(found.hits)), found.remark

    assert answer(None, "mauve") == ([], knowing.remark("mauve"))
    assert answer(CHAIR, "mauve") == (names(knowing.search(CHAIR, 24)), knowing.remark("mauve"))
    assert answer(CHAIR, "green")[0][0] == "green-chair"
    assert answer(CHAIR, "mauve red") == (names(knowing.search(CHAIR, 24, "red")), knowing.remark("mauve red"))
    assert answer(CHAIR, "") == (names(knowing.search(CHAIR, 24)), "")


def test_the_command_says_which_words_are_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery = make_worded_gallery(tmp_path / "named", names=True)
    assert main(["search", "--text", "mauve red", "--gallery", str(gallery), "--top", "3", "--json"]) == 0
    output = capsys.readouterr()
    assert {Path(hit["path"]).stem for hit in json.loads(output.out)} == {"red-chair", "red-table", "red-lamp"}
    assert "does not know 'mauve'; it searches by red" in output.err
    assert main(["search", "--text", "mauve", "--gallery", str(gallery)]) == 2
    output = capsys.readouterr()
    assert output.out == "" and "does not know 'mauve'; it knows 5 words, for instance red, green" in output.err


def test_the_command_takes_words_a_drawing_and_a_photo(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery = make_worded_gallery(tmp_path / "own")
    write_json(CHAIR, tmp_path / "chair.json")

    def found(*arguments: str) -> list[str]:
        assert main(["search", *arguments, "--gallery", str(gallery), "--top", "3", "--json"]) == 0
        return [Path(hit["path"]).stem for hit in json.loads(capsys.readouterr().out)]

    assert found(str(tmp_path / "chair.json"), "--text", "red")[0] == "red-chair"
    assert set(found("--text", "red")) == {"red-chair", "red-table", "red-lamp"}
    assert found("--photo", str(folder.parent / "photos" / "blue-lamp.png"))[0] == "blue-lamp"
    for refused, reason in (
        ([], "--text"),
        ([str(tmp_path / "chair.json"), "--photo", "x.png"], "takes the place of a drawing"),
        (["--text", "red", "--weight", "2"], "weight"),
    ):
        assert main(["search", *refused, "--gallery", str(gallery)]) == 2
        assert reason in capsys.readouterr().err
    wordless = make_gallery(tmp_path / "wordless", 2)
    assert main(["search", "--text", "red", "--gallery", str(wordless)]) == 2
    assert "has no words" in capsys.readouterr().err
