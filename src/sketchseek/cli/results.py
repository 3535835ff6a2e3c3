"""``sketchseek results``: what papers say beside what was measured here, and never one as the other."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sketchseek.errors import InputError

COLUMNS = ("acc@1", "acc@5", "acc@10", "m@A", "m@B", "w@mA", "w@mB")

# The papers' names of the systems that are, or will be, methods here; other names are baselines the papers print.
SLUGS = {
    "CSR": "csr",
    "MLRM": "mlrm",
    "TC-Net": "tcnet",
    "LA": "la",
    "DLA": "dla",
    "OnTheFly": "onthefly",
    "ARNet Basic": "arnet",
    "ARNet+MSTR": "arnet",
    "SLFIR": "slfir",
}


@dataclass(frozen=True)
class Args:
    """Print published figures, those measured here and what has not been run, side by side.

    The folder results/ is looked for in the current directory, then in the checkout that the package is installed from.
    """

    dataset: str | None = None
    """Only this data set, e.g. chairv2."""
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


@dataclass(frozen=True)
class Entry:
    """One line: the figures of ``method`` on ``dataset`` in one state.

    ``state`` is ``published``, ``reproduced`` or ``not run``. Figures are in percent; published ones are text, because
    the paper's number of digits is part of what it says. ``origin`` is the table or the result file.
    """

    dataset: str
    method: str
    state: str
    name: str
    origin: str
    setting: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json

    if args.compare:
        comparison = compare(*([Path(name) for name in side.split(",")] for side in args.compare))
        if args.json:
            print_json(comparison)
        else:
            _print_comparison(comparison)
        return 0
    if args.curves:
        picture, *files = args.curves
        draw(picture, files)
        print(picture)
        return 0
    folder = results_folder()
    entries = read_published(folder / "published.csv") + read_reproduced(folder)
    known = sorted({entry.dataset for entry in entries})
    if args.dataset is not None:
        from sketchseek.lab.datasets import slug_of

        slug = slug_of(args.dataset)
        if slug not in known:
            raise InputError(f"there are no figures of data set '{slug}'; there are of {', '.join(known)}")
        known = [slug]
    ordered = [entry for dataset in known for entry in _side_by_side(dataset, entries)]
    if args.json:
        print_json([vars(entry) for entry in ordered])
    else:
        _print_table(ordered)
    return 0


def results_folder() -> Path:
    """``results/`` of the current directory or of the checkout; InputError where neither has one."""
    for base in (Path.cwd(), Path(__file__).resolve().parents[3]):
        if (base / "results" / "published.csv").is_file():
            return base / "results"
    raise InputError("there is no results/published.csv here; run this in a checkout of Sketchseek")


def read_published(path: Path) -> list[Entry]:
    """The lines of the table of published figures; its metrics are gathered into one entry a setting."""
    entries: dict[tuple[str, ...], Entry] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                key = tuple(
                    row[k] for k in ("dataset", "method", "source", "table", "setting", "backbone", "side_information")
                )
                metric, value, note = row["metric"], row["value"], row["note"]
            except KeyError as error:
                raise InputError(f"{path}: the column {error} is missing; restore the file") from None
            dataset, name, source, table, setting, backbone, side = key
            entry = entries.setdefault(
                key,
                Entry(
                    dataset=dataset,
                    method=SLUGS.get(name, name),
                    state="published",
                    name=name,
                    origin=f"{source}, {table}",
                    setting=setting,
                    details={"backbone": backbone, "side_information": side, "notes": {}},
                ),
            )
            entry.figures[metric] = value
            if note:
                entry.details["notes"][metric] = note
    return list(entries.values())


def read_reproduced(folder: Path) -> list[Entry]:
    """What ``sketchseek evaluate --result`` has written under ``folder/<dataset>/``."""
    entries = []
    for path in sorted(folder.glob("*/*.json")):
        result = _read_result(path)
        details = {k: v for k, v in result.items() if k not in ("figures", "ranks", "method", "dataset", "name")}
        parts = [result.get(k) for k in ("preset", "row", "backbone")]
        # Whoever wrote the captions saw the photo, so such figures are those of words that are right.
        parts.append({"words": "words alone, true captions", "both": "true captions"}.get(result.get("query", "")))
        entries.append(
            Entry(
                dataset=result["dataset"],
                method=result["method"],
                state="reproduced",
                name=result["name"],
                origin=f"results/{path.relative_to(folder).as_posix()}",
                setting=", ".join(str(part) for part in parts if part),
                figures=result["figures"],
                details=details,
            )
        )
    return entries


def _read_result(path: Path) -> dict[str, Any]:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give a file that 'sketchseek evaluate --result' wrote") from None
    except ValueError:
        raise InputError(f"{path}: not JSON; write it again with 'sketchseek evaluate --result'") from None
    needed = {"method", "name", "dataset", "split", "figures", "ranks"}
    missing = needed - result.keys() if isinstance(result, dict) else needed
    if missing:
        raise InputError(
            f"{path}: lacks {', '.join(sorted(missing))}; write it again with 'sketchseek evaluate --result'"
        )
    return result


def _side_by_side(dataset: str, entries: list[Entry]) -> list[Entry]:
    """The entries of a data set, grouped by method: published first, then reproduced or a line that says not run."""
    from sketchseek.lab.methods import methods

    here = [entry for entry in entries if entry.dataset == dataset]
    ours = [*SLUGS.values(), *methods()]
    names = sorted({entry.method for entry in here} | set(methods()), key=lambda name: (name not in ours, name.lower()))
    ordered = []
    for name in names:
        group = [entry for entry in here if entry.method == name]
        ordered += group
        if not any(entry.state == "reproduced" for entry in group):
            ordered.append(Entry(dataset, name, "not run", name, ""))
    return ordered


def _print_table(entries: list[Entry]) -> None:
    """Main results only; a method whose sources name no main setting is shown in all of them."""
    with_main = {(e.dataset, e.name) for e in entries if e.setting == "main"}
    shown = [
        e for e in entries if e.state != "published" or e.setting == "main" or (e.dataset, e.name) not in with_main
    ]
    width = max(len(entry.name) for entry in shown)
    dataset = None
    for entry in shown:
        if entry.dataset != dataset:
            dataset = entry.dataset
            print(f"\n{dataset}\n  {'':<{width}}  {'':<10}" + "".join(f"{column:>8}" for column in COLUMNS))
        figures = "".join(f"{_digits(entry.figures.get(column)):>8}" for column in COLUMNS)
        setting = "" if entry.setting == "main" else entry.setting
        about = "; ".join(filter(None, [entry.origin, setting, *_qualities(entry)]))
        print(f"  {entry.name:<{width}}  {entry.state:<10}{figures if entry.figures else '':<56}  {about}".rstrip())
    hidden = len(entries) - len(shown)
    if hidden:
        print(f"\n{hidden} published settings that are not a paper's main result are left out; --json prints them.")


def _qualities(entry: Entry) -> list[str]:
    if entry.state != "published":
        return []
    side = entry.details["side_information"]
    return [entry.details["backbone"], side if side != "none" else ""]


def _digits(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.2f}"


def compare(first: Sequence[Path], second: Sequence[Path]) -> dict[str, Any]:
    """The first system minus the second, paired over queries: mean and 95 % bootstrap interval in percentage points.

    Each system is one or more results, of several seeds, whose mean counts for each query. ``verdict`` says which is
    better, whether more or less of the figure is. Raises InputError unless all rank the same queries in the same
    gallery.
    """
    import numpy as np

    from sketchseek.lab.evaluation.compare import paired_bootstrap
    from sketchseek.lab.evaluation.metrics import LOWER_IS_BETTER, OVER_STEPS, per_query

    results = _read_results([*first, *second])
    values = [per_query(np.array(result["ranks"]), result["split"]["gallery"]) for result in results]
    steps = {len(result["ranks"][0]) for result in results}
    figures = {}
    for name in values[0]:
        # Over steps results are comparable only where all were cut into as many; one step has no such figures.
        if name in OVER_STEPS and (len(steps) > 1 or steps == {1}):
            continue
        a, b = (np.mean([v[name] for v in side], axis=0) for side in (values[: len(first)], values[len(first) :]))
        mean, low, high = (100 * value for value in paired_bootstrap(a, b))
        better, worse = (high < 0, low > 0) if name in LOWER_IS_BETTER else (low > 0, high < 0)
        verdict = "gain" if better else "loss" if worse else "not told apart"
        figures[name] = {"difference": mean, "low": low, "high": high, "verdict": verdict}
    names = [" & ".join(r["name"] for r in side) for side in (results[: len(first)], results[len(first) :])]
    return {"first": names[0], "second": names[1], "queries": len(results[0]["ranks"]), "figures": figures}


def draw(picture: Path, files: Sequence[Path]) -> None:
    """Draw the early figures of result files over the drawing. Raises InputError unless all rank the same queries in
    the same gallery, at several steps.
    """
    import numpy as np

    from sketchseek.lab.evaluation.report import draw_curves

    if not files:
        raise InputError(f"--curves {picture}: name the result files to draw too, e.g. results/chairv2/*.json")
    results = _read_results(files)
    for path, result in zip(files, results, strict=True):
        if len(result["ranks"][0]) == 1:
            raise InputError(f"{path}: was measured on complete sketches only; measure it with more --steps")
    names = {result["name"]: np.array(result["ranks"]) for result in results}
    figure = draw_curves(names, results[0]["split"]["gallery"])
    unfinished = picture.with_name(f".{picture.name}.part")
    try:
        figure.savefig(unfinished, dpi=150, format=picture.suffix.removeprefix(".") or "png")
        os.replace(unfinished, picture)
    except (OSError, ValueError) as error:
        raise InputError(f"{picture}: cannot be written ({error}); give the name of a .png, .svg or .pdf") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _read_results(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Result files of one split. Raises InputError naming two that are not."""
    results = [_read_result(path) for path in paths]
    for path, result in zip(paths, results, strict=True):
        if result["split"] != results[0]["split"] or len(result["ranks"]) != len(results[0]["ranks"]):
            raise InputError(
                f"{paths[0]} and {path} are of different splits; compare results of the same queries and gallery"
            )
    return results


def _print_comparison(comparison: dict[str, Any]) -> None:
    print(f"{comparison['first']} minus {comparison['second']}, {comparison['queries']} queries, 95 % intervals")
    for name, figure in comparison["figures"].items():
        interval = f"[{figure['low']:+.2f}, {figure['high']:+.2f}]"
        print(f"  {name:<22}{figure['difference']:>+8.2f}  {interval:<20}{figure['verdict']}")
