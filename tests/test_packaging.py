"""What a person installs: pinned, small, without torch, and complete."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

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


@pytest.mark.slow
def test_the_wheel_is_complete_and_holds_no_data(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    shutil.copytree(
        REPOSITORY / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "*.part")
    )
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 12e6
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    # Every file of the package but data is in the wheel, so nothing is forgotten in package-data.
    ours = {p.relative_to(source / "src").as_posix() for p in (source / "src" / "sketchseek").rglob("*") if p.is_file()}
    assert ours - names == set()
    assert "sketchseek/py.typed" in names
    assert "sketchseek/server/web/index.html" in names
    assert any(name.endswith("/sketch.onnx") for name in names), "the default model is missing"
    photos = {name for name in names if name.lower().endswith((".jpg", ".jpeg", ".png", ".webp", ".ndjson", ".pkl"))}
    assert photos == set()
    assert {name.split("/")[0] for name in names} <= {"sketchseek", f"sketchseek-{VERSION}.dist-info"}
