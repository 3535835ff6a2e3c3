"""What the page says beside the photos: how sure it is, what decided, and the rank of a photo drawn from memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from banded_model import make_banded_model
from page_actions import draw_sketch, wait_for_best, wait_for_count
from served_gallery import known_sketches, make_confident_model, make_gallery, served

pytestmark = pytest.mark.slow  # a browser

NAME, SKETCH = "thing-03", known_sketches()["thing-03"]

COLOURED = """selector => [...document.querySelectorAll(selector)].filter(canvas => {
    if (canvas.hidden || !canvas.width) return false;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.some((value, i) => i % 4 === 3 && value > 0);
}).length"""


def test_the_first_photo_says_how_sure_it_is(open_page: Any, tmp_path: Path) -> None:
    with served(make_gallery(tmp_path, make_model=make_confident_model)) as address:
        page = open_page(address)
        draw_sketch(page, SKETCH)
        wait_for_best(page, NAME)
        label = page.locator("#grid .tile:first-child .settled")
        label.wait_for()
        assert "this one, " in label.inner_text() and label.inner_text().endswith(" %")
        page.click("#clear")
        wait_for_count(page, 0)
        assert page.locator(".settled:visible").count() == 0
        page.close()


def test_a_model_without_calibration_or_regions_says_nothing_of_them(address: str, open_page: Any) -> None:
    page = open_page(address)
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    for hidden in ("#settled", "#decided", "#practise", "#practice"):
        assert not page.locator(hidden).is_visible()


def test_what_decided_is_shown_while_it_is_wanted(open_page: Any, tmp_path: Path) -> None:
    with served(make_gallery(tmp_path, make_model=make_banded_model)) as address:
        page = open_page(address)
        draw_sketch(page, SKETCH)
        wait_for_count(page, len(known_sketches()))
        assert page.evaluate(COLOURED, ".regions") == 0
        page.click("#decided")
        page.wait_for_selector("#sketch-regions:not([hidden])")
        page.wait_for_selector("#grid .regions:not([hidden])")
        assert page.evaluate(COLOURED, "#sketch-regions") == 1
        assert page.evaluate(COLOURED, "#grid .regions") == len(known_sketches())
        page.locator("#grid button").first.click()
        assert page.evaluate(COLOURED, "#viewer .regions") == 1
        page.keyboard.press("Escape")
        page.click("#decided")
        page.wait_for_selector("#sketch-regions", state="hidden")
        page.wait_for_function("() => !document.querySelector('#grid .regions:not([hidden])')")
        page.close()


def test_a_photo_is_drawn_from_memory_and_kept(open_page: Any, tmp_path: Path) -> None:
    drawings = tmp_path / "drawings"
    with served(make_gallery(tmp_path), drawings) as address:
        page = open_page(address)
        draw_sketch(page, known_sketches()["thing-08"])
        wait_for_best(page, "thing-08")
        page.click("#practise")
        page.wait_for_selector("#memory:not([hidden])")
        wait_for_count(page, 0)
        page.click("#memory")
        assert page.locator("#memory").is_hidden()
        assert page.locator("#practice-save").is_disabled()
        draw_sketch(page, SKETCH)
        page.wait_for_selector("#practice-curve[aria-label*=', ']")  # two ranks
        assert page.locator("#practice-rank").inner_text().endswith(" of 12")
        veil = "getComputedStyle(document.querySelector('#grid img')).filter"
        assert "blur" in page.evaluate(veil)
        with page.expect_response("**/api/drawings"):
            page.click("#practice-save")
        page.wait_for_selector("#practice-photo:not([hidden])")
        assert "blur" not in page.evaluate(veil)
        (kept,) = drawings.glob("drawing-*.json")
        drawing = json.loads(kept.read_text())
        assert len(drawing["strokes"]) == len(SKETCH.strokes)
        assert Path(drawing["photo"]["name"]).stem in page.locator("#practice-text").inner_text()
        page.click("#practice-stop")
        assert not page.locator("#practice").is_visible()
        page.close()


def test_a_photo_among_the_results_can_be_chosen_for_practice(open_page: Any, tmp_path: Path) -> None:
    with served(make_gallery(tmp_path), tmp_path / "drawings") as address:
        page = open_page(address)
        draw_sketch(page, SKETCH)
        wait_for_best(page, NAME)
        page.locator("#grid button").first.click()
        page.click("#viewer-practise")
        page.wait_for_selector("#memory:not([hidden])")
        page.click("#memory")
        draw_sketch(page, SKETCH)
        page.wait_for_function("() => document.getElementById('practice-rank').textContent === '1 of 12'")
        page.wait_for_selector("#grid .tile.is-target:first-child")
        page.close()
