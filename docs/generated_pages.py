"""Pages that are written from the code and the result files when the site is built, so that no copy of them gets old.

``write_generated_pages`` makes, below ``docs/reference/`` (git ignores all of it):

* ``commands/<name>.md``: a page a command, from its ``Args``;
* ``methods/<slug>.md``: a page a method, from its README;
* ``tables/*.md``: lists and tables that written pages include.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from sketchseek.cli import COMMANDS, PROGRAM
from sketchseek.lab.datasets.catalogue import CATALOGUE
from sketchseek.lab.methods import methods
from sketchseek.lab.paper_tables import papers_markdown
from sketchseek.lab.tables import markdown


def write_generated_pages(docs: Path) -> None:
    """Write every generated page below ``docs/reference``; pages that would not change keep their time."""
    reference = docs / "reference"
    pages = {
        **{f"commands/{name}.md": command_page(name) for name in COMMANDS},
        **{f"methods/{slug}.md": method_page(method.package) for slug, method in methods().items()},
        "tables/commands.md": command_table(),
        "tables/methods.md": method_table(),
        "tables/data-sets.md": data_set_list(),
        "tables/results.md": markdown(docs.parent / "results", method_pages="methods"),
        "tables/papers.md": papers_markdown(docs.parent / "results"),
    }
    for folder in ("commands", "methods", "tables"):
        (reference / folder).mkdir(exist_ok=True)
        for path in (reference / folder).glob("*.md"):
            if f"{folder}/{path.name}" not in pages:
                path.unlink()
    for name, text in pages.items():
        path = reference / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


@dataclass(frozen=True)
class Argument:
    """An argument of a command: how it is written (``--out PATH``), its default as source text, what it means."""

    written: str
    default: str | None
    meaning: str
    repeatable: bool


def arguments(kind: type) -> Iterator[Argument]:
    """The arguments of a command in order. ``kind`` is its ``Args``: fields, each with a docstring below."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef)
    for field, below in pairwise(tree.body):
        if not isinstance(field, ast.AnnAssign):
            continue
        assert isinstance(field.target, ast.Name) and isinstance(below, ast.Expr), f"{kind}: a field has no docstring"
        yield Argument(
            written=_written(field.target.id, ast.unparse(field.annotation)),
            default=None if field.value is None else ast.unparse(field.value),
            meaning=inspect.cleandoc(ast.literal_eval(below.value)),
            repeatable="UseAppendAction" in ast.unparse(field.annotation),
        )


def _written(name: str, annotation: str) -> str:
    """How an argument is typed: ``--out PATH``, ``--serve, --no-serve``, ``PHOTOS ...``."""
    if "Positional" in annotation:
        word = name.upper()
        several = f"{word} [{word} ...]" if "tuple" in annotation else word
        return f"[{several}]" if "None" in annotation else several
    option = f"--{name.replace('_', '-')}"
    if annotation == "bool":
        return f"{option}, --no-{name.replace('_', '-')}"
    metavar = re.search(r"metavar='([^']*)'", annotation)
    choices = re.search(r"Literal\[([^]]*)\]", annotation)
    if metavar:
        value = metavar[1]
    elif choices:
        value = "|".join(ast.literal_eval(f"({choices[1]},)"))
    else:
        words = [
            {"Path": "PATH", "str": "TEXT", "int": "N", "float": "X"}[word]
            for word in re.findall(r"\b(Path|str|int|float)\b", annotation)
        ]
        value = " ".join(words) + (" ..." if "..." in annotation and "UseAppendAction" not in annotation else "")
    return f"{option} {value}"


def command_page(name: str) -> str:
    """Usage, purpose and arguments of a command."""
    kind = importlib.import_module(f"sketchseek.cli.{name}").Args
    listed = list(arguments(kind))
    positional = [a.written for a in listed if not a.written.startswith("-")]
    required = [a.written for a in listed if a.written.startswith("-") and a.default is None]
    usage = " ".join([PROGRAM, name, *positional, *required, "[OPTIONS]"])
    parts = [
        f"# {name}",
        inspect.cleandoc(kind.__doc__ or ""),
        f"```text\n{usage}\n```",
        f"```{{program}} {PROGRAM} {name}\n```",
    ]
    for argument in listed:
        facts = (
            ["May be given several times."] if argument.repeatable and "several times" not in argument.meaning else []
        )
        if argument.default is None:
            facts.append("Required.")
        elif argument.default not in ("None", "()", "''", "False"):
            facts.append(f"Default: `{ast.literal_eval(argument.default)}`.")
        meaning = " ".join([argument.meaning, *facts])
        parts.append(f"````{{option}} {argument.written}\n{meaning}\n````")
    return "\n\n".join(parts) + "\n"


def command_table() -> str:
    rows = [f"| [`{name}`](commands/{name}.md) | {summary} |" for name, summary in COMMANDS.items()]
    return "\n".join(["| command | does |", "|---|---|", *rows]) + "\n"


def method_page(package: str) -> str:
    return (files(package) / "README.md").read_text(encoding="utf-8")


def method_table() -> str:
    rows = [f"| [`{slug}`](methods/{slug}.md) | {m.title} | {m.paper} |" for slug, m in methods().items()]
    return "\n".join(["| name | method | paper |", "|---|---|---|", *rows]) + "\n"


def data_set_list() -> str:
    """What ``sketchseek datasets`` prints, as a page."""
    parts = []
    for entry in CATALOGUE.values():
        lines = [f"## `{entry.slug}`", "", entry.title + ".", "", f"* Sketches: {entry.holds}; {entry.state}"]
        lines += [
            f"* Layout: {entry.layout}",
            f"* Licence: {entry.licence}",
            f"* Source: {entry.get}",
            f"* Paper: {entry.paper}",
        ]
        for variant in entry.variants:
            counts = ""
            if variant.train_photos is not None:
                counts = f", photos (training/test) {variant.train_photos:,}/{variant.test_photos:,}"
            lines.append(f"* Published: {variant.name}{counts}")
        parts.append("\n".join(lines).replace("<", "&lt;"))
    return "\n\n".join(parts) + "\n"
