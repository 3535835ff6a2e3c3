"""Photos to index, and a disk that runs full."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sketchseek.gallery import Gallery


def make_photo(path: Path, seed: int, size: tuple[int, int] = (400, 300)) -> Path:
    """A few dark blocks on white, others for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    image = Image.fromarray(random.choice([40, 255], (6, 8), p=[0.3, 0.7]).astype(np.uint8))
    image.resize(size, Image.Resampling.NEAREST).convert("RGB").save(path)
    return path


def counts(report: Any) -> tuple[int, int, int, int, int]:
    return report.added, report.unchanged, report.updated, report.removed, len(report.skipped)


def index_folder(gallery: Gallery) -> Path:
    """The folder of the gallery's index, the only one there is."""
    (folder,) = gallery.folder.glob("index-*")
    return folder


def kept_thumbnails(gallery: Gallery) -> list[Path]:
    return [path for path in (gallery.folder / "thumbs").rglob("*") if path.is_file()]


def full_after(count: int) -> Callable[[Path, bytes], int]:
    """A ``Path.write_bytes`` for a disk that is full after ``count`` files, the next one half written."""
    real, written = Path.write_bytes, 0

    def write_bytes(path: Path, content: bytes) -> int:
        nonlocal written
        written += 1
        if written <= count:
            return real(path, content)
        real(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return write_bytes
