"""Words beside the drawing: typed into the box, weighed with the slider."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coloured_things import make_coloured_gallery
from page_actions import draw_sketch, ink, names, wait_for_best, wait_for_count
from served_gallery import served
from worded_model import COLOURS, OUTLINES, make_worded_gallery

from sketchseek.gallery import Gallery, ingest
from sketchseek.model import Model
from sketchseek.search.limits import LIMITS
from sketchseek.strokes import Sketch, load_drawing

pytestmark = pytest.mark.slow  # a browser

CHAIR, LAMP = OUTLINES["chair"], OUTLINES["lamp"]
PHOTOS = len(COLOURS) * len(OUTLINES)


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = make_worded_gallery(tmp_path_factory.mktemp("worded"))
    with served(folder) as address:
        yield address


def test_red_and_the_outline_of_a_chair_find_the_red_chair(worded: str, open_page: Any) -> None:
    page = open_page(worded)
    page.fill("#words", "red")
    wait_for_count(page, PHOTOS)
    assert page.get_attribute("#words", "maxlength") == str(LIMITS.words)
    assert {name.split("-")[0] for name in names(page)[:3]} == {"red"}
    assert not page.locator("#balance").is_visible()  # nothing is drawn to weigh them against
    draw_sketch(page, CHAIR)
    wait_for_best(page, "red-chair")
    page.fill("#words", "green")
    wait_for_best(page, "green-chair")
    page.fill("#words", "blue")
    wait_for_best(page, "blue-chair")


def test_the_slider_weighs_the_drawing_against_the_words(worded: str, open_page: Any) -> None:
    page = open_page(worded)
    draw_sketch(page, CHAIR)
    wait_for_count(page, PHOTOS)
    assert not page.locator("#balance").is_visible()
    page.fill("#words", "red")
    wait_for_best(page, "red-chair")
    slider = page.locator("#balance input")
    assert slider.get_attribute("aria-valuetext") == "50 % drawing, 50 % words"
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#grid .name')].slice(0, 3).every(n => n.textContent.startsWith('red'))"
    )
    page.keyboard.press("Home")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#grid .name')].slice(0, 3).every(n => n.textContent.endsWith('chair'))"
    )


def test_the_keys_of_the_page_leave_whoever_types_alone(worded: str, open_page: Any) -> None:
    page = open_page(worded)
    draw_sketch(page, CHAIR)
    wait_for_count(page, PHOTOS)
    before = ink(page)
    page.click("#words")
    page.keyboard.type("pepper red")
    assert page.get_attribute("#pen", "aria-pressed") == "true"
    for key in ("Home", "Delete", "End", "Backspace", "Control+z"):
        page.keyboard.press(key)
    assert ink(page) == before
    page.click("#canvas", position={"x": 3, "y": 3}, trial=True)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("e")
    assert page.get_attribute("#eraser", "aria-pressed") == "true"


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose model knows the names of colours and no other words."""
    with served(make_worded_gallery(tmp_path_factory.mktemp("named"), names=True)) as address:
        yield address


def test_names_are_completed_by_key_and_pointer(knowing: str, open_page: Any) -> None:
    page = open_page(knowing)
    box, options = page.get_by_role("combobox"), page.get_by_role("option")
    page.wait_for_selector("#words[placeholder='Add a word: red, green, blue']")
    box.press_sequentially("a fi")
    assert options.all_inner_texts() == ["fire engine"] and box.get_attribute("aria-expanded") == "true"
    box.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    assert options.first.get_attribute("aria-selected") == "true"
    box.press("Enter")
    assert page.input_value("#words") == "a fire engine" and box.get_attribute("aria-expanded") == "false"
    wait_for_best(page, "red-chair")
    page.fill("#words", "gr")
    options.first.click()
    assert page.input_value("#words") == "green" and page.evaluate("document.activeElement.id") == "words"
    wait_for_best(page, "green-chair")
    page.fill("#words", "cri")
    box.press("Escape")
    assert page.input_value("#words") == "cri" and options.count() == 0 and not page.locator("#names").is_visible()
    box.press("ArrowDown")
    page.locator("#names").wait_for()
    box.press("Tab")
    assert not page.locator("#names").is_visible()


def test_words_that_are_not_known_are_told_under_the_box(knowing: str, open_page: Any) -> None:
    page = open_page(knowing)
    draw_sketch(page, CHAIR)
    wait_for_count(page, PHOTOS)
    alone = names(page)
    page.fill("#words", "thingamajig")
    page.get_by_text("does not know 'thingamajig'; it knows 5 words, for instance red, green").wait_for()
    assert names(page) == alone
    page.fill("#words", "thingamajig green")
    page.get_by_text("does not know 'thingamajig'; it searches by green").wait_for()
    wait_for_best(page, "green-chair")
    page.fill("#words", "green")
    page.wait_for_function("() => !document.querySelector('#remark').textContent")


def test_words_outlive_a_reload_and_go_with_clear(worded: str, open_page: Any) -> None:
    page = open_page(worded)
    draw_sketch(page, LAMP)
    page.fill("#words", "red")
    wait_for_best(page, "red-lamp")
    page.reload()
    wait_for_best(page, "red-lamp")
    assert page.input_value("#words") == "red"
    page.click("#clear")
    wait_for_count(page, 0)
    assert page.input_value("#words") == "" and page.locator("#clear").is_disabled()
    page.reload()
    page.wait_for_selector("#connection[data-state=live]")
    assert page.input_value("#words") == ""


def test_words_alone_are_cleared_too(worded: str, open_page: Any) -> None:
    page = open_page(worded)
    page.fill("#words", "blue")
    wait_for_count(page, PHOTOS)
    page.click("#clear")
    wait_for_count(page, 0)


def test_more_like_a_photo_and_with_words(worded: str, open_page: Any) -> None:
    page = open_page(worded)
    draw_sketch(page, LAMP)
    wait_for_count(page, PHOTOS)
    page.fill("#words", "red")
    wait_for_best(page, "red-lamp")
    page.fill("#words", "")
    page.wait_for_function("() => document.querySelector('#balance').hidden")
    page.locator("#grid button", has_text="green-chair").click()  # by name, as the tiles may move just now
    page.click("#viewer .similar")
    wait_for_best(page, "green-chair")
    assert page.locator("#picture").is_visible() and ink(page) == 0
    assert set(names(page)[1:5]) == {"red-chair", "blue-chair", "green-lamp", "green-table"}
    page.fill("#words", "blue")
    wait_for_best(page, "blue-chair")  # like that photo, but blue
    page.click("#clear")
    wait_for_count(page, 0)
    assert not page.locator("#picture").is_visible()


def test_where_the_model_has_no_words_there_is_no_box(address: str, open_page: Any) -> None:
    page = open_page(address)
    page.get_by_text("Live", exact=True).wait_for()
    assert not page.locator(".words").is_visible()


@pytest.mark.parametrize("size", [(390, 844), (360, 640), (844, 390)])
def test_the_box_fits_a_phone(worded: str, open_page: Any, size: tuple[int, int]) -> None:
    width, height = size
    phone = {"viewport": {"width": width, "height": height}, "has_touch": True, "is_mobile": True}
    page = open_page(worded, reduced_motion="reduce", **phone)
    draw_sketch(page, CHAIR)
    page.fill("#words", "red")
    wait_for_best(page, "red-chair")
    for part in (".ask", "#balance"):
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_trained_model_finds_the_red_chair(tmp_path_factory: pytest.TempPathFactory, open_page: Any) -> None:
    folder, sketches = make_coloured_gallery(tmp_path_factory.mktemp("coloured"))
    with served(folder) as address:
        page = open_page(address)
        draw_sketch(page, sketches["chair"])
        wait_for_count(page, 24)
        assert {name.split("-")[1] for name in names(page)[:4]} == {"chair"}
        page.fill("#words", "red")
        wait_for_best(page, "red-chair")
        page.fill("#words", "green")
        wait_for_best(page, "green-chair")


def test_the_shipped_model_knows_bicycles_and_dogs_by_name(shared: Path, tmp_path: Path, open_page: Any) -> None:
    model = Model.default()
    for kind in ("bicycle", "couch", "cup", "dog"):
        for number, photo in enumerate(sorted((shared / "data" / "sketchy-125-photos" / kind).iterdir())[:4]):
            (tmp_path / "photos").mkdir(exist_ok=True)
            shutil.copy(photo, tmp_path / "photos" / f"{kind}-{number}.jpg")
    with Gallery.create(tmp_path / "gallery", model) as gallery:
        ingest(gallery, [tmp_path / "photos"])
    first_are = (
        "kind => [...document.querySelectorAll('#grid .name')].slice(0, 4).every(n => n.textContent.startsWith(kind))"
    )
    with served(tmp_path / "gallery") as address:
        page = open_page(address)
        page.get_by_role("combobox").press_sequentially("bicy")
        page.get_by_role("option", name="bicycle", exact=True).click()
        wait_for_count(page, 16)
        page.wait_for_function(first_are, arg="bicycle")
        page.fill("#words", "")
        dog = load_drawing(shared / "data" / "quickdraw-345" / "simplified" / "dog.ndjson")
        assert isinstance(dog, Sketch)
        draw_sketch(page, dog)
        page.fill("#words", "dog")
        page.wait_for_function(first_are, arg="dog")
        page.fill("#words", "thingamajig")
        page.get_by_text("does not know 'thingamajig'; it knows 3,").wait_for()
