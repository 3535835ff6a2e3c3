"""``sketchseek methods``"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Args:
    """List the registered methods, with their presets and ablation rows."""

    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.lab.methods import methods

    if args.json:
        print_json(
            [
                {"slug": m.slug, "title": m.title, "paper": m.paper, "presets": list(m.presets), "rows": list(m.rows)}
                for m in methods().values()
            ]
        )
        return 0
    for method in methods().values():
        print(f"{method.slug}: {method.title}\n    {method.paper}")
        print(f"    presets: {', '.join(method.presets)}; rows: {', '.join(method.rows)}")
    return 0
