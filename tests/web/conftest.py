"""A real browser on the page of a real server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served_gallery import make_gallery, served

# Nothing but the page under test may use the network.
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("there is no Chromium on this machine; install the system's package 'chromium'")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server with pictures of the known sketches and the tiny model."""
    folder: Path = make_gallery(tmp_path_factory.mktemp("web"))
    with served(folder) as address:
        yield address


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """``open_page(address, **context)``: a page in a context of its own.

    The test fails where the page asks anything of another host or reports an error that is not ``expected``.
    """
    contexts: list[Any] = []
    complaints: list[str] = []

    def opening(address: str, expected: str | None = None, **context: Any) -> Any:
        def complain(text: str) -> None:
            if expected is None or expected not in text:
                complaints.append(text)

        def check_message(message: Any) -> None:
            if message.type == "error":
                complain(message.text)

        def check_request(request: Any) -> None:
            if not is_ours(request.url, address):
                complain(request.url)

        contexts.append(
            browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "service_workers": "block", **context})
        )
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)  # a busy machine is no failure
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("console", check_message)
        page.on("request", check_request)
        page.goto(address)
        page.wait_for_selector("#connection[data-state=live]")
        return page

    yield opening
    for context in contexts:
        context.close()
    assert not complaints


def is_ours(url: str, address: str) -> bool:
    return url.startswith((address, address.replace("http", "ws", 1), "blob:", "data:"))
