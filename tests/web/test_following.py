"""A photo that is copied while the page is open appears in its answers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from page_actions import draw_sketch, wait_for_best, wait_for_count
from served_gallery import known_sketches, make_gallery, served

pytestmark = pytest.mark.slow  # a browser

NAME, SKETCH = "thing-03", known_sketches()["thing-03"]


def test_a_copied_photo_appears_in_the_answers(open_page: Any, tmp_path: Path) -> None:
    folder = make_gallery(tmp_path)
    wanted = next((tmp_path / "photos").glob(f"{NAME}.*"))
    wanted.rename(tmp_path / wanted.name)
    with served(folder) as address:
        page = open_page(address)
        page.click("#follow")
        page.wait_for_selector("#follow[aria-pressed=true]")
        page.wait_for_function("() => document.querySelector('#photos').textContent === '11 photos'")
        draw_sketch(page, SKETCH)
        wait_for_count(page, 11)
        shutil.copy(tmp_path / wanted.name, wanted)  # nothing else happens on the page
        wait_for_best(page, NAME)
        page.wait_for_function("() => document.querySelector('#photos').textContent === '12 photos'")
        page.click("#follow")
        page.wait_for_selector("#follow[aria-pressed=false]")
        page.close()
