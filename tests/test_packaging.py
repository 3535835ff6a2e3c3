"""What a person installs: pinned, small, without torch, and complete."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sketchseek.version import VERSION

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def base_install() -> set[str]:
    """The canonical names of everything that the base install brings, as installed here."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in PROJECT["dependencies"]]
    seen: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        found.add(canonicalize_name(requirement.name))
        extras = requirement.extras or {""}
        for text in distribution(requirement.name).requires or []:
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(inner)
    return found


def test_every_dependency_is_pinned_by_name_and_version_alone() -> None:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line)] == []
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines}
    wanted = [*PROJECT["dependencies"], *(d for extra in PROJECT["optional-dependencies"].values() for d in extra)]
    assert {canonicalize_name(Requirement(text).name) for text in wanted} <= pinned


def test_everything_the_base_install_brings_is_pinned(base_install: set[str]) -> None:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    assert base_install <= {canonicalize_name(line.partition("==")[0]) for line in lines}


def test_the_base_install_has_no_torch_and_is_small(base_install: set[str]) -> None:
    assert "onnxruntime" in base_install
    large = {"torch", "torchvision", "timm", "opencv-python", "opencv-python-headless", "scipy", "onnx", "matplotlib"}
    assert base_install & large == set()
    files = {Path(file.locate()) for name in base_install for file in distribution(name).files or []}
    megabytes = sum(file.stat().st_size for file in files if file.is_file()) / 1e6
    assert megabytes < 330  # compiled files, pip and setuptools come on top; the whole must stay under 400 MB


class Wheel(NamedTuple):
    source: Path  # a copy of what it was built from
    path: Path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    shutil.copytree(
        REPOSITORY / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "*.part")
    )
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return Wheel(source, path)


@pytest.mark.slow
def test_the_wheel_is_complete_and_holds_no_data(wheel: Wheel) -> None:
    source = wheel.source
    assert wheel.path.stat().st_size < 15e6
    with zipfile.ZipFile(wheel.path) as archive:
        names = set(archive.namelist())
    # Every file of the package but data is in the wheel, so nothing is forgotten in package-data.
    ours = {p.relative_to(source / "src").as_posix() for p in (source / "src" / "sketchseek").rglob("*") if p.is_file()}
    assert ours - names == set()
    assert "sketchseek/py.typed" in names
    assert "sketchseek/server/web/index.html" in names
    assert any(name.endswith("/sketch.onnx") for name in names), "the default model is missing"
    photos = {name for name in names if name.lower().endswith((".jpg", ".jpeg", ".png", ".webp", ".ndjson", ".pkl"))}
    assert photos == {f"sketchseek/server/web/icon-{side}.png" for side in (192, 512)}
    assert {name.split("/")[0] for name in names} <= {"sketchseek", f"sketchseek-{VERSION}.dist-info"}


DEMO = """
import sys
from sketchseek.cli import demo, main

demo.THINGS = 60
sys.exit(main(["demo", "--no-serve", "--json"]))
"""
SEARCH = """
import importlib.util
from PIL import Image
import sketchseek as ss

for colour in ("red", "green", "blue"):
    Image.new("RGB", (64, 64), colour).save(f"photos/{colour}.png")
ss.save_drawing(ss.Sketch.from_arrays([[[0.2, 0.2], [0.8, 0.8]]]), "line.svg")
with ss.Gallery.create("gallery") as gallery:
    ss.ingest(gallery, "photos")
    for hit in ss.Searcher(gallery).search(ss.load_drawing("line.svg")):
        print(hit.path.name, hit.path.is_file(), hit.score > -1)
print(importlib.util.find_spec("torch"), ss.__version__)
"""


@pytest.mark.slow
def test_the_wheel_runs_in_an_environment_of_its_own(wheel: Wheel, base_install: set[str], tmp_path: Path) -> None:
    """Installed beside nothing but its dependencies, outside the repository: the demo, and a search from Python."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SKETCHSEEK"))}

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, env=variables)

    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    bring(base_install, sysconfig.get_path("purelib", "venv", {"base": str(environment)}))
    for command in (["install", "--quiet", "--no-index", "--no-compile", str(wheel.path)], ["check"]):
        done = run(sys.executable, "-m", "pip", "--python", programs / "python", *command)
        assert done.returncode == 0, done.stdout + done.stderr

    version = run(programs / "sketchseek", "--version")
    assert version.stdout.split() == ["sketchseek", VERSION], version.stderr
    demo = run(programs / "python", "-c", DEMO)
    assert demo.returncode == 0, demo.stderr
    steps = json.loads(demo.stdout)["steps"]
    assert steps[-1]["rank"] <= min(3, steps[0]["rank"])

    (tmp_path / "photos").mkdir()
    searched = run(programs / "python", "-c", SEARCH)
    assert searched.returncode == 0, searched.stderr
    *hits, last = searched.stdout.splitlines()
    assert sorted(hits) == [f"{colour}.png True True" for colour in ("blue", "green", "red")]
    assert last == f"None {VERSION}"


def bring(names: set[str], packages: str) -> None:
    """Link what is installed here of the distributions ``names`` into a folder of packages."""
    for name in names:
        for file in distribution(name).files or []:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                link = Path(packages, file)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(file.locate())
