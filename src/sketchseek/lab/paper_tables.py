"""The tables of papers as they print them: each row published, then reproduced here or not run, with the reason. No
torch.

``results/published.csv`` says what a table prints, ``results/rows.csv`` what a row of it is here: the method and its
ablation row, and the result file that measures it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.files import StrPath, as_path
from sketchseek.lab.results import Result
from sketchseek.lab.tables import State, digits, markdown_table

NOT_OURS = "a system of others, not implemented here"


@dataclass(frozen=True)
class Ours:
    """What a row of a paper's table is here."""

    slug: str  # the method; empty if it is not implemented
    row: str  # its ablation row; empty for its main setting
    result: str  # the name of the result files that measure it; empty if there is none
    reason: str  # why it was not run, where the data is at hand


@dataclass(frozen=True)
class Line:
    """One line of a table: a system in one state.

    ``figures`` are by column, text as a paper prints it, or numbers in percent, measured here. ``about`` is the
    setting, of a line that was not run the reason, of one measured here the result files.
    """

    system: str
    state: State
    about: str
    figures: dict[str, str] | dict[str, float]


@dataclass(frozen=True)
class PaperTable:
    """A table of a paper; ``columns`` are a data set and a figure each, e.g. "chairv2 acc@1"."""

    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def paper_tables(folder: StrPath) -> list[PaperTable]:
    """The tables of a folder as ``results/`` is, in the order of ``published.csv``.

    Each row of a paper is a line of what is published, and then one of what was reproduced or that it was not run; a
    row of which some data sets were measured has both. Raises InputError for a damaged file.
    """
    folder = as_path(folder)
    ours, results = read_rows(folder / "rows.csv"), _results(folder)
    at_hand = {dataset for dataset, _ in results}
    titles: dict[str, tuple[list[str], dict[tuple[str, str, str], dict[str, str]]]] = {}
    for line in _lines(
        folder / "published.csv", ("source", "table", "method", "setting", "dataset", "metric", "value")
    ):
        columns, rows = titles.setdefault(f"{line['source']}, {line['table']}", ([], {}))
        column = f"{line['dataset']} {line['metric']}"
        if column not in columns:
            columns.append(column)
        rows.setdefault((line["method"], line["setting"], line.get("backbone", "")), {})[column] = line["value"]
    return [
        PaperTable(
            title,
            tuple(columns),
            tuple(
                line
                for (method, setting, backbone), figures in rows.items()
                for line in _both(method, setting, backbone, figures, ours.get((method, setting)), results, at_hand)
            ),
        )
        for title, (columns, rows) in titles.items()
    ]


def read_rows(path: Path) -> dict[tuple[str, str], Ours]:
    """What each row of ``rows.csv``, a published method and setting, is here."""
    columns = ("method", "setting", "slug", "row", "result", "reason")
    return {
        (line["method"], line["setting"]): Ours(line["slug"], line["row"], line["result"], line["reason"])
        for line in _lines(path, columns)
    }


def _both(
    system: str,
    setting: str,
    backbone: str,
    figures: dict[str, str],
    ours: Ours | None,
    results: Mapping[tuple[str, str], Sequence[Result]],
    at_hand: set[str],
) -> list[Line]:
    about = "; ".join(part for part in ("" if setting == "main" else setting, backbone) if part)
    lines = [Line(system, "published", about, figures)]
    measured: dict[str, float] = {}
    names, missing, untrained = [], [], False
    for dataset in dict.fromkeys(column.rpartition(" ")[0] for column in figures):
        seeds = results.get((dataset, ours.result), ()) if ours and ours.result else ()
        found = {c: _mean(seeds, c) for c in figures if c.startswith(f"{dataset} ")} if seeds else {}
        known = {column: value for column, value in found.items() if value is not None}
        if ours and known:
            measured |= known
            names.append(f"`{ours.result}` at {seeds[0].preset}, {(seeds[0].backbone or '').rpartition('/')[2]}")
        elif dataset in at_hand:
            untrained = True
        else:
            missing.append(dataset)
    if measured:
        lines.append(Line(system, "reproduced", "; ".join(dict.fromkeys(names)), measured))
    if ours is None or not ours.slug:
        lines.append(Line(system, "not run", ours.reason if ours else NOT_OURS, {}))
    elif missing or untrained:
        what = f"`{' '.join(part for part in (ours.slug, ours.row and f'--row {ours.row}') if part)}`"
        reasons = [f"no copy of {', '.join(missing)} at hand"] if missing else []
        reasons += [ours.reason or "not trained yet"] if untrained else []
        lines.append(Line(system, "not run", f"{what}: {'; '.join(reasons)}", {}))
    return lines


def _mean(seeds: Sequence[Result], column: str) -> float | None:
    values = [result.figures.get(column.rpartition(" ")[2]) for result in seeds]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _results(folder: Path) -> dict[tuple[str, str], list[Result]]:
    """The results by data set and name; those that differ in the seed alone have the same name."""
    found: dict[tuple[str, str], list[Result]] = {}
    for path in sorted(folder.glob("*/*.json")):
        found.setdefault((path.parent.name, re.sub(r"-seed-\d+$", "", path.stem)), []).append(Result.read(path))
    return found


def _lines(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            lines = list(reader)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; restore the file") from None
    absent = [column for column in columns if column not in (reader.fieldnames or ())]
    if absent:
        raise InputError(f"{path}: the column '{absent[0]}' is missing; restore the file")
    return lines


def papers_markdown(folder: StrPath) -> str:
    """The tables for the documentation, a section each."""
    parts = []
    for table in paper_tables(folder):
        heading = ["system", "state", "what", *table.columns]
        rows = [
            [line.system, line.state, line.about, *(digits(line.figures.get(column)) for column in table.columns)]
            for line in table.lines
        ]
        parts += [f"## {table.title}", markdown_table(heading, rows, left=3)]
    return "\n\n".join(parts) + "\n"
