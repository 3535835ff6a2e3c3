"""Methods, matchers and data sets of other packages: used like our own, and one line each where they are broken."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sketchseek.cli import main

CONFIG = """
from sketchseek.lab.methods.siamese.config import PRESETS, Config
TITLE, PAPER = "Ours", "none"
"""
DATA = """
from sketchseek.lab.datasets import Entry
from sketchseek.lab.datasets.folder import read_folder
ENTRY = Entry("ours", read_folder, "Our things", "strokes", "none", "ours", "nowhere", "photos/, sketches/", "made up")
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "ours_package"]:
        del sys.modules[name]


def install(site: Path, entry_points: str, **modules: str) -> None:
    """Install the package ``ours`` with these modules."""
    (site / "ours_package").mkdir()
    for name, text in ({"__init__": ""} | modules).items():
        (site / "ours_package" / f"{name}.py").write_text(text)
    (site / "ours_package" / "ablations.toml").write_text("")
    info = site / "ours-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1\n")
    (info / "entry_points.txt").write_text(entry_points)


def test_a_method_and_a_data_set_of_another_package_are_listed(
    site: Path, pairs_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = "[sketchseek.methods]\nours = ours_package\n[sketchseek.datasets]\nours = ours_package.data:ENTRY\n"
    install(site, points, config=CONFIG, data=DATA)
    assert main(["methods", "--json"]) == 0
    assert "ours" in [method["slug"] for method in json.loads(capsys.readouterr().out)]
    assert main(["datasets"]) == 0
    assert "ours: Our things\n" in capsys.readouterr().out
    assert main(["doctor", "Ours", str(pairs_folder)]) == 0
    assert "train: 24 photos" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("entry_points", "modules", "line"),
    [
        ("[sketchseek.methods]\nours = gone", {}, "method 'ours' (gone): cannot be used (No module named 'gone')"),
        ("[sketchseek.methods]\nours = ours_package", {"config": "1 / 0"}, "cannot be used (division by zero)"),
        ("[sketchseek.methods]\nours = ours_package", {"config": "TITLE = PAPER = ''"}, "config.py has no Config"),
        ("[sketchseek.methods]\nours = ours_package", {"config": "raise SystemExit(3)"}, "cannot be used (3)"),
        ("[sketchseek.methods]\nours = ours_package", {"config": CONFIG + "PRESETS = []"}, "its PRESETS is no dict"),
        ("[sketchseek.matchers]\nours = ours_package:Ours", {}, "matcher 'ours' (ours_package:Ours): cannot be used"),
        ("[sketchseek.datasets]\nours = gone.data:ENTRY", {}, "dataset 'ours' (gone.data:ENTRY): cannot be used"),
        ("[sketchseek.datasets]\nours = ours_package.data:X", {"data": "X = 1"}, "is no Entry of lab.datasets"),
    ],
)
def test_a_broken_one_is_one_line_and_the_others_are_listed(
    entry_points: str, modules: dict[str, str], line: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, entry_points, **modules)
    assert main(["methods"]) == 0
    shown = capsys.readouterr()
    assert "siamese " in shown.out and shown.err == ""
    assert [text for text in shown.out.splitlines() if line in text] == [shown.out.splitlines()[-1]]
    assert shown.out.splitlines()[-1].endswith("; repair its package or uninstall it")
    kind = entry_points.partition(".")[2].partition("s]")[0]
    command = {"method": ["train", "ours", "--data", "x", "--out", "x"], "dataset": ["doctor", "ours", str(site)]}
    if kind in command:
        assert main(command[kind]) == 2
        assert line in capsys.readouterr().err


def test_a_method_without_training_leaves_no_run(
    site: Path, pairs_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    points = "[sketchseek.methods]\nours = ours_package\n"
    install(site, points, config=CONFIG, network="from sketchseek.lab.methods.siamese.network import build")
    arguments = [
        "--data",
        f"folder:{pairs_folder}",
        "--weights",
        "random",
        "--set",
        "size=64",
        "--set",
        "training.batch=8",
    ]
    assert main(["train", "ours", *arguments, "--out", str(site / "run")]) == 2
    assert "cannot be used (No module named 'ours_package.objective')" in capsys.readouterr().err
    assert not (site / "run").exists()
