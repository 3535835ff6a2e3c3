"""The photos found: more on scrolling, by keyboard, large, as a list; and what is said where something is gone."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from page_actions import draw_sketch, names, wait_for_best, wait_for_count
from served_gallery import known_sketches, make_gallery, served
from tiny_model import make_tiny_model

from sketchseek.gallery import Gallery
from sketchseek.model import Model
from sketchseek.search.limits import LIMITS

pytestmark = pytest.mark.slow  # a browser

NAME, SKETCH = "thing-03", known_sketches()["thing-03"]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gallery(tmp_path_factory.mktemp("many"), count=60)


def test_more_photos_come_on_scrolling_and_the_list_can_be_saved(gallery: Path, open_page: Any) -> None:
    with served(gallery) as address:
        page = open_page(address)
        draw_sketch(page, SKETCH)
        wait_for_count(page, LIMITS.results)
        assert re.fullmatch(r"\d+ ms", page.locator("#speed").inner_text())
        for more in (2 * LIMITS.results, 60):
            page.locator("#grid .tile").last.scroll_into_view_if_needed()
            page.wait_for_function("count => document.querySelectorAll('#grid .tile').length >= count", arg=more)
        shown = names(page)

        page.click(".menu summary")
        with page.expect_download() as table:
            page.click("#save-csv")
        with Path(table.value.path()).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [Path(row["name"]).stem for row in rows] == shown
        assert all(Path(row["path"]).is_file() for row in rows)
        page.click(".menu summary")
        with page.expect_download() as listed:
            page.click("#save-json")
        hits = json.loads(Path(listed.value.path()).read_text(encoding="utf-8"))
        assert [hit["rank"] for hit in hits] == list(range(1, 61))

        page.click("#clear")
        wait_for_count(page, 0)
        draw_sketch(page, SKETCH)
        wait_for_count(page, LIMITS.results)
        page.close()


def test_the_arrow_keys_walk_among_the_photos(address: str, open_page: Any) -> None:
    page = open_page(address)
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    names(page)
    page.focus("#save")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    place = "[...document.querySelectorAll('#grid button')].indexOf(document.activeElement)"
    assert page.evaluate(place) == 0
    page.keyboard.press("ArrowRight")
    assert page.evaluate(place) == 1
    page.keyboard.press("ArrowDown")
    below = page.evaluate(place)
    assert below > 1
    page.keyboard.press("ArrowUp")
    assert page.evaluate(place) < below
    page.keyboard.press("End")
    assert page.evaluate(place) == len(known_sketches()) - 1
    page.keyboard.press("Tab")
    assert page.evaluate(place) == -1  # the grid is one stop
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Home")
    assert page.evaluate(place) == 0


def test_a_large_photo_is_zoomed_swiped_copied_and_downloaded(address: str, open_page: Any) -> None:
    page = open_page(address, permissions=["clipboard-read", "clipboard-write"])
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    shown = names(page)
    page.locator("#grid button").first.click()
    page.wait_for_function("() => !document.querySelector('#viewer img').src.includes('thumbnail')")
    whole = page.locator("#viewer .whole")
    rest = whole.bounding_box()
    middle = rest["x"] + rest["width"] / 2, rest["y"] + rest["height"] / 2
    page.mouse.move(*middle)
    page.mouse.wheel(0, -200)
    page.wait_for_selector(".whole.is-enlarged")
    assert whole.bounding_box()["width"] > 1.5 * rest["width"]
    swipe(page, middle, -120)  # moves the enlarged photo
    assert page.locator("#viewer .place").inner_text().startswith("1 ")
    page.keyboard.press("0")
    assert whole.bounding_box() == rest
    swipe(page, middle, -120)
    assert Path(page.locator("#viewer .name").inner_text()).stem == shown[1]
    swipe(page, middle, 120)
    assert Path(page.locator("#viewer .name").inner_text()).stem == shown[0]

    page.click(".copy-path")
    page.get_by_text("The path is copied.").wait_for()
    path = Path(page.evaluate("navigator.clipboard.readText()"))
    assert path.stem == NAME and path.is_file()
    page.click(".copy-image")
    page.get_by_text("The image is copied.").wait_for()
    with page.expect_download() as file:
        page.click(".download")
    assert file.value.suggested_filename == path.name
    assert Path(file.value.path()).read_bytes() == path.read_bytes()


def swipe(page: Any, start: tuple[float, float], by: float) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + by, start[1], steps=3)
    page.mouse.up()


def test_what_is_gone_is_said(open_page: Any, tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path)
    with served(gallery) as address:
        page = open_page(address, expected="")
        draw_sketch(page, SKETCH)
        wait_for_best(page, NAME)
        next((tmp_path / "photos").glob(f"{NAME}.*")).unlink()
        page.locator("#grid button").first.click()
        page.wait_for_selector(".whole.is-gone")
        assert "not there now" in page.locator("#viewer .said").inner_text()
        page.keyboard.press("Escape")
        page.evaluate("document.querySelector('#grid img').dispatchEvent(new Event('error'))")
        assert page.locator("#grid .name").first.inner_text() == f"{NAME} (gone)"
        assert page.locator("#gone").is_hidden()
    page.locator("#gone").get_by_text("The server does not answer.").wait_for()
    page.wait_for_function("() => getComputedStyle(document.getElementById('grid')).opacity < 0.5")


def test_an_empty_gallery_says_how_to_add_photos(open_page: Any, tmp_path: Path) -> None:
    Gallery.create(tmp_path / "gallery", Model.load(make_tiny_model(tmp_path / "model"))).close()
    with served(tmp_path / "gallery") as address:
        page = open_page(address)
        page.get_by_text("There is no photo in the gallery yet.").wait_for()
        assert page.locator("#nothing code").inner_text() == "sketchseek index ~/photos"
        page.close()


def test_the_sketch_is_laid_over_a_photo_and_each_stroke_says_how_it_helped(address: str, open_page: Any) -> None:
    page = open_page(address)
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    name = names(page)[4]
    page.locator("#grid button").nth(4).click()
    assert page.locator("#viewer .over").is_hidden()
    page.click("#viewer .compare")
    assert page.locator("#viewer .over").is_visible()
    assert page.locator("#viewer .compare").get_attribute("aria-pressed") == "true"
    page.click("#viewer .helped")
    page.locator("#helped").wait_for()
    said = page.locator("#status").text_content()
    moved = [int(places) for places in re.findall(r"[+-]?\d+", said.rpartition(": ")[2])]

    def rank(strokes: list[Any]) -> int:
        sketch = json.dumps({"format": "sketchseek-sketch", "version": 1, "strokes": strokes})
        answer = httpx.post(f"{address}/api/search", files={"sketch": ("sketch.json", sketch)}).json()
        return next(hit["rank"] for hit in answer["hits"] if Path(hit["name"]).stem == name)

    both = page.evaluate("JSON.parse(sessionStorage.getItem('sketchseek-drawing')).strokes")
    assert moved == [rank(both[1:]) - rank(both), rank(both[:1]) - rank(both)]
    page.keyboard.press("Control+z")
    page.locator("#helped").wait_for(state="hidden")
