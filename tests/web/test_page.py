"""What a person does on the page, with real pointer and key events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from page_actions import draw, draw_sketch, ink, names, place, wait_for_best, wait_for_count, wait_until
from served_gallery import known_sketches, make_gallery, served

from sketchseek.search.limits import LIMITS
from sketchseek.strokes.sketch import Sketch
from sketchseek.strokes.sketch_json import read_json, write_json
from sketchseek.strokes.svg import write_svg

pytestmark = pytest.mark.slow  # a browser

SKETCHES = known_sketches()
NAME, SKETCH = "thing-03", SKETCHES["thing-03"]
LINE = [(0.2, 0.2), (0.8, 0.25)]
OTHER_LINE = [(0.2, 0.7), (0.8, 0.75)]


def test_a_drawing_finds_its_photo_and_another_one_finds_another(address: str, open_page: Any) -> None:
    page = open_page(address)
    assert page.locator("#photos").inner_text() == f"{len(SKETCHES)} photos"
    assert page.get_by_text("Draw what you remember").is_visible()
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    assert page.locator("#status").inner_text() == f"Best match: {NAME}"
    wait_for_count(page, len(SKETCHES))
    assert page.evaluate("[...document.querySelectorAll('#grid img')].every(image => image.src.includes('/thumbnail'))")
    page.wait_for_function("() => document.querySelector('#grid img').naturalWidth > 0")

    page.keyboard.press("Delete")
    wait_for_count(page, 0)
    draw_sketch(page, SKETCHES["thing-08"])
    wait_for_best(page, "thing-08")


def test_photos_come_while_the_pen_is_still_down(address: str, open_page: Any) -> None:
    page = open_page(address)
    page.mouse.move(*place(page, 0.2, 0.2))
    page.mouse.down()
    page.mouse.move(*place(page, 0.6, 0.6), steps=5)
    wait_for_count(page, len(SKETCHES))
    page.mouse.up()


def test_a_drawing_may_lie_anywhere_unless_the_sheet_is_the_photos_frame(address: str, open_page: Any) -> None:
    page = open_page(address)
    assert page.get_by_text("Anywhere on the sheet, in any size.").is_visible()
    small = Sketch.from_arrays([stroke[:, :2] * 0.35 + (0.6, 0.05) for stroke in SKETCH.strokes])
    draw_sketch(page, small)
    wait_for_count(page, len(SKETCHES))
    anywhere, drawn = names(page), ink(page)
    page.click("#as-framed")
    shown = "[...document.querySelectorAll('#grid .name')].map(name => name.textContent).join()"
    page.wait_for_function(f"names => names !== {shown}", arg=",".join(anywhere))
    assert ink(page) == drawn  # it stays where it was drawn
    page.reload()
    wait_for_count(page, len(SKETCHES))
    assert page.get_attribute("#as-framed", "aria-pressed") == "true" and names(page) != anywhere
    page.click("#anywhere")
    page.wait_for_function(f"names => names === {shown}", arg=",".join(anywhere))
    page.click("#clear")
    page.click("#as-framed")
    assert page.get_by_text("Where it stands in the photo, and as large.").is_visible()


def test_tiles_of_photos_that_stay_are_moved_not_made_anew(address: str, open_page: Any) -> None:
    page = open_page(address)
    draw(page, LINE, steps=8)
    wait_for_count(page, len(SKETCHES))
    before = names(page)
    page.evaluate("document.querySelectorAll('#grid .tile').forEach(tile => { tile.kept = true; })")
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    assert names(page) != before
    assert page.evaluate("[...document.querySelectorAll('#grid .tile')].every(tile => tile.kept)")


def test_undo_redo_and_clear_by_button_and_by_key(address: str, open_page: Any) -> None:
    page = open_page(address)
    assert page.locator("#undo").is_disabled() and page.locator("#redo").is_disabled()
    draw(page, LINE, steps=8)
    one = ink(page)
    draw(page, OTHER_LINE, steps=8)
    two = ink(page)
    assert two > one > 0

    page.click("#undo")
    assert ink(page) == one
    page.keyboard.press("Control+z")
    assert ink(page) == 0
    wait_for_count(page, 0)
    page.keyboard.press("Control+Shift+Z")
    assert ink(page) == one
    page.click("#redo")
    assert ink(page) == two
    assert page.locator("#redo").is_disabled()
    wait_for_count(page, len(SKETCHES))

    page.click("#clear")
    assert ink(page) == 0
    wait_for_count(page, 0)
    page.keyboard.press("Control+z")
    assert ink(page) == two
    page.keyboard.press("Delete")
    assert ink(page) == 0


def test_the_eraser_takes_the_strokes_it_touches_as_one_step(address: str, open_page: Any) -> None:
    page = open_page(address)
    draw(page, LINE, steps=8)
    one = ink(page)
    draw(page, OTHER_LINE, steps=8)
    both = ink(page)
    page.keyboard.press("e")
    assert page.locator("#eraser").get_attribute("aria-pressed") == "true"
    draw(page, [(0.5, 0.6), (0.5, 0.85)], steps=8)
    assert ink(page) == one
    draw(page, [(0.05, 0.95), (0.1, 0.9)], steps=4)
    assert ink(page) == one
    page.keyboard.press("Control+z")
    assert ink(page) == both
    draw(page, [(0.5, 0.1), (0.5, 0.9)], steps=12)
    assert ink(page) == 0
    wait_for_count(page, 0)
    page.click("#undo")
    assert ink(page) == both
    page.keyboard.press("p")
    draw(page, [(0.1, 0.5), (0.9, 0.5)], steps=8)
    assert ink(page) > both


def test_a_photo_is_enlarged_and_the_keys_go_through_them(address: str, open_page: Any) -> None:
    page = open_page(address)
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    page.locator("#grid button").first.click()
    viewer = page.locator("#viewer")
    assert viewer.is_visible()
    assert Path(viewer.locator(".name").inner_text()).stem == NAME
    viewer.get_by_text(f"photos/{viewer.locator('.name').inner_text()}").wait_for()  # where it lies
    page.wait_for_function("() => !document.querySelector('#viewer img').src.includes('thumbnail')")
    assert page.evaluate("document.querySelector('#viewer img').naturalWidth") == 256
    page.keyboard.press("ArrowRight")
    assert Path(viewer.locator(".name").inner_text()).stem == names(page)[1]
    assert viewer.locator(".place").inner_text() == f"2 of {len(SKETCHES)}"
    page.keyboard.press("Delete")  # the sheet behind is out of reach
    page.keyboard.press("Escape")
    assert not viewer.is_visible()
    assert ink(page) > 0
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("2.")
    page.keyboard.press("Enter")
    assert viewer.is_visible()


def test_everything_can_be_reached_and_drawn_by_keyboard(address: str, open_page: Any) -> None:
    page = open_page(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "follow"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "language"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "canvas"
    page.keyboard.press("Space")
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert ink(page) > 100
    wait_for_count(page, len(SKETCHES))
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached == ["pen", "eraser", "undo", "clear", "anywhere", "as-framed", "open", "save"]
    for _ in range(2):  # the list can be saved
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.tile') !== null")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


def test_a_saved_drawing_is_the_drawing_and_opens_again(address: str, open_page: Any, tmp_path: Path) -> None:
    page = open_page(address)
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    before, order = ink(page), names(page)
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(tmp_path / "drawing.json")
    saved = read_json(tmp_path / "drawing.json")
    assert len(saved.strokes) == len(SKETCH.strokes)
    assert abs(saved.points[:, :2].mean(axis=0) - SKETCH.points[::2, :2].mean(axis=0)).max() < 0.01
    assert saved.points[0, 2] == 0 and (saved.points[1:, 2] >= saved.points[:-1, 2]).all()

    page.click("#clear")
    wait_for_count(page, 0)
    page.set_input_files("#file", tmp_path / "drawing.json")
    wait_for_best(page, NAME)
    assert ink(page) == before
    assert names(page) == order
    page.keyboard.press("Control+z")
    wait_for_count(page, 0)


def test_a_picture_can_be_opened_and_traced(address: str, open_page: Any, tmp_path: Path) -> None:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(picture).line([(20, 20), (280, 180)], "black", 5)
    picture.save(tmp_path / "scan.png")
    page = open_page(address)
    page.set_input_files("#file", tmp_path / "scan.png")
    wait_for_count(page, len(SKETCHES))
    assert page.locator("#picture").is_visible()
    of_picture = names(page)
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    assert names(page) != of_picture
    assert page.locator("#picture.is-beneath").is_visible()
    for _ in SKETCH.strokes:
        page.keyboard.press("Control+z")
    wait_for_best(page, of_picture[0])
    assert names(page) == of_picture
    page.click("#clear")
    assert not page.locator("#picture").is_visible()
    wait_for_count(page, 0)


def test_a_reload_keeps_the_drawing(address: str, open_page: Any) -> None:
    page = open_page(address)
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    before = ink(page)
    page.reload()
    wait_for_best(page, NAME)
    assert ink(page) == before
    assert page.locator("#save").is_enabled()
    draw(page, LINE, steps=4)
    page.click("#undo")
    assert ink(page) == before
    page.click("#clear")
    page.reload()
    page.wait_for_selector("#connection[data-state=live]")
    assert ink(page) == 0


def test_lines_of_unknown_pressure_are_as_wide_as_a_mouse_draws(address: str, open_page: Any, tmp_path: Path) -> None:
    write_svg(Sketch.from_arrays([[[0.1, 0.1], [0.1, 0.9], [0.9, 0.9]]]), tmp_path / "corner.svg")
    page = open_page(address)
    page.set_input_files("#file", tmp_path / "corner.svg")
    wait_for_count(page, len(SKETCHES))
    opened = ink(page)
    with page.expect_download() as download:
        page.click("#save")
    page.click("#clear")
    draw(page, read_json(download.value.path()).strokes[0][:, :2].tolist())
    assert ink(page) == pytest.approx(opened, rel=0.05)


def test_a_file_that_is_no_drawing_is_named_in_a_notice(address: str, open_page: Any, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1, 2")
    page = open_page(address, expected="status of 422")
    with page.expect_response("**/api/search"):
        page.set_input_files("#file", tmp_path / "list.json")
    page.wait_for_selector("#notice.is-shown")
    assert "list.json" in page.locator("#notice").inner_text()


def test_a_dropped_file_is_opened(address: str, open_page: Any, tmp_path: Path) -> None:
    write_json(SKETCH, tmp_path / "sketch.json")
    page = open_page(address)
    transfer = page.evaluate_handle(
        """text => { const transfer = new DataTransfer();
                     transfer.items.add(new File([text], "sketch.json", { type: "application/json" }));
                     return transfer; }""",
        (tmp_path / "sketch.json").read_text(),
    )
    page.dispatch_event("#paper", "dragover", {"dataTransfer": transfer})
    assert page.locator("#veil").is_visible()
    page.dispatch_event("#paper", "drop", {"dataTransfer": transfer})
    wait_for_best(page, NAME)
    assert not page.locator("#veil").is_visible()


def test_dark_and_light_have_their_own_paper_and_ink(address: str, open_page: Any) -> None:
    page = open_page(address, color_scheme="dark")
    brightness = "of => getComputedStyle(document.querySelector(of[0]))[of[1]].match(/\\d+/g).slice(0, 3).map(Number)"
    assert max(page.evaluate(brightness, [".paper", "backgroundColor"])) < 80
    assert min(page.evaluate(brightness, ["canvas", "color"])) > 200
    page.emulate_media(color_scheme="light")
    assert min(page.evaluate(brightness, [".paper", "backgroundColor"])) > 240
    assert max(page.evaluate(brightness, ["canvas", "color"])) < 80


@pytest.mark.parametrize("size", [(390, 844), (360, 640)])
def test_a_phone_has_the_sheet_on_top_and_the_photos_below(address: str, open_page: Any, size: tuple[int, int]) -> None:
    width, height = size
    page = open_page(address, viewport={"width": width, "height": height}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sheet = page.locator("#paper").bounding_box()
    assert abs(sheet["width"] - sheet["height"]) < 1
    assert sheet["x"] >= 0 and sheet["x"] + sheet["width"] <= width
    for name in ("pen", "eraser", "undo", "redo", "clear", "open", "save"):
        box = page.locator(f"#{name}").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        assert box["y"] >= sheet["y"] + sheet["height"]
        assert box["width"] >= 38 and box["height"] >= 38

    touch(page, SKETCH)
    wait_for_best(page, NAME)
    assert page.evaluate("scrollY") == 0
    best = page.locator("#grid .tile").first.bounding_box()
    assert best["y"] > sheet["y"] + sheet["height"]
    assert best["y"] + 40 < height
    page.locator("#grid .tile").last.scroll_into_view_if_needed()
    assert page.locator("#paper").bounding_box() == sheet


def touch(page: Any, sketch: Sketch) -> None:
    """Draw with a finger, through the browser's own touch input."""
    session = page.context.new_cdp_session(page)
    for stroke in sketch.strokes:
        kind = "touchStart"
        for x, y in stroke[::2, :2].tolist():
            left, top = place(page, x, y)
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": left, "y": top}]})
            kind = "touchMove"
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_reduced_motion_moves_nothing(address: str, open_page: Any) -> None:
    page = open_page(address, reduced_motion="reduce")
    page.evaluate("() => { Element.prototype.animate = () => { throw new Error('moved') }; }")
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)


def test_a_dropped_connection_comes_back_with_the_drawing(browser: Any, tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path)
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(60_000)
    with served(gallery) as address:
        page.add_init_script(
            "window.sockets = []; window.cut = false; const Real = WebSocket;"
            "window.WebSocket = class extends Real {"
            "  constructor(url) { super(url); sockets.push(this); if (cut) this.close(); }"
            "};"
        )
        page.goto(address)
        page.wait_for_selector("#connection[data-state=live]")
        draw_sketch(page, SKETCH)
        wait_for_best(page, NAME)
        assert names(page)[0] == NAME  # everything is answered, so nothing comes after the cut
        # No new connection comes about until the wire is whole again.
        page.evaluate("document.getElementById('grid').replaceChildren(); cut = true; sockets[0].close()")
        page.wait_for_selector("#connection[data-state=lost]")
        draw(page, LINE, steps=3)
        assert page.locator("#connection").inner_text() == "Reconnecting"
        assert names(page) == []
        page.evaluate("cut = false")
        page.wait_for_selector("#connection[data-state=live]")
        wait_for_count(page, len(SKETCHES))
    page.context.close()


def test_what_is_sent_is_what_was_drawn_once_a_frame(address: str, open_page: Any) -> None:
    page = open_page(address)
    frames: list[dict[str, Any]] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda text: frames.append(json.loads(text))))
    page.reload()
    page.wait_for_selector("#connection[data-state=live]")
    draw(page, LINE, steps=30)
    wait_until(page, lambda: bool(frames) and frames[-1]["type"] == "end")
    kinds = [frame["type"] for frame in frames]
    assert kinds[0] == "sketch" and kinds[-1] == "end"
    assert set(kinds[1:-1]) == {"points"}
    sent = [point for frame in frames for point in frame.get("points", [])]
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    assert len(sent) == 31
    assert sent[0] == pytest.approx([0.2, 0.2, 0, 0.5], abs=0.01)
    assert sent[-1][:2] == pytest.approx([0.8, 0.25], abs=0.01)


def test_the_pen_reaches_as_far_beyond_the_sheet_as_the_server_accepts(address: str, open_page: Any) -> None:
    page = open_page(address)
    frames: list[dict[str, Any]] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda text: frames.append(json.loads(text))))
    page.reload()
    page.wait_for_function("() => document.querySelector('#photos').textContent")  # the server has said hello
    page.mouse.move(*place(page, 0.5, 0.5))
    page.mouse.down()
    far = "{pointerId: 1, clientX: 1e6, clientY: -1e6}"
    page.evaluate(f"document.querySelector('#canvas').dispatchEvent(new PointerEvent('pointermove', {far}))")
    page.mouse.up()
    wait_until(page, lambda: bool(frames) and frames[-1]["type"] == "end")
    far_points = [point[:2] for frame in frames for point in frame.get("points", []) if point[0] > 1]
    assert far_points == [[1 + LIMITS.reach, -LIMITS.reach]]
    wait_for_count(page, len(SKETCHES))  # the server takes them
