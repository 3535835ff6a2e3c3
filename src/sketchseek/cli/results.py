"""``sketchseek results``: what papers print beside what was measured here, each marked as what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sketchseek.lab.results import Comparison
    from sketchseek.lab.tables import Entry


@dataclass(frozen=True)
class Args:
    """Print published figures, those measured here and what has not been run, side by side.

    The folder results/ is looked for in the current directory, then in the checkout that the package is installed from.
    """

    dataset: str | None = None
    """Only this data set, e.g. chairv2, or several that were measured as one, e.g. quickdraw+categories."""
    papers: bool = False
    """The tables of papers as they print them, each row published, then reproduced or not run with the reason."""
    compare: tuple[str, str] | None = None
    """Two result files of the same split: the first minus the second, with 95 % intervals over the queries. Several
    seeds of one system, joined by commas (a.json,a-seed-1.json), count as their mean.
    """
    curves: tuple[Path, ...] | None = None
    """A picture to write, e.g. early.png, and the result files of the same split whose m@A, m@B, w@mA and w@mB it shows
    over the drawing.
    """
    json: bool = False
    """Print JSON, with every published setting (ablations too) and the provenance."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.lab.datasets import slug_of
    from sketchseek.lab.results import compare, write_curves
    from sketchseek.lab.tables import read_entries, results_folder

    if args.compare:
        first, second = (side.split(",") for side in args.compare)
        comparison = compare(first, second)
        if args.json:
            print_json(asdict(comparison))
        else:
            _print_comparison(comparison)
        return 0
    if args.curves:
        picture, *files = args.curves
        write_curves(picture, files)
        print(picture)
        return 0
    if args.papers:
        _print_papers(args.json)
        return 0
    dataset = args.dataset and "+".join(slug_of(name) for name in args.dataset.split("+"))
    entries = read_entries(results_folder(), dataset)
    if args.json:
        print_json([vars(entry) for entry in entries])
    else:
        _print_table(entries)
    return 0


def _print_papers(as_json: bool) -> None:
    from sketchseek.cli.output import print_json
    from sketchseek.lab.paper_tables import paper_tables
    from sketchseek.lab.tables import digits, results_folder

    tables = paper_tables(results_folder())
    if as_json:
        print_json([asdict(table) for table in tables])
        return
    for table in tables:
        print(f"\n{table.title}")
        width = max(len(line.system) for line in table.lines)
        for line in table.lines:
            figures = ", ".join(f"{column} {digits(value)}" for column, value in line.figures.items())
            print(
                f"  {line.system:<{width}}  {line.state:<10}  {'; '.join(filter(None, (figures, line.about)))}".rstrip()
            )


def _print_table(entries: Sequence[Entry]) -> None:
    """Main results only; of a method whose sources name no main setting, all."""
    from sketchseek.lab.tables import COLUMNS, digits, main_results

    shown = main_results(entries)
    width = max(len(entry.name) for entry in shown)
    title = None
    for entry in shown:
        columns = {column: max(8, len(column) + 2) for column in COLUMNS[entry.relevant]}
        if entry.title != title:
            title = entry.title
            heading = "".join(f"{column:>{room}}" for column, room in columns.items())
            print(f"\n{title}\n  {'':<{width}}  {'':<10}{heading}")
        figures = "".join(f"{digits(entry.figures.get(column)):>{room}}" for column, room in columns.items())
        setting = "" if entry.setting == "main" else entry.setting
        about = "; ".join(filter(None, [entry.origin, setting, *_qualities(entry)]))
        print(f"  {entry.name:<{width}}  {entry.state:<10}{figures if entry.figures else ''}  {about}".rstrip())
    hidden = len(entries) - len(shown)
    if hidden:
        print(f"\n{hidden} published settings that are not a paper's main result are left out; --papers prints them.")


def _qualities(entry: Entry) -> list[str]:
    if entry.state != "published":
        return []
    side = entry.details["side_information"]
    return [entry.details["backbone"], side if side != "none" else ""]


def _print_comparison(comparison: Comparison) -> None:
    print(f"{comparison.first} minus {comparison.second}, {comparison.queries} queries, 95 % intervals")
    for name, figure in comparison.figures.items():
        interval = f"[{figure.low:+.2f}, {figure.high:+.2f}]"
        print(f"  {name:<22}{figure.difference:>+8.2f}  {interval:<20}{figure.verdict}")
