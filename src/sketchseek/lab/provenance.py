"""Where a number comes from: code, machine, weights, command. No torch."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from sketchseek.version import VERSION

PACKAGE = Path(__file__).resolve().parents[1]
# The packages that can change a figure; the page, the commands and the gallery cannot.
MEASURING_PACKAGES = ("strokes", "synthetic", "matching", "model", "lab")


@dataclass(frozen=True)
class Code:
    """The package's version, the commit it was checked out at (empty outside a checkout) and a hash, 16 hex digits, of
    the sources that can change a figure.
    """

    version: str = ""
    commit: str = ""
    sources: str = ""


@cache
def code() -> Code:
    """The code that runs."""
    sources = code_hash(*(f"sketchseek.{part}" for part in MEASURING_PACKAGES))
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=PACKAGE, capture_output=True, text=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        commit = ""
    return Code(VERSION, commit, sources[:16])


@cache
def code_hash(*names: str) -> str:
    """A hash, in hex, of the sources of these modules and of all modules of these packages, and of the versions of the
    libraries that they may use. ``names`` as in an import, e.g. ``sketchseek.strokes``.
    """
    digest = hashlib.sha256(repr(libraries()).encode())
    for name in names:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ValueError(f"{name}: no such module")
        folder = Path(spec.origin).parent
        for path in sorted(folder.rglob("*.py")) if spec.submodule_search_locations else [Path(spec.origin)]:
            digest.update(f"{name} {path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def machine() -> str:
    """Processor, cores and, where a GPU is in use, its name."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        name = models[0] if models else name
    parts = [name, f"{os.cpu_count()} cores"]
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)


def libraries() -> dict[str, str]:
    """Versions of the libraries that can change a figure."""
    found = {}
    for name in ("numpy", "pillow", "onnxruntime", "torch", "torchvision", "timm"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def command() -> str:
    """The command line as typed, or the program that calls this library with its arguments. Of an absolute path only
    the last part stays, so that the directories of the machine are left out.
    """
    program = Path(sys.argv[0]).name
    words = ["sketchseek" if program in ("sketchseek", "__main__.py") else program]
    for word in sys.argv[1:]:
        head, colon, tail = word.rpartition(":")
        tail = Path(tail).name if os.path.isabs(tail) or tail.startswith("..") else tail
        words.append(head + colon + tail)
    return " ".join(words)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, 16 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
