"""What frozen parts of a network make of a data set, kept on disk, so that training on it pays for it once.

A cache file is a safetensors file, mapped into memory, whose name is a hash of what made it: the state of the frozen
parts, the drawings and photos, and the code in between. Its header says the same in the open and is compared on
reading, so features of another network or of other data are never trained on.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from torch import nn

from sketchseek.errors import InputError

SAFETENSORS_NAMES = {"float16": "F16", "float32": "F32"}
LIBRARIES = ("torch", "torchvision", "timm", "pillow")  # whose versions say what a backbone computes of which pixels
KEEP_DAYS = 7  # files not used for so long are deleted when a new one is written; one may hold gigabytes

Arrays = dict[str, NDArray[np.floating[Any]]]


def cached_features(
    made_of: Mapping[str, str],
    shapes: Mapping[str, tuple[int, ...]],
    make: Callable[[Arrays], None],
    dtype: Literal["float16", "float32"] = "float16",
) -> Arrays:
    """Arrays of these shapes from the cache, read-only, or made and put into it.

    ``made_of`` names everything that the values depend on, e.g. ``{"network": state_hash(...), "data": data_hash(...),
    "code": code_hash(...), "steps": "20"}``. ``make(arrays)`` fills the arrays, which lie in a file, a part at a time;
    what it writes is cast to ``dtype``. If it raises, nothing is left behind.

    Raises InputError for a file in the cache that is not what its name says (made of something else, or cut short),
    and where the disk has no room.
    """
    header, offsets, total = _layout(made_of, shapes, dtype)
    folder = user_cache_path("sketchseek") / "features"
    path = folder / f"{hashlib.sha256(header).hexdigest()[:32]}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _forget_old(folder)
        if shutil.disk_usage(folder).free < total:
            raise InputError(f"{folder}: {total // 2**20 + 1} MB of features do not fit; free some space")
        unfinished = folder / f"{path.stem}.{os.getpid()}.tmp"
        try:
            with unfinished.open("wb") as file:
                file.write(header)
                file.truncate(total)
            make({name: np.memmap(unfinished, dtype, "r+", offsets[name], shape) for name, shape in shapes.items()})
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    with path.open("rb") as file:
        if file.read(len(header)) != header or path.stat().st_size != total:
            raise InputError(f"{path}: is not what its name says; delete it, it will be made anew")
    os.utime(path)
    return {name: np.memmap(path, dtype, "r", offsets[name], shape) for name, shape in shapes.items()}


def state_hash(*modules: nn.Module) -> str:
    """A hash of every parameter and buffer of frozen modules."""
    digest = hashlib.sha256()
    for module in modules:
        for name, value in module.state_dict().items():
            array = value.detach().cpu().contiguous().numpy()
            digest.update(f"{name} {array.dtype} {array.shape}\n".encode() + array.tobytes())
    return digest.hexdigest()


def code_hash(*sources: Callable[..., Any]) -> str:
    """A hash of the modules that these functions and classes stand in, and of the libraries that networks come from."""
    versions = " ".join(f"{library} {importlib.metadata.version(library)}" for library in LIBRARIES)
    digest = hashlib.sha256(versions.encode())
    for source in sources:
        module = inspect.getmodule(source)
        assert module is not None
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()


def _layout(
    made_of: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]], dtype: str
) -> tuple[bytes, dict[str, int], int]:
    """The first bytes of the file (length and JSON of the safetensors format), where in the file each array starts,
    and the size of the whole.
    """
    entries: dict[str, Any] = {"__metadata__": dict(made_of)}
    starts = {}
    end = 0
    for name, shape in shapes.items():
        starts[name], end = end, end + math.prod(shape) * np.dtype(dtype).itemsize
        entries[name] = {"dtype": SAFETENSORS_NAMES[dtype], "shape": shape, "data_offsets": [starts[name], end]}
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    header = len(text).to_bytes(8, "little") + text
    return header, {name: len(header) + start for name, start in starts.items()}, len(header) + end


def _forget_old(folder: Path) -> None:
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime < time.time() - KEEP_DAYS * 86400:
                path.unlink()
        except FileNotFoundError:  # another process was quicker
            pass
