"""The page speaks English and Chinese, and every word of it stands in texts.js."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from page_actions import draw_sketch, wait_for_best
from served_gallery import known_sketches

from sketchseek.server.app import WEB

NAME, SKETCH = "thing-03", known_sketches()["thing-03"]
READ = ("title", "alt", "aria-label", "aria-description", "aria-valuetext", "placeholder")  # by people
# Every text and attribute of the page that people read or hear, also where it is hidden now; not the head.
ALL_TEXTS = f"""() => {{
    const found = [];
    for (const element of document.body.querySelectorAll("*")) {{
        for (const name of {list(READ)}) found.push(element.getAttribute(name));
        for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
    }}
    return found.filter(text => text?.trim());
}}"""
NO_TRANSLATION = re.compile(
    r"Sketchseek|CSV|JSON|SVG|Ctrl|Shift|Delete|Esc|\bEN\b|Show in English|red, with arms|\([A-Z]\)|（[A-Z]）|Z|O|S"
    r"|thing-\d\d(\.\w+)?|/\S+|ms"
)


class Texts(HTMLParser):
    """The texts that stand in the page's HTML itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in READ]

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def test_no_text_stands_in_the_html() -> None:
    texts = Texts()
    texts.feed((WEB / "index.html").read_text(encoding="utf-8"))
    assert {text.strip() for text in texts.found} - {""} == {"Sketchseek"}


@pytest.mark.slow  # a browser
def test_all_is_chinese_for_whose_browser_is_until_they_choose_english(address: str, open_page: Any) -> None:
    page = open_page(address, locale="zh-CN")
    assert page.get_attribute("html", "lang") == "zh-Hans"
    draw_sketch(page, SKETCH)
    wait_for_best(page, NAME)
    page.locator("#grid button").first.click()
    page.locator("#viewer .path").get_by_text(NAME).wait_for()
    page.keyboard.press("Escape")
    left = [text for text in page.evaluate(ALL_TEXTS) if re.search("[A-Za-z]", NO_TRANSLATION.sub("", text))]
    assert left == []

    page.click("#language")
    page.wait_for_selector("html[lang=en]")
    wait_for_best(page, NAME)  # the drawing is still there
    assert page.locator("#pen").inner_text() == "Pen"
    page.reload()
    page.wait_for_selector("html[lang=en]")
    page.click("#language")
    page.wait_for_selector("html[lang=zh-Hans]")


@pytest.mark.slow  # a browser
def test_other_browsers_get_english(address: str, open_page: Any) -> None:
    page = open_page(address, locale="fr-FR")
    assert page.get_attribute("html", "lang") == "en"
    assert not re.search("[\u4e00-\u9fff]", page.locator("main").inner_text())
