"""The page as an app: it can be installed, opens without the server, and never shows an old answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from page_actions import draw_sketch, ink, wait_for_best, wait_for_count
from PIL import Image
from served_gallery import known_sketches

from sketchseek.server.app import WEB

NAME, SKETCH = "thing-03", known_sketches()["thing-03"]


def test_the_icons_are_as_large_as_the_manifest_says() -> None:
    for icon in json.loads((WEB / "manifest.webmanifest").read_text())["icons"]:
        if icon["type"] == "image/png":
            with Image.open(WEB / icon["src"]) as image:
                assert "x".join(map(str, image.size)) == icon["sizes"]


@pytest.mark.slow  # a browser
def test_without_the_server_the_page_opens_and_shows_no_answer(address: str, open_page: Any) -> None:
    page = open_page(address, expected="ERR_INTERNET_DISCONNECTED", service_workers="allow")
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    drawn = ink(page)
    page.wait_for_function(
        """async () => (await navigator.serviceWorker.getRegistration())?.active
            && await caches.match("./") && await caches.match("app.js")"""
    )
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector("#connection[data-state=lost]")
    assert ink(page) == drawn
    wait_for_count(page, 0)
    assert page.evaluate("fetch('api/health').then(() => 'answered', () => 'nobody there')") == "nobody there"
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    wait_for_best(page, NAME)
