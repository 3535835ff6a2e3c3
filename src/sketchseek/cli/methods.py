"""``sketchseek methods``"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Args:
    """List the methods with their presets and ablation rows, and the plugins of other packages that cannot be used.

    Plugins are methods, matchers and data sets that installed packages register.
    """

    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.lab.methods import methods

    usable = [method for method in methods().values() if not method.problem]
    if args.json:
        print_json(
            [
                {"slug": m.slug, "title": m.title, "paper": m.paper, "presets": list(m.presets), "rows": list(m.rows)}
                for m in usable
            ]
        )
        return 0
    for method in usable:
        print(f"{method.slug}: {method.title}\n    {method.paper}")
        print(f"    presets: {', '.join(method.presets)}; rows: {', '.join(method.rows)}")
    for problem in _problems():
        print(problem)
    return 0


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
