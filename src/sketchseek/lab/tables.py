"""Tables of published figures, of figures measured here and of what has not been run, each marked so. No torch."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from sketchseek.errors import InputError
from sketchseek.files import StrPath, as_path
from sketchseek.lab.evaluation.metrics import Relevant
from sketchseek.lab.methods import Method, methods
from sketchseek.lab.results import Result

# Figures of an instance-level table, whose queries look for one photo, and of a category-level one.
COLUMNS: dict[Relevant, tuple[str, ...]] = {
    "photo": ("acc@1", "acc@5", "acc@10", "m@A", "m@B", "w@mA", "w@mB"),
    "category": ("P@1", "P@10", "P@10_of_possible", "P@100", "P@200", "mAP@all", "mAP@200"),
}
PAGE_COLUMNS: dict[Relevant, tuple[str, ...]] = {  # those that a page of the documentation has room for
    "photo": ("acc@1", "acc@10", "m@A", "m@B"),
    "category": ("P@1", "P@10", "P@10_of_possible", "mAP@all", "mAP@200"),
}
# Captions are written by somebody who sees the photo, and names of categories are the right ones: figures with words
# are those of words that are right.
QUERIES = {"sketch": "", "words": "words alone, true ones", "both": "true words"}

State: TypeAlias = Literal["published", "reproduced", "not run"]


@dataclass(frozen=True)
class Entry:
    """One line: the figures of ``method`` on ``dataset`` in one state.

    Figures are in percent; published ones are text, because the paper's number of digits is part of what it says.
    ``name`` is the paper's name of the system, or that of the result file; ``origin`` is the paper's table, or the
    result file; ``setting`` is ``main`` or a row of an ablation; ``relevant`` is as in ``Result``.
    """

    dataset: str
    method: str
    state: State
    name: str
    origin: str
    setting: str = ""
    figures: dict[str, str] | dict[str, float | None] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    relevant: Relevant = "photo"

    @property
    def title(self) -> str:
        """That of the table it belongs to."""
        return title(self.dataset, self.relevant)


def title(dataset: str, relevant: Relevant) -> str:
    """The title of a table: the data set, and that it is of category level where it is."""
    return dataset if relevant == "photo" else f"{dataset}, by category"


def results_folder() -> Path:
    """``results/`` of the current directory or of the checkout; InputError where neither has one."""
    for base in (Path.cwd(), Path(__file__).resolve().parents[3]):
        if (base / "results" / "published.csv").is_file():
            return base / "results"
    raise InputError("there is no results/published.csv here; run this in a checkout of Sketchseek")


def read_entries(folder: StrPath, dataset: str | None = None) -> list[Entry]:
    """The entries of a folder as ``results/`` is, by table and then by method: published, then reproduced or a line
    that it was not run. With ``dataset`` only those.

    Raises InputError for a damaged file, and where there is no figure of the data set.
    """
    folder = as_path(folder)
    entries = read_published(folder / "published.csv") + read_reproduced(folder)
    known = sorted({entry.dataset for entry in entries})
    if dataset is not None and dataset not in known:
        raise InputError(f"there are no figures of data set '{dataset}'; there are of {', '.join(known)}")
    tables = sorted({(e.dataset, e.relevant == "category") for e in entries if dataset in (None, e.dataset)})
    return [
        entry
        for name, by_category in tables
        for entry in _side_by_side(name, "category" if by_category else "photo", entries)
    ]


def read_published(path: Path) -> list[Entry]:
    """The lines of the table of published figures; its metrics are gathered into one entry a setting."""
    slugs = {name: method.slug for method in methods().values() if not method.problem for name in method.published_as}
    figures: dict[tuple[str, ...], dict[str, str]] = {}
    notes: dict[tuple[str, ...], dict[str, str]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                columns = ("dataset", "method", "source", "table", "setting", "backbone", "side_information")
                key = tuple(row[column] for column in columns)
                metric, value, note = row["metric"], row["value"], row["note"]
            except KeyError as error:
                raise InputError(f"{path}: the column {error} is missing; restore the file") from None
            figures.setdefault(key, {})[metric] = value
            notes.setdefault(key, {}).update({metric: note} if note else {})
    entries = []
    for key, values in figures.items():
        dataset, name, source, table, setting, backbone, side = key
        details = {"backbone": backbone, "side_information": side, "notes": notes[key]}
        method, origin = slugs.get(name, name), f"{source}, {table}"
        entries.append(Entry(dataset, method, "published", name, origin, setting, values, details))
    return entries


def read_reproduced(folder: Path) -> list[Entry]:
    """The result files ``folder/<dataset>/<name>.json``."""
    entries = []
    for path in sorted(folder.glob("*/*.json")):
        result = Result.read(path)
        known = ("figures", "ranks", "method", "dataset", "name", "relevant")
        details = {key: value for key, value in result.to_json().items() if key not in known}
        quality = (result.preset, result.row, result.backbone, QUERIES[result.query], result.trained.precision)
        setting = ", ".join(filter(None, quality))
        origin = f"results/{path.relative_to(folder).as_posix()}"
        entry = Entry(result.dataset, result.method, "reproduced", path.stem, origin, setting, result.figures, details)
        entries.append(replace(entry, relevant=result.relevant))
    return entries


def _side_by_side(dataset: str, relevant: Relevant, entries: Sequence[Entry]) -> list[Entry]:
    here = [entry for entry in entries if (entry.dataset, entry.relevant) == (dataset, relevant)]
    ours = methods()
    names = sorted({entry.method for entry in here} | set(ours), key=lambda name: (name not in ours, name.lower()))
    ordered = []
    for name in names:
        group = [entry for entry in here if entry.method == name]
        ordered += group
        if not any(entry.state == "reproduced" for entry in group):
            ordered.append(Entry(dataset, name, "not run", name, "", relevant=relevant))
    return ordered


def main_results(entries: Sequence[Entry]) -> list[Entry]:
    """The entries without the published ablations. Of a method whose sources name no main setting all are kept."""
    with_main = {(entry.dataset, entry.name) for entry in entries if entry.setting == "main"}
    return [
        entry
        for entry in entries
        if entry.state != "published" or entry.setting == "main" or (entry.dataset, entry.name) not in with_main
    ]


def digits(value: str | float | None) -> str:
    """A figure as it is printed: a paper's as it stands there, one measured here with two decimals, none as ``-``."""
    return "-" if value is None else value if isinstance(value, str) else f"{value:.2f}"


def markdown(folder: StrPath, method_pages: str | None = None) -> str:
    """The tables of the documentation: for each data set one of what was measured here and one of what papers print.
    Data sets that were measured come first.

    ``folder`` is one as ``results/`` is; ``method_pages`` is the folder of the pages that methods are linked to, each
    ``<slug>.md``. Results that differ in the seed only (``NAME-seed-N.json``) are one row, their mean.
    """
    folder = as_path(folder)
    published = main_results(read_published(folder / "published.csv"))
    results = {path: Result.read(path) for path in sorted(folder.glob("*/*.json"))}
    parts = []
    measured = {title(result.dataset, result.relevant) for result in results.values()}
    datasets = measured | {entry.title for entry in published}
    for dataset in sorted(datasets, key=lambda name: (name not in measured, name)):
        systems: dict[str, list[Result]] = {}
        for path, result in results.items():
            if title(result.dataset, result.relevant) == dataset:
                systems.setdefault(re.sub(r"-seed-\d+$", "", path.stem), []).append(result)
        parts.append(f"## {dataset}")
        parts += _measured_table(systems, method_pages) if systems else ["Nothing was measured here on this data set."]
        printed = [entry for entry in published if entry.title == dataset]
        parts += _published_table(printed) if printed else ["No published figures are in `results/published.csv`."]
    return "\n\n".join(parts) + "\n"


def _measured_table(systems: Mapping[str, Sequence[Result]], method_pages: str | None) -> list[str]:
    known = methods()
    columns = PAGE_COLUMNS[next(iter(systems.values()))[0].relevant]
    rows = []
    for name, seeds in systems.items():
        first = seeds[0]
        training = first.trained.config.get("training", {})
        length, precision = _length(training), ", ".join(sorted({result.trained.precision for result in seeds}))
        means = [_mean([result.figures.get(column) for result in seeds]) for column in columns]
        minutes = sum(result.core_minutes for result in seeds) / len(seeds)
        rows.append(
            [
                f"`{name}`",
                f"`{first.method}`"
                if method_pages is None
                else f"[`{first.method}`]({method_pages}/{first.method}.md)",
                _description(first, known.get(first.method)),
                str(len(seeds)),
                precision,
                length,
                *("-" if mean is None else f"{mean:.1f}" for mean in means),
                f"{minutes:.0f}",
            ]
        )
    results = [result for seeds in systems.values() for result in seeds]
    sizes = sorted({(result.split.queries, result.split.gallery) for result in results})
    counts = " or ".join(f"{queries:,} sketches against {gallery:,} photos" for queries, gallery in sizes)
    measured = {result.method for result in results}
    not_run = [f"`{slug}`" for slug in known if slug not in measured]
    heading = ["result", "method", "what", "seeds", "precision", "length", *columns, "core minutes"]
    return [
        f"Measured here, {counts}:",
        markdown_table(heading, rows, left=3),
        *([f"Not run: {', '.join(not_run)}."] if not_run else []),
    ]


def _length(training: Mapping[str, Any]) -> str:
    """How long a config trains."""
    if training.get("epochs") is not None:
        return f"{training['epochs']:,} epochs of {training['epoch_of']}"
    return "" if training.get("pairs") is None else f"{training['pairs']:,} pairs"


def _description(result: Result, method: Method | None) -> str:
    """What sets a result apart from others of its method."""
    row = method.rows.get(result.row, {}) if method and result.row else {}
    about = row.get("about") or (f"row {result.row}" if result.row else "")
    before = [run.partition(" (")[0] for run in (result.initial_weights or "").split(" <- ")[:-1]]
    data = [part.variant if part.dataset == "folder" else part.dataset for part in result.trained.data]
    parts = [
        f"{len(result.levels)} models as one, each for another share of the drawing" if result.levels else about,
        f"{result.preset} preset" if result.preset != "bench" else "",
        f"started from {before[0]}" if before else "",
        "random first weights" if result.initial_weights == "random" else "",
        f"trained on {', '.join(data)}" if "+".join(data) != result.dataset else "",
        f"compared by {result.strategy}" if result.strategy else "",
        "strokes recovered from the drawings" if result.split.extracted_strokes else "",
        QUERIES[result.query],
    ]
    return "; ".join(filter(None, parts))


def _published_table(entries: Sequence[Entry]) -> list[str]:
    columns = [column for column in PAGE_COLUMNS["photo"] if any(column in entry.figures for entry in entries)]
    rows = []
    for entry in entries:
        setting = "" if entry.setting == "main" else entry.setting
        side = entry.details["side_information"]
        about = "; ".join(filter(None, (setting, entry.details["backbone"], "" if side == "none" else side)))
        rows.append([entry.name, entry.origin, about, *(digits(entry.figures.get(column)) for column in columns)])
    shown = [row for row in rows if any(cell != "-" for cell in row[3:])]
    return ["Published:", markdown_table(["system", "printed in", "what", *columns], shown, left=3)] if shown else []


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def markdown_table(heading: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    """A Markdown table whose first ``left`` columns are text and whose others are numbers."""
    rule = ["---" if index < left else "---:" for index in range(len(heading))]
    lines = [heading, rule, *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
