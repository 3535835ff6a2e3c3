"""``sketchseek methods [METHOD]``"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tyro

if TYPE_CHECKING:
    from sketchseek.lab.methods import Method


@dataclass(frozen=True)
class Args:
    """List the methods, or the presets and ablation rows of one.

    The list ends with the plugins of other packages (methods, matchers and data sets) that cannot be used.
    """

    method: tyro.conf.Positional[str | None] = None
    """A method's slug: print its paper, its presets and its ablation rows."""
    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.lab.methods import get_method, methods

    if args.method is not None:
        method = get_method(args.method)
        if args.json:
            print_json(_summary(method) | _details(method))
        else:
            _print_method(method)
        return 0
    usable = [method for method in methods().values() if not method.problem]
    if args.json:
        print_json(
            [_summary(method) | {"presets": list(method.presets), "rows": list(method.rows)} for method in usable]
        )
        return 0
    width = max(len(method.slug) for method in usable)
    for method in usable:
        print(f"{method.slug:<{width}}  {method.title}")
    for problem in _problems():
        print(problem)
    return 0


def _summary(method: Method) -> dict[str, Any]:
    return {"slug": method.slug, "title": method.title, "paper": method.paper}


def _details(method: Method) -> dict[str, Any]:
    """The values of each preset, and what each ablation row sets."""
    from sketchseek.lab.config import to_dict

    return {"presets": {name: to_dict(config) for name, config in method.presets.items()}, "rows": method.rows}


def _print_method(method: Method) -> None:
    presets = {name: _about_preset(config) for name, config in method.presets.items()}
    rows = {name: _about_row(row) for name, row in method.rows.items()}
    width = max(map(len, [*presets, *rows]))
    print(f"{method.slug}: {method.title}\n  {method.paper}")
    for heading, lines in (("presets, --preset", presets), ("ablation rows, --row", rows)):
        if lines:
            print(f"{heading}:")
        for name, about in lines.items():
            print(f"  {name:<{width}}  {about}".rstrip())


def _about_preset(config: Any) -> str:
    """The backbone, the size and the length of training of a preset."""
    training = config.training
    length = f"{training.epochs} epochs" if training.pairs is None else f"{training.pairs:,} pairs"
    return ", ".join(filter(None, (getattr(config, "backbone", ""), f"{config.size} px", length)))


def _about_row(row: dict[str, Any]) -> str:
    """What an ablation row says of itself, else what it sets."""
    from sketchseek.lab.methods import NOT_OVERRIDES

    settings = ", ".join(f"{key} = {value}" for key, value in row.items() if key not in NOT_OVERRIDES)
    return str(row.get("about", settings))


def _problems() -> list[str]:
    """A line for everything that another package registered and that cannot be used."""
    from sketchseek.errors import InputError
    from sketchseek.lab.datasets import entry_of
    from sketchseek.lab.methods import methods
    from sketchseek.plugins import load_plugin, plugins

    problems = [method.problem for method in methods().values() if method.problem]
    for name in plugins("matcher"):
        try:
            load_plugin("matcher", name)
        except InputError as error:
            problems.append(str(error))
    for name in plugins("dataset"):
        try:
            entry_of(name)
        except InputError as error:
            problems.append(str(error))
    return problems
