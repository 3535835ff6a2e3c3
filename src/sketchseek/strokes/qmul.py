"""Read QMUL's coordinate pickles (ChairV2, ShoeV2) safely, even if the file is malicious.

A pickle is a program. The restricted unpickler here only lets it build dicts, text, numbers and numpy arrays. It does
not call numpy's own constructors for it either, because a forged dtype can make numpy read bytes as pointers. Instead,
the calls that build an array are recorded, checked, and the array is then read with ``numpy.frombuffer``.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.files import StrPath
from sketchseek.strokes._files import checked_sketch, read_bytes
from sketchseek.strokes.sketch import CANVAS, Sketch

# The globals that array pickles of any numpy version and pickle protocol refer to. Before numpy 2 the package `_core`
# was called `core`; protocols below 3 store bytes as text plus a call of `encode`.
_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
}
_LARGEST_TUPLE = 100  # objects; those of an array hold a dozen
_NUMBER = re.compile(r"[<>=|]?(f[248]|[iu][1248])")


def read_qmul(path: StrPath) -> dict[str, Sketch]:
    """Read a coordinate pickle: a dict of key (``/train/<photo>_<id>``) to sketch, in the file's order.

    The file maps each key to an array ``[points, 3]``: x and y in pixels of a 256 x 256 canvas, and a pen column that
    is 1 on the last point of each stroke. The sketches are on the unit canvas; times and pressures are unknown, so 0.

    Raises InputError for a file that is truncated, that refers to anything but numpy arrays (which is never executed),
    or that holds arrays of another shape or with values that are not finite.
    """
    return parse_qmul(read_bytes(path), path)


def parse_qmul(data: bytes, name: object) -> dict[str, Sketch]:
    """``read_qmul`` for a file's content that is already in memory; errors call it ``name``."""
    content = _unpickle(data, name)
    if not isinstance(content, dict) or not content:
        raise InputError(f"{name}: holds no sketches; it should be a dict of key to array [points, 3]")
    sketches = {}
    for key, value in content.items():
        if not isinstance(key, str):
            raise InputError(f"{name}: has a key that is not text; it should be a dict of key to array [points, 3]")
        try:
            points = _array(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"{name}: {key!r:.80}: {error}; get the file anew") from None
        ends = np.flatnonzero(points[:-1, 2] == 1) + 1
        sketches[key] = checked_sketch(f"{name}: {key!r:.80}", np.split(points[:, :2] / CANVAS, ends))
    return sketches


class _RecordedCall:
    """A call that the pickle asked for, with its arguments and the state for its result. The call was not made."""

    __slots__ = ("args", "name", "state")

    def __init__(self, name: str, args: tuple[Any, ...]) -> None:
        self.name, self.args, self.state = name, args, ()

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _CallRecorder:
    """Stands for an allowed global: calling it records the call. The pickle cannot modify it."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __call__(self, *args: Any) -> Any:
        if self._name == "encode":  # type: ignore[attr-defined]
            text, encoding = args
            if encoding != "latin1":
                raise pickle.UnpicklingError(f"asks for the encoding '{encoding}'")
            return text.encode("latin1")
        return _RecordedCall(self._name, args)  # type: ignore[attr-defined]

    def __setattr__(self, name: str, value: Any) -> None:
        raise pickle.UnpicklingError("tries to change a function")

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("tries to change a function")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"asks for '{module}.{name}', and only numpy arrays may be in it")
        return _CallRecorder(name)


def _unpickle(data: bytes, name: object) -> Any:
    try:
        _check_program(data)
        # latin1 keeps the bytes of strings written by Python 2.
        return _Unpickler(io.BytesIO(data), encoding="latin1").load()
    except Exception as error:  # damaged pickles raise almost any exception
        reason = str(error) if isinstance(error, pickle.UnpicklingError) else "is truncated or no pickle"
        reason = " ".join(reason.split())[:200]
        raise InputError(f"{name}: cannot be read as a QMUL coordinate pickle: {reason}; get the file anew") from None


def _check_program(data: bytes) -> None:
    """Raises UnpicklingError for a pickle that would exhaust memory or time, by following its program without running
    it: how many objects each tuple on the stack holds, those inside its tuples counted every time that they occur.

    Pickle's memo is as long as its highest index, so a forged index would exhaust memory. A tuple that holds another
    twice, and so on, takes little memory, but hashing it as a key takes time that doubles with every level.
    """
    stack: list[int | None] = []  # for each object on the stack how many it holds; None is a mark
    memo: dict[int, int | None] = {}

    def from_mark() -> list[int]:
        objects: list[int] = []
        while (top := stack.pop()) is not None:
            objects.append(top)
        return objects

    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if name.endswith("PUT") or name == "MEMOIZE":
            place = len(memo) if name == "MEMOIZE" else int(str(argument))
            if place > len(data):
                raise pickle.UnpicklingError("is damaged")
            memo[place] = stack[-1]
        elif name.endswith("GET"):
            stack.append(memo[int(str(argument))])
        elif name == "DUP":
            stack.append(stack[-1])
        elif name == "MARK":
            stack.append(None)
        elif name.startswith("TUPLE"):
            inside = from_mark() if name == "TUPLE" else [stack.pop() or 0 for _ in range(int(name[5:]))]
            stack.append(1 + sum(inside))
            if 1 + sum(inside) > _LARGEST_TUPLE:
                raise pickle.UnpicklingError("has a tuple of too many objects")
        else:
            before = list(opcode.stack_before)
            if pickletools.stackslice in before:
                from_mark()
                before = before[: before.index(pickletools.markobject)]
            for _ in before:
                stack.pop()
            stack += [1] * len(opcode.stack_after)


def _array(value: Any) -> NDArray[np.float64]:
    """The recorded array, float64 ``[n, 3]``. Raises TypeError or ValueError, with the reason, for anything else."""
    if not isinstance(value, _RecordedCall):
        raise TypeError("is not a numpy array")
    if value.name == "_reconstruct":
        if not isinstance(value.state, tuple) or len(value.state) != 5:
            raise ValueError("has an incomplete array")
        _, shape, dtype, fortran, data = value.state
    elif value.name == "_frombuffer" and len(value.args) == 4:
        data, dtype, shape, order = value.args
        fortran = order == "F"
    else:
        raise TypeError("is not a numpy array")
    if isinstance(data, str):
        data = data.encode("latin1")  # from Python 2
    if not isinstance(data, (bytes, bytearray)):
        raise ValueError("has no numbers in its array")
    if not isinstance(shape, tuple) or shape[1:] != (3,) or not isinstance(shape[0], int) or shape[0] < 1:
        raise ValueError("is not an array [points, 3]")
    numbers = np.frombuffer(bytes(data), dtype=_number_type(dtype))
    if numbers.size != 3 * shape[0]:
        raise ValueError("has fewer or more numbers than its shape says")
    points = numbers.reshape(shape, order="F" if fortran else "C").astype(np.float64)
    if not np.isfinite(points).all():
        raise ValueError("holds a value that is not a finite number")
    return points


def _number_type(dtype: Any) -> np.dtype:
    """The numeric dtype of a recorded constructor call such as ``('f8', False, True)`` with state ``(3, '<', ...)``.

    Raises ValueError for any other dtype.
    """
    if (
        not isinstance(dtype, _RecordedCall)
        or dtype.name != "dtype"
        or not dtype.args
        or not isinstance(dtype.args[0], str)
    ):
        raise ValueError("has no number type")
    order = dtype.state[1] if isinstance(dtype.state, tuple) and len(dtype.state) > 1 else ""
    code = f"{order}{dtype.args[0]}"
    if not _NUMBER.fullmatch(code):
        raise ValueError("has an array of something else than numbers")
    return np.dtype(code)
