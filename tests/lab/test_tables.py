"""The result files of the repository, and the tables that the documentation makes of them."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sketchseek.errors import InputError
from sketchseek.lab.methods import methods
from sketchseek.lab.results import Result, compare
from sketchseek.lab.tables import PAGE_COLUMNS, markdown, read_entries, title

RESULTS = Path(__file__).resolve().parents[2] / "results"
FILES = sorted(RESULTS.glob("*/*.json"))


def without_empty(value: Any) -> Any:
    """JSON without what earlier versions did not write."""
    if isinstance(value, dict):
        kept = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", [], {}, 0, False, "sketch", "photo")}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_result_file_reads_unchanged(path: Path) -> None:
    written = json.loads(path.read_text())
    assert without_empty(json.loads(json.dumps(Result.read(path).to_json()))) == without_empty(written)


def test_figures_follow_from_the_ranks() -> None:
    for path in FILES:
        result = Result.read(path)
        name, ranks = ("acc@1", result.ranks[:, -1]) if result.relevant == "photo" else ("P@1", result.ranks[:, 0])
        assert result.figures[name] == pytest.approx(100 * (ranks == 1).mean())


def test_every_result_states_the_precision_of_its_training_and_the_tables_show_it() -> None:
    stated = {path: Result.read(path).trained.precision for path in FILES}
    assert set(stated.values()) == {"fp32", "bf16"}, stated
    shown = {row["result"]: row["precision"] for row in tables(markdown(RESULTS))["chairv2"]["Measured here"]}
    assert (shown["`csr-S9`"], shown["`mlrm`"]) == ("bf16", "fp32")
    entries = [entry for entry in read_entries(RESULTS, "chairv2") if entry.state == "reproduced"]
    assert all(entry.setting.endswith(("fp32", "bf16")) for entry in entries)


def tables(text: str) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Data set -> ``Measured here`` or ``Published`` -> the rows of that table by heading."""
    found: dict[str, dict[str, list[dict[str, str]]]] = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        dataset, _, body = section.partition("\n")
        found[dataset] = {}
        for kind, table in re.findall(r"^(Measured here|Published).*:\n\n((?:\|.*\n)+)", body, flags=re.MULTILINE):
            heading, _, *rows = [[cell.strip() for cell in line.split(" | ")] for line in table.splitlines()]
            names = [name.strip("| ") for name in heading]
            found[dataset][kind] = [dict(zip(names, (cell.strip("| ") for cell in row), strict=True)) for row in rows]
    return found


def test_the_tables_hold_exactly_what_the_result_files_say() -> None:
    written = tables(markdown(RESULTS))
    systems: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for path in FILES:
        result = json.loads(path.read_text())
        table = title(result["dataset"], result.get("relevant", "photo"))
        systems[table, re.sub(r"-seed-\d+$", "", path.stem)].append(result)
    rows = {
        (dataset, row["result"].strip("`")): row
        for dataset, found in written.items()
        for row in found.get("Measured here", [])
    }
    assert rows.keys() == systems.keys() and len(rows) > 40
    for key, seeds in systems.items():
        row = rows[key]
        assert row["seeds"] == str(len(seeds)) and row["method"] == f"`{seeds[0]['method']}`"
        assert row["core minutes"] == f"{np.mean([seed['core_minutes'] for seed in seeds]):.0f}"
        for column in PAGE_COLUMNS[seeds[0].get("relevant", "photo")]:
            values = [seed["figures"][column] for seed in seeds]
            assert row[column] == ("-" if None in values else f"{np.mean(values):.1f}"), (key, column)


def test_published_figures_are_printed_with_the_paper_s_digits() -> None:
    written = tables(markdown(RESULTS))
    with (RESULTS / "published.csv").open(newline="") as file:
        lines = [
            line
            for line in csv.DictReader(file)
            if line["setting"] == "main" and line["metric"] in PAGE_COLUMNS["photo"]
        ]
    assert len(lines) > 100
    for line in lines:
        rows = [
            row
            for row in written[line["dataset"]]["Published"]
            if row["system"] == line["method"] and row["printed in"] == f"{line['source']}, {line['table']}"
        ]
        assert line["value"] in [row[line["metric"]] for row in rows], line
    cells = {
        cell
        for found in written.values()
        for row in found.get("Published", [])
        for column, cell in row.items()
        if column in PAGE_COLUMNS["photo"]
    }
    with (RESULTS / "published.csv").open(newline="") as file:
        assert cells - {"-"} <= {line["value"] for line in csv.DictReader(file)}


def test_a_method_is_published_under_the_names_it_says() -> None:
    entries = read_entries(RESULTS, "chairv2")
    published = {entry.name: entry.method for entry in entries if entry.state == "published"}
    assert published["ARNet+MSTR"] == "arnet" and published["TC-Net"] == "tcnet"
    for slug, method in methods().items():
        assert all(published.get(name, slug) == slug for name in method.published_as)
    with pytest.raises(InputError, match="there are no figures of data set 'boots'"):
        read_entries(RESULTS, "boots")


def test_results_are_compared_as_objects_and_as_files() -> None:
    dla, la = RESULTS / "chairv2" / "dla.json", RESULTS / "chairv2" / "la.json"
    by_path, by_object = compare(str(dla), la), compare(Result.read(dla), [Result.read(la)])
    assert by_path == by_object
    assert by_path.figures["acc@1"].verdict == "gain" and by_path.figures["acc@1"].low > 0
    with pytest.raises(InputError, match="different splits"):
        compare(dla, RESULTS / "sketchy-10" / "mlrm.json")
    with pytest.raises(InputError, match="at least one result"):
        compare(dla, [])
