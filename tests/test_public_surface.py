"""The public Python surface: its names and signatures, and that nothing is imported before it is asked for.

After a change that is meant, write the list anew:

    python tests/test_public_surface.py > tests/public_surface.txt
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import sketchseek

LISTED = Path(__file__).with_name("public_surface.txt")
PROTOCOLS = ("__enter__", "__iter__", "__len__")


def surface() -> Iterator[str]:
    """A line for each public name, and for each public attribute and method of the classes."""
    for name in sorted(set(sketchseek.__all__) - {"__version__"}):
        value = getattr(sketchseek, name)
        if inspect.isclass(value):
            yield f"class {name}"
            yield from (f"    {line}" for line in members(value))
        else:
            yield f"{name}{signature(value)}"


def members(kind: type) -> Iterator[str]:
    if is_dataclass(kind):
        yield from (f"{field.name}: {field.type}" for field in fields(kind) if not field.name.startswith("_"))
    elif issubclass(kind, tuple):
        yield from (f"{name}: {hint.__forward_arg__}" for name, hint in inspect.get_annotations(kind).items())
    elif "__init__" in vars(kind):
        yield f"__init__{signature(vars(kind)['__init__'])}"
    for name in sorted(name for name in vars(kind) if not name.startswith("_") or name in PROTOCOLS):
        value = inspect.getattr_static(kind, name)
        if isinstance(value, property):
            yield f"{name} -> {inspect.get_annotations(value.fget)['return']}"  # type: ignore[arg-type]
        elif inspect.isroutine(value):
            yield f"{name}{signature(getattr(kind, name))}"


class Verbatim(str):
    """An annotation as it stands in the code, where ``inspect`` would show it in quotes."""

    __repr__ = str.__str__


def signature(function: object) -> str:
    assert callable(function)
    found = inspect.signature(function)
    parameters = [p.replace(annotation=verbatim(p.annotation)) for p in found.parameters.values()]
    shown = str(found.replace(parameters=parameters, return_annotation=verbatim(found.return_annotation)))
    return re.sub(r" at 0x[0-9a-f]+>", ">", shown)  # of a function that is a default


def verbatim(annotation: object) -> object:
    return Verbatim(annotation) if isinstance(annotation, str) else annotation


def test_names_and_signatures_are_the_listed_ones() -> None:
    assert list(surface()) == LISTED.read_text().splitlines(), f"if this change is meant: {__doc__}"


def test_everything_public_is_documented() -> None:
    for name in sketchseek.__all__:
        value = getattr(sketchseek, name)
        undocumented = [] if inspect.getdoc(value) else [name]
        if inspect.isclass(value):
            for member, static in vars(value).items():
                if not member.startswith("_") and (inspect.isroutine(static) or isinstance(static, property)):
                    undocumented += [] if inspect.getdoc(getattr(value, member)) else [f"{name}.{member}"]
        assert undocumented == []


def test_type_checkers_and_python_know_the_same_names() -> None:
    """The imports for type checkers and the table for Python name the same modules."""
    assert sketchseek.__file__ is not None
    tree = ast.parse(Path(sketchseek.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    imported = {}
    for statement in block.body:
        assert isinstance(statement, ast.ImportFrom)
        for alias in statement.names:
            assert alias.asname == alias.name
            imported[alias.name] = statement.module
    assert imported == sketchseek._MODULES
    assert dir(sketchseek) == sorted(sketchseek.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'sketchseek' has no attribute 'Galery'"):
        sketchseek.Galery  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Galery'"):
        from sketchseek import Galery  # type: ignore[attr-defined]  # noqa: F401


@pytest.mark.parametrize(
    ("code", "imported", "absent"),
    [
        ("", {"sketchseek", "sketchseek.version"}, {"numpy", "PIL", "torch"}),
        ("sketchseek.InputError", {"sketchseek", "sketchseek.version", "sketchseek.errors"}, {"numpy", "PIL", "torch"}),
        ("sketchseek.load_drawing", None, {"torch", "onnxruntime", "fastapi"}),
        ("sketchseek.Gallery, sketchseek.Searcher, sketchseek.Model, sketchseek.ingest", None, {"torch", "fastapi"}),
        (
            "sketchseek.train, sketchseek.evaluate, sketchseek.compare, sketchseek.export",
            None,
            {"torch", "timm", "matplotlib"},
        ),
        ("from sketchseek import *", None, {"torch"}),
    ],
)
def test_only_what_is_asked_for_is_imported(code: str, imported: set[str] | None, absent: set[str]) -> None:
    program = f"import sketchseek\n{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    modules = set(done.stdout.split())
    assert modules & absent == set()
    if imported is not None:
        assert {module for module in modules if module.partition(".")[0] == "sketchseek"} == imported


if __name__ == "__main__":
    print(*surface(), sep="\n")
