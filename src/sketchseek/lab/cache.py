"""The on-disk cache of computed arrays: decoded images, recovered strokes, features of frozen networks. No torch.

An entry is a safetensors file, memory-mapped when read. Its name is a hash of its key, which lists everything that the
arrays depend on. The header contains the key, too. A file with another header, or a truncated one, is replaced.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from sketchseek.errors import InputError
from sketchseek.files import decode_json, replace_file
from sketchseek.lab.provenance import code_hash

# Entries not used for this many days are deleted when an entry of that kind is written. Features may take gigabytes.
KEEP_DAYS = {"pixels": 30, "strokes": 30, "features": 7}
DTYPES = {"uint8": "U8", "int64": "I64", "float16": "F16", "float32": "F32", "float64": "F64"}  # in safetensors files

Arrays: TypeAlias = dict[str, NDArray[Any]]
# Allocates arrays, given the shape and the dtype of each, and returns them to be filled.
Allocate: TypeAlias = Callable[[Mapping[str, tuple[tuple[int, ...], str]]], Arrays]


def cached_arrays(
    kind: str, made_of: Mapping[str, str], code: Iterable[str], make: Callable[[Allocate], None]
) -> Arrays:
    """Read arrays from the cache, or compute and store them; they are read-only. ``kind`` is one of ``KEEP_DAYS``.

    ``made_of`` lists every input that the values depend on, and ``code`` every module and package that computes them,
    e.g. ``sketchseek.strokes`` (``provenance.code_hash``). ``make(allocate)`` must call ``allocate`` once, e.g. with
    ``{"ink": ((8, 64, 64), "uint8")}``, and fill the arrays it returns, which are memory-mapped. If it raises, nothing
    is stored.

    Raises InputError if the disk is full.
    """
    made_of = {**made_of, "code": code_hash(*code)}
    folder = user_cache_path("sketchseek") / kind
    name = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]
    path = folder / f"{name}.safetensors"
    found = _read(path, made_of)
    if found is not None:
        os.utime(path)
        return found
    folder.mkdir(parents=True, exist_ok=True)
    _delete_old(folder, KEEP_DAYS[kind])
    with replace_file(path) as unfinished:
        make(lambda arrays: _allocate(unfinished, made_of, arrays))
    found = _read(path, made_of)
    assert found is not None
    return found


def _allocate(path: Path, made_of: dict[str, str], arrays: Mapping[str, tuple[tuple[int, ...], str]]) -> Arrays:
    entries: dict[str, Any] = {"__metadata__": made_of}
    end = 0
    for name, (shape, dtype) in arrays.items():
        begin, end = end, end + math.prod(shape) * np.dtype(dtype).itemsize
        entries[name] = {"dtype": DTYPES[dtype], "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    if shutil.disk_usage(path.parent).free < end:
        raise InputError(f"{path.parent}: {end // 2**20 + 1} MB to be kept do not fit; free some space")
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return _map(path, entries, 8 + len(text), "r+")


def _read(path: Path, made_of: dict[str, str]) -> Arrays | None:
    """The arrays of an entry; None if there is none, or if it is damaged or has another key."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            entries = decode_json(file.read(length))
        end = max(entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__")
        if entries["__metadata__"] != made_of or path.stat().st_size != 8 + length + end:
            return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return _map(path, entries, 8 + length, "r")


def _map(path: Path, entries: Mapping[str, Any], start: int, mode: Any) -> Arrays:
    numpy_type = {short: name for name, short in DTYPES.items()}
    arrays: Arrays = {}
    for name, entry in entries.items():
        if name != "__metadata__":
            dtype, shape = numpy_type[entry["dtype"]], tuple(entry["shape"])
            # An empty array cannot be mapped.
            if math.prod(shape):
                arrays[name] = np.memmap(path, dtype, mode, start + entry["data_offsets"][0], shape)
            else:
                arrays[name] = np.zeros(shape, dtype)
    return arrays


def _delete_old(folder: Path, days: int) -> None:
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime < time.time() - days * 86400:
                path.unlink()
        except FileNotFoundError:  # deleted by another process
            pass
