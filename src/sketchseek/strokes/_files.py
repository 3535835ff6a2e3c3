"""Reading and writing sketch files: errors in one line, checked points."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sketchseek.errors import InputError
from sketchseek.files import StrPath, as_path, explain_write_errors, write_file
from sketchseek.strokes.sketch import Sketch

FARTHEST = 1e6  # canvases; far outside every drawing, near enough that no later arithmetic overflows


class Most(NamedTuple):
    """How many strokes and points a drawing may have. Readers stop as soon as there are more."""

    strokes: float
    points: float


UNLIMITED = Most(math.inf, math.inf)


def read_bytes(path: StrPath) -> bytes:
    """The file's content. Raises InputError where it cannot be read."""
    try:
        return as_path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason})") from None


def checked_sketch(name: object, strokes: Iterable[ArrayLike]) -> Sketch:
    """As ``Sketch.from_arrays``, for points read from the file ``name``, which errors repeat. Raises InputError."""
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


def write_text(path: StrPath, text: str) -> None:
    """Write a text file, complete or not at all. Raises InputError where it cannot be written."""
    with explain_write_errors(as_path(path), "choose another place"):
        write_file(as_path(path), text)
