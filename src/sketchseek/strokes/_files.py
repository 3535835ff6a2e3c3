"""What all readers of sketch files share: reading with one clear error, checking points, writing whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from sketchseek.errors import InputError
from sketchseek.strokes.sketch import Sketch

# Far outside every canvas, near enough that no later arithmetic overflows.
FARTHEST = 1e6


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The file's content. Raises InputError where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason})") from None


def checked_sketch(name: object, strokes: Iterable[ArrayLike]) -> Sketch:
    """``Sketch.from_arrays`` for points that a file gave; ``name`` says which file. Raises InputError."""
    try:
        sketch = Sketch.from_arrays(strokes)
    except (ValueError, TypeError, OverflowError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{name}: {reason}; export the drawing anew") from None
    if len(sketch) and np.abs(sketch.points[:, :2]).max() > FARTHEST:
        raise InputError(f"{name}: a point lies more than {FARTHEST:g} canvases away; export the drawing anew")
    return sketch


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file so that nobody ever finds half of it. Raises InputError where it cannot be written."""
    target = Path(path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            temporary = file.name
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            file.write(text)
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({error.strerror}); nothing was left behind") from None


def _umask() -> int:
    # Python only tells the mask while setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
