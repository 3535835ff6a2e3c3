"""No module imports itself in a circle, and the packages beside one another do not either.

Every import counts: those inside functions, and those for type checkers alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[1] / "src"

Graph = Mapping[str, set[str]]  # what each imports


def module_graph(sources: Path) -> dict[str, set[str]]:
    """Which module of ``sources`` imports which of them; ``from package import module`` imports that module."""
    paths = {".".join(path.relative_to(sources).with_suffix("").parts): path for path in sources.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    return {name: set(_imported(name, ast.parse(path.read_text()), modules)) - {name} for name, path in modules.items()}


def _imported(name: str, tree: ast.Module, modules: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module is not None, f"{name}: write absolute imports"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield from (m for m in (module if module in modules else node.module,) if m in modules)


def sibling_graphs(modules: Graph) -> Iterator[dict[str, set[str]]]:
    """For every package, what its modules and packages import of one another, each package taken as one."""
    for package in {name.rpartition(".")[0] for name in modules} - {""}:
        graph: dict[str, set[str]] = {}
        for name, imported in modules.items():
            if name.startswith(f"{package}."):
                one = _child(package, name)
                others = {_child(package, other) for other in imported if other.startswith(f"{package}.")}
                graph.setdefault(one, set()).update(others - {one})
        yield graph


def _child(package: str, name: str) -> str:
    return ".".join(name.split(".")[: package.count(".") + 2])


def circle(graph: Graph) -> list[str]:
    """The names of one circle, the first one also at the end; empty where there is none."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in sorted(graph.get(name, ())):
            if found := walk(other, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := walk(name, []))), [])


def test_no_module_imports_itself_in_a_circle() -> None:
    found = circle(module_graph(SOURCES))
    assert not found, " -> ".join(found)


def test_the_packages_beside_one_another_do_not_import_in_a_circle() -> None:
    for graph in sibling_graphs(module_graph(SOURCES)):
        found = circle(graph)
        assert not found, " -> ".join(found)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.py": "def f():\n    import p.b", "b.py": "from p import a"}, ["p.a", "p.b", "p.a"]),
        ({"a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.b import C", "b.py": "import p.a"},
         ["p.a", "p.b", "p.a"]),
        ({"a.py": "import p.b", "b.py": "import p.c", "c.py": ""}, []),
    ],
    ids=["inside a function", "for types alone", "a chain"],
)  # fmt: skip
def test_a_circle_is_found_by_its_names(files: dict[str, str], expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for name, text in (files | {"__init__.py": ""}).items():
        (tmp_path / "p" / name).write_text(text)
    assert circle(module_graph(tmp_path)) == expected


def test_a_circle_of_packages_is_found_where_no_module_is_in_one(tmp_path: Path) -> None:
    for folder in ("p", "p/one", "p/two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("")
    texts = {"one/a.py": "import p.two.c", "two/b.py": "import p.one.d", "one/d.py": "", "two/c.py": ""}
    for name, text in texts.items():
        (tmp_path / "p" / name).write_text(text)
    graph = module_graph(tmp_path)
    assert circle(graph) == []
    assert any(circle(siblings) == ["p.one", "p.two", "p.one"] for siblings in sibling_graphs(graph))
