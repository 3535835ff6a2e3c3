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
    digest = hashlib.sha256()
    for part in MEASURING_PACKAGES:
        for path in sorted((PACKAGE / part).rglob("*.py")):
            digest.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes())
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=PACKAGE, capture_output=True, text=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        commit = ""
    return Code(VERSION, commit, digest.hexdigest()[:16])


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
    """The command line as typed, without the directories of the machine: of an absolute path only its last part
    stays.
    """
    words = ["sketchseek"]
    for word in sys.argv[1:]:
        head, colon, tail = word.rpartition(":")
        tail = Path(tail).name if os.path.isabs(tail) or tail.startswith("..") else tail
        words.append(head + colon + tail)
    return " ".join(words)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, 16 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
