"""The site: every command, method and data set has its place, and it builds without a warning."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import sketchseek
from sketchseek.cli import COMMANDS, main
from sketchseek.lab.datasets.catalogue import CATALOGUE
from sketchseek.lab.methods import methods

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generated_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated_pages", REPOSITORY / "docs" / "generated_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generated_pages"] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(generated_pages: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the generated pages."""
    docs = tmp_path_factory.mktemp("site") / "docs"
    (docs / "reference").mkdir(parents=True)
    (docs.parent / "results").symlink_to(REPOSITORY / "results")
    generated_pages.write_generated_pages(docs)
    return docs / "reference"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_with_every_argument_of_its_help(
    command: str, pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    page = (pages / "commands" / f"{command}.md").read_text()
    options = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out)) - {"--help"}
    assert options and {option for option in options if option not in page} == set()


def test_every_method_and_data_set_is_listed(pages: Path) -> None:
    listed = (pages / "tables" / "methods.md").read_text()
    assert all(f"methods/{slug}.md" in listed and (pages / "methods" / f"{slug}.md").exists() for slug in methods())
    assert all(f"## `{slug}`\n" in (pages / "tables" / "data-sets.md").read_text() for slug in CATALOGUE)


def test_every_public_python_name_is_on_the_page_of_the_python_reference() -> None:
    page = (REPOSITORY / "docs" / "reference" / "python.md").read_text()
    assert [name for name in sketchseek.__all__ if not re.search(rf"sketchseek\.{name}\b", page)] == []


def test_seeds_of_one_system_are_one_row_of_the_results(pages: Path) -> None:
    table = (pages / "tables" / "results.md").read_text()
    assert "-seed-" not in table
    (row,) = [line for line in table.splitlines() if line.startswith("| `csr-S9` ") and "| 2 |" in line]
    assert "| 52.5 | 92.1 | 83.3 | 34.9 |" in row


def test_a_page_whose_subject_is_gone_goes_too(generated_pages: ModuleType, pages: Path) -> None:
    gone = pages / "commands" / "gone.md"
    gone.write_text("# gone\n")
    generated_pages.write_generated_pages(pages.parent)
    assert not gone.exists()


def test_prose_stays_within_120_characters() -> None:
    """Of tables, code and links no line can be broken."""
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "results").glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    too_long = []
    for page in pages:
        if page.parent.name not in ("commands", "methods", "tables"):
            prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
            too_long += [f"{page}: {line}" for line in prose.splitlines() if len(line) > 120 and line[0] != "|"]
    assert too_long == []


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-d", str(tmp_path / "trees")]
    done = subprocess.run(
        [*build, str(REPOSITORY / "docs"), str(tmp_path / "site")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "reference" / "commands" / "train.html").exists()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "results/README.md"])
def test_links_of_pages_outside_the_site_lead_somewhere(name: str) -> None:
    page = REPOSITORY / name
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)", page.read_text())
    assert links and [link for link in links if not (page.parent / link).exists()] == []
