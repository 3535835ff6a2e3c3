"""How pen, fingers and mouse draw, with raw pointer events where no machine here has the device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page_actions import draw, ink, place, wait_for_count
from served_gallery import known_sketches

pytestmark = pytest.mark.slow  # a browser

COUNT = len(known_sketches())
LINE = [(0.2, 0.2), (0.8, 0.25)]
STROKES = "JSON.parse(sessionStorage.getItem('sketchseek-drawing') ?? '{}').strokes?.length ?? 0"


def send(page: Any, kind: str, x: float, y: float, **fields: Any) -> None:
    """A raw pointer event on the sheet, at a place of the unit canvas."""
    left, top = place(page, x, y)
    page.evaluate(
        """([kind, fields]) => {
            HTMLElement.prototype.setPointerCapture = () => {};  // there is no such pointer
            document.getElementById("canvas").dispatchEvent(new PointerEvent(kind, { pressure: 0.5, ...fields }));
        }""",
        [kind, {"clientX": left, "clientY": top, "pointerId": 2, "button": 0, "buttons": 1, **fields}],
    )


def test_a_hand_laid_down_before_the_pen_draws_nothing(address: str, open_page: Any) -> None:
    page = open_page(address)
    send(page, "pointerdown", 0.9, 0.9, pointerType="touch", pointerId=2)
    send(page, "pointermove", 0.9, 0.8, pointerType="touch", pointerId=2)
    send(page, "pointerdown", 0.2, 0.2, pointerType="pen", pointerId=3)
    send(page, "pointermove", 0.9, 0.7, pointerType="touch", pointerId=2)
    send(page, "pointermove", 0.6, 0.2, pointerType="pen", pointerId=3)
    send(page, "pointerup", 0.6, 0.2, pointerType="pen", pointerId=3)
    send(page, "pointerup", 0.9, 0.7, pointerType="touch", pointerId=2)
    assert page.evaluate(STROKES) == 1


def test_a_pencils_eraser_end_erases_and_a_lost_capture_ends_the_stroke(address: str, open_page: Any) -> None:
    page = open_page(address)
    send(page, "pointerdown", 0.2, 0.2, pointerType="pen")
    send(page, "pointermove", 0.6, 0.2, pointerType="pen")
    send(page, "lostpointercapture", 0.6, 0.2, pointerType="pen")
    assert page.evaluate(STROKES) == 1
    send(page, "pointerdown", 0.4, 0.1, pointerType="pen", button=5, buttons=32)
    send(page, "pointermove", 0.4, 0.3, pointerType="pen", button=-1, buttons=32)
    send(page, "pointerup", 0.4, 0.3, pointerType="pen", button=5, buttons=0)
    assert ink(page) == 0
    send(page, "pointerdown", 0.2, 0.6, pointerType="touch")
    send(page, "pointermove", 0.6, 0.6, pointerType="touch")
    send(page, "pointercancel", 0.6, 0.6, pointerType="touch")  # the system took it for a hand
    assert ink(page) == 0


def test_two_fingers_enlarge_the_sheet_and_draw_nothing(address: str, open_page: Any) -> None:
    page = open_page(address, viewport={"width": 820, "height": 1180}, has_touch=True)
    before = page.locator("#canvas").bounding_box()
    middle, session = place(page, 0.5, 0.5), page.context.new_cdp_session(page)

    def touch(kind: str, *apart: float) -> None:
        points = [{"x": middle[0] + x, "y": middle[1], "id": i} for i, x in enumerate(apart)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", -40)
    touch("touchStart", -40, 40)
    for apart in (60, 80, 100):
        touch("touchMove", -apart, apart)
    touch("touchEnd")
    after = page.locator("#canvas").bounding_box()
    assert after["width"] > 1.8 * before["width"]
    assert ink(page) == 0 and page.evaluate(STROKES) == 0
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 100, middle[1])
    page.mouse.up()
    points = page.evaluate("JSON.parse(sessionStorage.getItem('sketchseek-drawing')).strokes[0]")
    assert points[0][0] == pytest.approx(0.5, abs=0.02)  # a point is where it is on the sheet, however it is seen
    assert points[-1][0] - points[0][0] == pytest.approx(100 / after["width"], abs=0.01)


def test_a_line_that_is_held_is_made_straight_and_a_loop_round(address: str, open_page: Any) -> None:
    import math

    page = open_page(address)
    bent = [(0.2 + 0.06 * i, 0.3 + 0.01 * (i % 2)) for i in range(11)]
    round_ish = [(0.5 + 0.2 * math.cos(a / 4) + 0.01 * (a % 2), 0.6 + 0.15 * math.sin(a / 4)) for a in range(26)]
    for points in (bent, round_ish):
        page.mouse.move(*place(page, *points[0]))
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*place(page, *point))
        end = place(page, *points[-1])
        page.wait_for_timeout(650)
        page.mouse.move(end[0] + 1, end[1])  # a hand trembles
        page.wait_for_function(f"count => {STROKES} === count", arg=1 if points is bent else 2)
        page.mouse.up()
    strokes = page.evaluate("JSON.parse(sessionStorage.getItem('sketchseek-drawing')).strokes")
    assert [len(stroke) for stroke in strokes] == [2, 49]
    assert all(math.hypot((x - 0.5) / 0.2, (y - 0.6) / 0.15) == pytest.approx(1, abs=0.1) for x, y, *_ in strokes[1])
    page.click("#undo")
    assert page.evaluate(STROKES) == 1


def test_the_eraser_rubs_out_parts(address: str, open_page: Any) -> None:
    page = open_page(address)
    draw(page, LINE, steps=8)
    whole = ink(page)
    page.click("#eraser")
    page.click("#eraser")
    assert page.locator("#eraser").inner_text() == "Rub out"
    draw(page, [(0.5, 0.1), (0.5, 0.4)], steps=8)
    assert page.evaluate(STROKES) == 2
    assert 0.7 * whole < ink(page) < 0.98 * whole
    page.keyboard.press("Control+z")
    assert ink(page) == whole


def test_an_opened_picture_comes_back_by_undo_and_after_a_reload(address: str, open_page: Any, tmp_path: Path) -> None:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(picture).line([(20, 20), (280, 180)], "black", 5)
    picture.save(tmp_path / "scan.png")
    page = open_page(address)
    draw(page, LINE, steps=8)
    drawn = ink(page)
    page.set_input_files("#file", tmp_path / "scan.png")
    page.wait_for_selector("#picture:not([hidden])")
    page.keyboard.press("Control+z")
    assert ink(page) == drawn and page.locator("#picture").is_hidden()
    page.keyboard.press("Control+Shift+z")
    page.wait_for_selector("#picture:not([hidden])")
    page.click("#clear")
    wait_for_count(page, 0)
    page.keyboard.press("Control+z")
    wait_for_count(page, COUNT)
    page.wait_for_function("() => sessionStorage.getItem('sketchseek-drawing').includes('scan.png')")
    page.reload()
    page.wait_for_selector("#picture:not([hidden])")
    wait_for_count(page, COUNT)


def test_undo_is_where_the_letter_is_or_on_other_keyboards_the_key(address: str, open_page: Any) -> None:
    page = open_page(address)
    press = (
        "fields => document.body.dispatchEvent(new KeyboardEvent('keydown', {ctrlKey: true, bubbles: true, ...fields}))"
    )
    for fields in ({"key": "\u044f", "code": "KeyZ"}, {"key": "z", "code": "KeyY"}):  # Russian, German
        draw(page, LINE, steps=8)
        page.evaluate(press, fields)
        assert ink(page) == 0
