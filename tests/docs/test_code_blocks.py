"""The code of the documentation runs: every page's Python and console blocks, in order, on small made-up data.

A page runs in a folder of its own, which is home and current directory. ``sketchseek`` commands run in this process,
training ones at tiny settings from random weights. ``sketchseek serve`` serves until the page's next ``sketchseek``
command, at a free port that stands for 8000. In a console block, lines without "$ " are the output to expect, "..."
being any text.

A block below a line that holds a path alone is that file, and is written instead of run. ``pip install PATH`` installs
without the network into a folder that is then on ``sys.path``. A block that cannot run here has
``<!-- not run: REASON -->`` before it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import REPOSITORY
from documented_files import write_documented_files
from markdown_it import MarkdownIt
from served_gallery import served
from tiny_runs import tiny_changes

from sketchseek.cli import main
from sketchseek.gallery import default_gallery_dir

A_PATH = re.compile(r"`([\w./-]+\.\w+)`:")
NOT_RUN = re.compile(r"<!-- not run: \S.*-->", re.DOTALL)
RUN = ("python", "console")
CHECKED = {"json": json.loads, "toml": tomllib.loads}
SHOWN = ("text", "markdown")  # layouts, signatures
SITE = "installed"  # the folder that takes what a page installs


@dataclass(frozen=True)
class Block:
    """A fenced block. ``skipped``: marked as not run; ``file``: the path that it is the content of, or empty."""

    language: str
    text: str
    line: int
    skipped: bool
    file: str


def blocks_of(page: Path) -> list[Block]:
    found = []
    before = ""  # the comment or the line above
    for token in MarkdownIt().parse(page.read_text()):
        if token.type == "fence" and not token.info.startswith("{"):
            assert token.map is not None
            skipped, file = NOT_RUN.fullmatch(before), A_PATH.fullmatch(before)
            line = token.map[0] + 1
            found.append(Block(token.info.strip(), token.content, line, bool(skipped), file[1] if file else ""))
        if token.content:
            before = token.content.strip()
    return found


PAGES = sorted(
    page
    for page in [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").rglob("*.md")]
    if page.parent.name not in ("commands", "methods", "tables")
)
WITH_CODE = [
    page for page in PAGES if any(block.language not in SHOWN and not block.skipped for block in blocks_of(page))
]


def training_pages_are_slow(page: Path) -> Any:
    slow = any("sketchseek train" in block.text and not block.skipped for block in blocks_of(page))
    return pytest.param(page, id=str(page.relative_to(REPOSITORY)), marks=[pytest.mark.slow] if slow else [])


@pytest.fixture
def home(pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    write_documented_files(folder, pairs_folder)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder / SITE)
    return folder


class Page:
    """Runs the blocks of a page one after the other."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str], stack: contextlib.ExitStack) -> None:
        self.path, self.capsys, self.stack = path, capsys, stack
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.address = ""

    def run(self, block: Block) -> None:
        if block.file:
            path = Path(block.file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
            return
        text = block.text.replace("127.0.0.1:8000", self.address) if self.address else block.text
        if block.language == "python":
            code = compile("\n" * block.line + text, str(self.path), "exec")
            # In a thread of its own: the browser tests leave an event loop running in this one, and asyncio.run refuses
            # to start beside it.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(exec, code, self.names).result()
        elif block.language == "console":
            for command, expected in _commands(text):
                said = self._command(command, block)
                pattern = re.escape(expected.strip()).replace(re.escape("..."), ".*")
                assert not expected or re.fullmatch(pattern, said.strip(), re.DOTALL), (
                    f"{self.path}: $ {command}\n{said}"
                )

    def _command(self, command: str, block: Block) -> str:
        """Run one line and return what it printed."""
        words = [os.path.expanduser(word) for word in shlex.split(command, comments=True)]
        where = f"{self.path}:{block.line}: $ {command}"
        if words[:2] == ["pip", "install"]:
            words = [sys.executable, "-m", *words, "--no-deps", "--no-build-isolation", "--quiet", "--target", SITE]
        if words[0] != "sketchseek":
            if shutil.which(words[0]) is None:
                pytest.skip(f"{words[0]} is not installed")
            done = subprocess.run(words, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, f"{where}\n{done.stdout}{done.stderr}"
            importlib.invalidate_caches()
            return done.stdout
        self.stack.close()  # stops a server, as one process at a time has a gallery open
        if words[1] == "serve":
            self._serve(words[2:])
            return ""
        if words[1] == "train":
            words += ["--weights", "random"] if "--weights" not in words else []
            tiny = tiny_changes(words[2]) | {"training.pairs": "8"}
            words += [word for key, value in tiny.items() for word in ("--set", f"{key}={value}")]
        self.capsys.readouterr()
        code = main(words[1:])
        said = self.capsys.readouterr()
        assert code == 0, f"{where}\n{said.out}{said.err}"
        return said.out

    def _serve(self, words: list[str]) -> None:
        given = {option: Path(value) for option, value in zip(words[::2], words[1::2], strict=True)}
        assert given.keys() <= {"--gallery", "--drawings"}, words
        at = self.stack.enter_context(served(given.get("--gallery", default_gallery_dir()), given.get("--drawings")))
        self.address = at.removeprefix("http://")
        if "--drawings" in given:  # somebody practises a little
            photo = httpx.get(f"{at}/api/practice").json()["id"]
            sketch = {
                "format": "sketchseek-sketch",
                "version": 1,
                "strokes": [[[0.2, 0.2, 0, 0.5], [0.8, 0.8, 90, 0.5]]],
            }
            httpx.post(f"{at}/api/drawings", json={"photo": photo, "sketch": sketch}).raise_for_status()


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output that stands below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.replace("\\\n", " ").partition("\n")
        yield command, output


@pytest.mark.parametrize("page", [training_pages_are_slow(page) for page in WITH_CODE])
def test_the_code_of_a_page_runs(page: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.ExitStack() as stack:
        running = Page(page, capsys, stack)
        for block in blocks_of(page):
            assert block.language in (*RUN, *CHECKED, *SHOWN), f"{page}:{block.line}: names no language"
            if block.language in CHECKED:
                CHECKED[block.language](block.text)
            if (block.file or block.language in RUN) and not block.skipped:
                running.run(block)
