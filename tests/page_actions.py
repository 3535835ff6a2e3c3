"""What tests do on the page, and what they read off it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from sketchseek.strokes.sketch import Sketch


def place(page: Any, x: float, y: float) -> tuple[float, float]:
    """Where a point of the unit canvas lies on the page."""
    box = page.locator("#canvas").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def draw(page: Any, points: Iterable[Iterable[float]], steps: int = 1) -> None:
    """One stroke with the mouse."""
    first, *others = [place(page, *point) for point in points]
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point, steps=steps)
    page.mouse.up()


def draw_sketch(page: Any, sketch: Sketch) -> None:
    for stroke in sketch.strokes:
        draw(page, stroke[::2, :2].tolist())


def names(page: Any) -> list[str]:
    """The names of the photos shown, closest first, once everything drawn is answered."""
    page.wait_for_selector("#grid:not([aria-busy=true])", state="attached")
    return page.locator("#grid .name").all_inner_texts()


def wait_for_best(page: Any, name: str) -> None:
    page.wait_for_function("name => document.querySelector('#grid .name')?.textContent === name", arg=name)


def wait_for_count(page: Any, count: int) -> None:
    page.wait_for_function("count => document.querySelectorAll('#grid .tile').length === count", arg=count)


def wait_until(page: Any, holds: Callable[[], bool]) -> None:
    """Until something holds that is told to this process, not to the page."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        page.wait_for_timeout(20)


def ink(page: Any) -> int:
    """How many pixels of the canvas hold ink, once it has been painted."""
    return page.evaluate(
        """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
            const canvas = document.getElementById("canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let count = 0;
            for (let i = 3; i < data.length; i += 4) count += data[i] > 128;
            done(count);
        })))"""
    )
