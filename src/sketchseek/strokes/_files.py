"""What the readers and writers of sketch files share: clear errors, checked points, whole files or none."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from sketchseek.errors import InputError
from sketchseek.files import explain_write_errors, write_file
from sketchseek.strokes.sketch import Sketch

# In canvases. Far outside every drawing, near enough that no later arithmetic overflows.
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
        arrays = [np.asarray(stroke) for stroke in strokes]
        if any(array.size and array.dtype.kind not in "iuf" for array in arrays):
            raise ValueError("a stroke holds something that is not a number")
        sketch = Sketch.from_arrays(arrays)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{name}: {reason}; export the drawing anew") from None
    if len(sketch) and np.abs(sketch.points[:, :2]).max() > FARTHEST:
        raise InputError(f"{name}: a point lies more than {FARTHEST:g} canvases away; export the drawing anew")
    return sketch


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file so that nobody ever finds half of it. Raises InputError where it cannot be written."""
    with explain_write_errors(Path(path), "nothing was left behind"):
        write_file(Path(path), text)
