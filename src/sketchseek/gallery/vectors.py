"""The vector engine: Qdrant Edge, in this process, with its files in one folder.

Search is exact, without a graph: a scan of 100,000 vectors of 512 numbers takes little longer than reading them from
memory. The vectors are split into segments, so that all cores scan at once. A point is a photo; its vector is the
single-vector form of the matcher.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import qdrant_edge as qdrant
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.matching import Distance

_DISTANCES = {"cosine": qdrant.Distance.Cosine, "euclid": qdrant.Distance.Euclid, "dot": qdrant.Distance.Dot}
_SEGMENTS = 8  # the number aimed at, enough for the cores of most machines
_LEAST_SEGMENT = 16_000  # kB; smaller ones are not worth a thread
_PAGE = 1_000  # points read at a time when all are read; no other thread runs meanwhile
_BLOCK = 2**20  # bytes copied at a time


class Scored(NamedTuple):
    """A point found. Higher scores are closer, for every distance; ``value`` is from its payload, if asked for."""

    id: UUID
    score: float
    value: Any


class Vectors:
    """The points of a gallery. One process at a time may hold them open, unless it opens a copy."""

    def __init__(
        self, shard: qdrant.EdgeShard, distance: Distance, copy: tempfile.TemporaryDirectory[str] | None = None
    ) -> None:
        self._shard = shard
        self._copy = copy  # deleted when these vectors are closed
        self._sign = -1 if distance == "euclid" else 1

    @staticmethod
    def create(folder: Path, dimensions: int, distance: Distance) -> None:
        """Make an empty store for vectors of this many dimensions."""
        vectors = {"": qdrant.EdgeVectorParams(size=dimensions, distance=_DISTANCES[distance])}
        flat = qdrant.HnswIndexConfig(m=0, ef_construct=4, full_scan_threshold=_LEAST_SEGMENT)  # m=0: no graph
        segments = qdrant.EdgeOptimizersConfig(default_segment_number=_SEGMENTS, indexing_threshold=_LEAST_SEGMENT)
        config = qdrant.EdgeConfig(vectors=vectors, hnsw_config=flat, optimizers=segments)
        qdrant.EdgeShard.create(str(folder), config).close()

    @classmethod
    def open(cls, folder: Path, distance: Distance) -> Vectors:
        """Raises InputError where another process holds the store, or where it is damaged or cannot be opened."""
        try:
            return cls(qdrant.EdgeShard.load(str(folder)), distance)
        except Exception as error:  # the engine's errors are all of one kind
            if "WouldBlock" in str(error):
                raise InputError(f"{folder.parent}: in use by another sketchseek process; end that one first") from None
            code = re.search(r"os error (\d+)", str(error))
            if code and int(code[1]) != errno.ENOENT:  # the machine's fault; nothing is wrong with the files
                reason = os.strerror(int(code[1]))
                raise InputError(f"{folder}: cannot be opened ({reason}); nothing is lost, try again later") from None
            raise InputError(f"{folder}: damaged ({error}); delete the gallery and index again") from None

    @classmethod
    def open_copy(cls, folder: Path, distance: Distance) -> Vectors:
        """Open a copy, as the engine writes to its files whenever it opens them. The copy lies in the system's folder
        for temporary files.

        Raises InputError as ``open`` does, and OSError where the files cannot be read or there is no room for a copy.
        """
        copy = tempfile.TemporaryDirectory(prefix="sketchseek-")
        try:
            shutil.copytree(folder, Path(copy.name) / folder.name, copy_function=_copy_sparsely)
            opened = cls.open(Path(copy.name) / folder.name, distance)
        except BaseException:
            copy.cleanup()
            raise
        opened._copy = copy
        return opened

    def __len__(self) -> int:
        return self._shard.count(qdrant.CountRequest())

    def put(self, ids: Sequence[UUID], vectors: NDArray[np.float32], payloads: Sequence[dict[str, Any]]) -> None:
        """Insert points, replacing those with the same ids. They survive a crash of the process.

        Raises OSError where the disk is full.
        """
        points = [qdrant.Point(point, {"": v}, load) for point, v, load in zip(ids, vectors, payloads, strict=True)]
        try:
            self._shard.update(qdrant.UpdateOperation.upsert_points(points))
        except Exception as error:  # the engine's errors are all of one kind
            if "space" not in str(error).lower():
                raise
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error

    def optimize(self) -> None:
        """Move new points to a segment of their own, once there are enough. Searches go on meanwhile."""
        self._shard.optimize()

    def set_payload(self, ids: Sequence[UUID], values: dict[str, Any]) -> None:
        """Set some values of the payload of points, and keep the others. Survives a crash of the process."""
        self._shard.update(qdrant.UpdateOperation.set_payload(list(ids), values))

    def delete(self, ids: Sequence[UUID]) -> None:
        self._shard.update(qdrant.UpdateOperation.delete_points(list(ids)))

    def nearest(self, vector: NDArray[np.float32], limit: int, key: str | None = None) -> list[Scored]:
        """The ``limit`` points closest to ``vector`` ``[d]``, closest first, in any order among equal scores.

        With ``key``, each comes with that value of its payload.
        """
        query = qdrant.Query.Nearest(vector.tolist())
        exact = qdrant.SearchParams(exact=True)
        wanted = False if key is None else qdrant.PayloadSelector.Include([key])
        found = self._shard.query(qdrant.QueryRequest(limit, query=query, params=exact, with_payload=wanted))
        return [Scored(_uuid(p.id), self._sign * p.score, key and (p.payload or {})[key]) for p in found]

    def payloads(self, ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """The payload of each point. Raises KeyError for a point that is not there."""
        records = self._shard.retrieve(list(ids), with_payload=True, with_vector=False)
        payloads = {_uuid(record.id): record.payload or {} for record in records}
        return [payloads[point] for point in ids]

    def all_payloads(self) -> Iterator[tuple[UUID, dict[str, Any]]]:
        """All points with their payloads, in the order of the ids."""
        offset = None
        while True:
            request = qdrant.ScrollRequest(offset=offset, limit=_PAGE, with_payload=True, with_vector=False)
            records, offset = self._shard.scroll(request)
            for record in records:
                yield _uuid(record.id), record.payload or {}
            if offset is None:
                return

    def flush(self) -> None:
        """Flush everything to disk (fsync)."""
        self._shard.flush()

    def close(self) -> None:
        self._shard.close()
        if self._copy is not None:
            self._copy.cleanup()


def _copy_sparsely(source: str, target: str) -> None:
    """Copy a file with holes where it holds zeros only: the engine's files are mostly room to grow into."""
    with open(source, "rb") as old, open(target, "wb") as new:
        while block := old.read(_BLOCK):
            if any(block):
                new.write(block)
            else:
                new.seek(len(block), os.SEEK_CUR)
        new.truncate(old.tell())


def _uuid(point: qdrant.PointId) -> UUID:
    assert isinstance(point, UUID)  # the engine allows integers too, but all our ids are UUIDs
    return point
