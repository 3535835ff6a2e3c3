"""The file of features for exact matching: one float16 record a photo, append-only and memory-mapped.

    features.f16    int64 kept, int64 next, `kept` row numbers int64, then the records; all little-endian

Each photo's point in the vector engine holds the row number of its record. The record is written first and the point
second, so the point is the commit: a row that no point refers to is garbage, left by a killed run or by photos that
were replaced or deleted. Row numbers never change. After ``compact`` has dropped the garbage, the first ``kept``
records are those of the rows listed in the header, and the record after them is row ``next``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.files import delete_leftovers, replace_file
from sketchseek.matching import Features
from sketchseek.matching.distances import as_float32

_LARGEST = float(np.finfo(np.float16).max)
_COPIED_TOGETHER = 2**24  # bytes
READ_TOGETHER = 64 * 2**20  # bytes of features that are read at a time, where all are


class RecordLayout:
    """How the features of a photo, whose shapes are given by name, lie in one float16 record."""

    def __init__(self, shapes: Mapping[str, Sequence[int]]) -> None:
        self._shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self._sizes = {name: prod(shape) for name, shape in self._shapes.items()}
        self.width = sum(self._sizes.values())
        self.record_bytes = 2 * self.width

    def pack(self, features: Features) -> NDArray[np.float16]:
        """A record for each item: ``[items, width]``, little-endian."""
        joined = np.concatenate([np.reshape(features[name], (-1, size)) for name, size in self._sizes.items()], axis=1)
        # Clipped to the range of float16: infinities would turn distances into NaN.
        return np.clip(joined, -_LARGEST, _LARGEST).astype("<f2")

    def unpack(self, records: NDArray[np.float16]) -> Features:
        """The features of records, float32 ``{name: [records, *shape]}``."""
        found, start = {}, 0
        for name, size in self._sizes.items():
            found[name] = as_float32(records[:, start : start + size]).reshape(len(records), *self._shapes[name])
            start += size
        return found


class _Mapped(NamedTuple):
    """A snapshot of the file, which readers may go on using while rows are added or dropped."""

    records: NDArray[np.float16]  # [records, numbers]
    kept: NDArray[np.int64]
    next: int


class FeatureFile:
    """An open feature file. One thread at a time may write; any number may read meanwhile.

    ``shapes`` is the shape of each feature of one photo, by name. One that is not ``writable`` is only read. Raises
    InputError where the file is missing or damaged.
    """

    def __init__(self, path: Path, shapes: Mapping[str, Sequence[int]], writable: bool = True) -> None:
        self._path = path
        self._writable = writable
        self._layout = RecordLayout(shapes)
        self.record_bytes = self._layout.record_bytes
        self._open()

    @staticmethod
    def create(path: Path) -> None:
        """Write a file that has no records yet. Raises OSError."""
        path.write_bytes(np.zeros(2, "<i8").tobytes())

    def _open(self) -> None:
        try:
            if self._writable:
                delete_leftovers(self._path)
            self._file = self._path.open("r+b" if self._writable else "rb", buffering=0)
            size = os.path.getsize(self._path)
            count, next_row = np.frombuffer(self._file.read(16), "<i8").tolist()
            if not 0 <= count * (8 + self.record_bytes) <= size - 16:
                raise ValueError("it is cut off")
            kept = np.frombuffer(self._file.read(8 * count), "<i8")
            self._start = 16 + 8 * count
            records = (size - self._start) // self.record_bytes
            if self._writable:  # a killed run may leave part of a record
                self._file.truncate(self._start + records * self.record_bytes)
        except FileNotFoundError:
            raise self._damaged("it is missing") from None
        except OSError as error:
            raise InputError(f"{self._path}: cannot be opened ({error.strerror}); make it readable") from None
        except ValueError as error:
            raise self._damaged(error) from None
        self._mapped = _Mapped(self._map(records), kept, next_row)

    def _map(self, records: int) -> NDArray[np.float16]:
        if not records:  # an empty range cannot be mapped
            return np.zeros((0, self._layout.width), "<f2")
        return np.memmap(self._path, "<f2", "r", self._start, (records, self._layout.width))

    @property
    def records(self) -> int:
        """The number of records, garbage included."""
        return len(self._mapped.records)

    def append(self, features: Features) -> range:
        """Add a record for each item of ``features`` and return their rows. The records are flushed to disk (fsync).

        Raises OSError where the disk is full; nothing is added then.
        """
        records = self._layout.pack(features)
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
        """The features of some rows, float32 ``{name: [rows, *shape]}`` in the order of ``rows``.

        Raises InputError for a row that is not in the file.
        """
        mapped = self._mapped
        return self._layout.unpack(mapped.records[self._places(mapped, np.asarray(rows, np.int64))])

    def parts(self, rows: Iterable[tuple[UUID, int]]) -> Iterator[list[tuple[UUID, Any]]]:
        """Points with their rows, as many at a time as take 64 MB as float32, in the order of the file."""
        ordered = sorted(rows, key=lambda pair: pair[1])
        together = 1 + READ_TOGETHER // (2 * self.record_bytes)
        for start in range(0, len(ordered), together):
            yield ordered[start : start + together]

    def compact(self, rows: Iterable[int]) -> None:
        """Rewrite the file with these rows only. If the process is killed the old file stays.

        Raises OSError where the disk is full, with nothing changed, and InputError as ``read`` does.
        """
        kept = np.unique(np.fromiter(rows, np.int64))
        places = self._places(self._mapped, kept)
        together = 1 + _COPIED_TOGETHER // self.record_bytes
        # Durable, because after a power cut the old file must not return without the rows that are appended next.
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
        """The index of each row's record in the file."""
        places = rows - mapped.next + len(mapped.kept)
        old = rows < mapped.next
        places[old] = np.searchsorted(mapped.kept, rows[old])
        found = np.append(mapped.kept, -1)[places[old]]
        if (rows < 0).any() or (found != rows[old]).any() or (places >= len(mapped.records)).any():
            raise self._damaged("records are missing")
        return places

    def _damaged(self, reason: object) -> InputError:
        return InputError(f"{self._path}: damaged ({reason}); delete the gallery and index again")
