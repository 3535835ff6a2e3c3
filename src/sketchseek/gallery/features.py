"""What a matcher compares in full: one record of float16 a photo, in one append-only file that is mapped into memory.

    features.f16    int64 kept, int64 next, `kept` row numbers int64, then the records; all little-endian

A row is on the disk before the point in the vector engine that names it: the point is the commit, and a row that no
point names is garbage (of a killed run, of photos that were replaced or deleted). A row keeps its number for good. Once
garbage was dropped (``compact``) the first ``kept`` records are the rows listed, and row ``next`` comes after them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.files import delete_leftovers, replace_file
from sketchseek.matching import Features
from sketchseek.matching.distances import as_float32

_LARGEST = float(np.finfo(np.float16).max)
_COPIED_TOGETHER = 2**24  # bytes


class _Mapped(NamedTuple):
    """The file as it was at one moment; stays valid for whoever reads it while rows are added or dropped."""

    records: NDArray[np.float16]  # [records, numbers]
    kept: NDArray[np.int64]
    next: int


class FeatureFile:
    """The open file of features of ``shapes`` ``{name: shape of one photo's}``. One thread at a time may write; any
    number may read meanwhile.

    Raises InputError where the file is missing or damaged.
    """

    def __init__(self, path: Path, shapes: Mapping[str, Sequence[int]]) -> None:
        self._path = path
        self._shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self._sizes = {name: prod(shape) for name, shape in self._shapes.items()}
        self._width = sum(self._sizes.values())
        self.record_bytes = 2 * self._width
        self._open()

    @staticmethod
    def create(path: Path) -> None:
        """Write a file without records. Raises OSError."""
        path.write_bytes(np.zeros(2, "<i8").tobytes())

    def _open(self) -> None:
        try:
            delete_leftovers(self._path)
            self._file = self._path.open("r+b", buffering=0)
            size = os.path.getsize(self._path)
            count, next_row = np.frombuffer(self._file.read(16), "<i8").tolist()
            if not 0 <= count * (8 + self.record_bytes) <= size - 16:
                raise ValueError("it is cut off")
            kept = np.frombuffer(self._file.read(8 * count), "<i8")
            self._start = 16 + 8 * count
            records = (size - self._start) // self.record_bytes
            self._file.truncate(self._start + records * self.record_bytes)  # a killed run may leave part of a record
        except FileNotFoundError:
            raise self._damaged("it is missing") from None
        except OSError as error:
            raise InputError(
                f"{self._path}: cannot be opened ({error.strerror}); make it readable and writable"
            ) from None
        except ValueError as error:
            raise self._damaged(error) from None
        self._mapped = _Mapped(self._map(records), kept, next_row)

    def _map(self, records: int) -> NDArray[np.float16]:
        if not records:  # nothing cannot be mapped
            return np.zeros((0, self._width), "<f2")
        return np.memmap(self._path, "<f2", "r", self._start, (records, self._width))

    @property
    def records(self) -> int:
        """How many records there are, garbage included."""
        return len(self._mapped.records)

    def append(self, features: Features) -> range:
        """Add a record for each item of ``features`` and return their rows. When this returns they survive a power cut.

        Raises OSError, with nothing added, where the disk is full.
        """
        joined = np.concatenate([np.reshape(features[name], (-1, size)) for name, size in self._sizes.items()], axis=1)
        # What is beyond the range of float16 stays as far off as can be: infinity would make distances of NaN.
        records = np.clip(joined, -_LARGEST, _LARGEST).astype("<f2")
        end = self._start + self.records * self.record_bytes
        try:
            self._file.seek(end)
            left = records.tobytes()
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(end)
            raise
        first = self._next_row()
        self._mapped = self._mapped._replace(records=self._map(self.records + len(records)))
        return range(first, first + len(records))

    def read(self, rows: Sequence[int]) -> Features:
        """The features of rows, in their order, float32 ``{name: [rows, *shape]}``.

        Raises InputError for a row that the file does not have.
        """
        mapped = self._mapped
        records = mapped.records[self._places(mapped, np.asarray(rows, np.int64))]
        found, start = {}, 0
        for name, size in self._sizes.items():
            found[name] = as_float32(records[:, start : start + size]).reshape(len(records), *self._shapes[name])
            start += size
        return found

    def compact(self, rows: Iterable[int]) -> None:
        """Drop every row but these. The file is the old one or the new one, whatever happens.

        Raises OSError, with nothing changed, where the disk is full, and InputError as ``read`` does.
        """
        kept = np.unique(np.fromiter(rows, np.int64))
        places = self._places(self._mapped, kept)
        together = 1 + _COPIED_TOGETHER // self.record_bytes
        # Durable, or a power cut may bring back the old file, without what is appended next.
        with replace_file(self._path, durable=True) as unfinished, unfinished.open("wb") as file:
            file.write(np.array([len(kept), self._next_row(), *kept], "<i8").tobytes())
            for start in range(0, len(places), together):
                file.write(self._mapped.records[places[start : start + together]].tobytes())
        with self._file:  # of the file that was replaced
            self._open()

    def close(self) -> None:
        self._file.close()

    def _next_row(self) -> int:
        return self._mapped.next + self.records - len(self._mapped.kept)

    def _places(self, mapped: _Mapped, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which record each row is."""
        places = rows - mapped.next + len(mapped.kept)
        old = rows < mapped.next
        places[old] = np.searchsorted(mapped.kept, rows[old])
        found = np.append(mapped.kept, -1)[places[old]]
        if (rows < 0).any() or (found != rows[old]).any() or (places >= len(mapped.records)).any():
            raise self._damaged("records are missing")
        return places

    def _damaged(self, reason: object) -> InputError:
        return InputError(f"{self._path}: damaged ({reason}); delete the gallery and index again")
