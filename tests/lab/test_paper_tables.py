"""The papers' tables row by row: nothing published is lost, and every row says what it is here."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sketchseek.cli import main
from sketchseek.errors import InputError
from sketchseek.lab.methods import methods
from sketchseek.lab.paper_tables import paper_tables, papers_markdown, read_rows

RESULTS = Path(__file__).resolve().parents[2] / "results"


def test_every_published_figure_stands_in_its_table_and_every_row_has_a_state_here() -> None:
    tables = {table.title: table for table in paper_tables(RESULTS)}
    with (RESULTS / "published.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            table, column = tables[f"{row['source']}, {row['table']}"], f"{row['dataset']} {row['metric']}"
            shown = [x.figures.get(column) for x in table.lines if (x.system, x.state) == (row["method"], "published")]
            assert row["value"] in shown, row
    for table in tables.values():
        for line, after in zip(table.lines, table.lines[1:] + table.lines[:1], strict=True):
            assert line.state != "published" or after.state != "published", (table.title, line)
            assert line.state != "not run" or (line.about and not line.figures), (table.title, line)
            assert line.state != "reproduced" or all(isinstance(v, float) for v in line.figures.values())


def test_what_a_row_is_here_exists() -> None:
    rows = read_rows(RESULTS / "rows.csv")
    names = {path.stem for path in RESULTS.glob("*/*.json")}
    with (RESULTS / "published.csv").open(newline="") as file:
        published = {(line["method"], line["setting"]) for line in csv.DictReader(file)}
    for key, ours in rows.items():
        assert key in published
        assert not ours.slug or (not ours.row or ours.row in methods()[ours.slug].rows), key
        assert not ours.result or ours.result in names, key
    named = {name for method in methods().values() for name in method.published_as}
    assert {key for key in published if key[0] in named} <= rows.keys()  # our methods' rows are none of others'


def test_the_mean_of_seeds_is_printed_beneath_what_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (table,) = [table for table in paper_tables(RESULTS) if table.title == "CSR 2022, Table 3"]
    assert [line.state for line in table.lines[:2]] == ["published", "not run"]  # ShoeV2 and Sketchy
    assert "| MLRM | reproduced | `mlrm` at bench, mobilenet_v2 | - | - | - | 54.33 |" in papers_markdown(RESULTS)
    (tmp_path / "results").mkdir()
    head = "source,table,method,setting,backbone,side_information,dataset,metric,value,note\n"
    (tmp_path / "results" / "published.csv").write_text(head + "P,Table 1,X,main,,,chairv2,acc@1,61.20,\n")
    with pytest.raises(InputError, match=r"rows.csv: .*restore the file"):
        paper_tables(tmp_path / "results")
    (tmp_path / "results" / "rows.csv").write_text("method,setting,slug,row,result,reason\n")
    monkeypatch.chdir(tmp_path)
    assert main(["results", "--papers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [
        "P, Table 1",
        "  X  published   chairv2 acc@1 61.20",
        "  X  not run     a system of others, not implemented here",
    ]
