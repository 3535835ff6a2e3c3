"""The vector engine: Qdrant Edge, in this process, with its files in one folder, mapped into memory.

A point is a photo; its vector is the single-vector form of the matcher. The vectors are split into segments, so that
all cores search at once. How a segment is searched depends on its size:

* below 16 MB its float32 vectors are scanned,
* above, their int8 copies are scanned, a quarter of the bytes, and the best of them are compared in float32 again,
* where there are very many photos, a graph (HNSW) leads to the best int8 copies. ``tune`` builds it and measures how
  far it must be followed to find what an exact scan finds.

    search.json    {"format", "photos": how many there were, "effort", "recall"}, once ``tune`` has measured
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Condition
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import qdrant_edge as qdrant
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.files import decode_json, write_file
from sketchseek.formats import SEARCH_FORMAT
from sketchseek.matching import Distance

_DISTANCES = {"cosine": qdrant.Distance.Cosine, "euclid": qdrant.Distance.Euclid, "dot": qdrant.Distance.Dot}
_SEGMENTS = 8  # the number aimed at, enough for the cores of most machines
_LEAST_SEGMENT = 16_000  # kB; smaller ones are not worth a thread
_PAGE = 1_000  # points read at a time when all are read; no other thread runs meanwhile
_BLOCK = 2**20  # bytes copied at a time
RESCORED = 3  # times as many int8 vectors as are asked for are compared in float32 again
_GRAPH_FROM = 250_000  # photos; fewer are scanned within some milliseconds
_GROWN = 1.25  # times as many photos as when it was measured; then it is measured again
_EFFORTS = (64, 128, 256, 512, 1024)  # HNSW's ef: how many candidates are kept while the graph is followed
_RECALL, _RECALL_AT = 0.985, 10  # what the effort must reach, a little more than the 0.98 that is promised
_SEARCH = "search.json"


class Scored(NamedTuple):
    """A point found. Higher scores are closer, for every distance; ``value`` is from its payload, if asked for."""

    id: UUID
    score: float
    value: Any


class Vectors:
    """The points of a gallery. One process at a time may hold them open, unless it opens a copy. One thread at a time
    may change them; any number may search and read meanwhile.
    """

    def __init__(
        self,
        folder: Path,
        shard: qdrant.EdgeShard,
        distance: Distance,
        copy: tempfile.TemporaryDirectory[str] | None = None,
    ) -> None:
        self._folder = folder
        self._shard = shard
        self._copy = copy  # deleted when these vectors are closed
        self._distance = distance
        self._sign = -1 if distance == "euclid" else 1
        self._idle = Condition()
        self._users = 0  # threads that are using the shard
        self._tuned = _Tuned.read(folder / _SEARCH)

    @staticmethod
    def create(folder: Path, dimensions: int, distance: Distance) -> None:
        """Make an empty store for vectors of this many dimensions."""
        qdrant.EdgeShard.create(str(folder), _config(dimensions, distance)).close()

    @classmethod
    def open(cls, folder: Path, distance: Distance) -> Vectors:
        """Raises InputError where another process holds the store, or where it is damaged or cannot be opened."""
        try:
            return cls(folder, qdrant.EdgeShard.load(str(folder)), distance)
        except Exception as error:  # the engine's errors are all of one kind
            if "WouldBlock" in str(error):
                gallery = folder.parent.parent
                raise InputError(f"{gallery}: in use by another sketchseek process; end that one first") from None
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
        with self._using() as shard:
            return shard.count(qdrant.CountRequest())

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

    def tune(self, queries: Callable[[], NDArray[np.float32]]) -> None:
        """Build a graph where there are many points, and measure with ``queries`` ``[n, d]`` how far to follow it.

        Does nothing for few points, or where not many have come since. Searches go on meanwhile.
        Where the graph misses too much even with most effort, searches scan instead.
        """
        count = len(self)
        if count < _GRAPH_FROM or (self._tuned and count < _GROWN * self._tuned.photos):
            return
        asked = queries()
        with self._idle:
            self._idle.wait_for(lambda: not self._users)
            self._shard.close()
            wanted = _config(asked.shape[1], self._distance, with_graph=True)
            self._shard = qdrant.EdgeShard.load(str(self._folder), wanted)
        self._shard.optimize()
        right = [{point.id for point in self.nearest(query, _RECALL_AT, exact=True)} for query in asked]
        effort, recall = None, 0.0
        for tried in _EFFORTS:
            found = [{point.id for point in self._query(query, _RECALL_AT, _params(tried), None)} for query in asked]
            recall = sum(len(some & all_) for some, all_ in zip(found, right, strict=True)) / (_RECALL_AT * len(asked))
            if recall >= _RECALL:
                effort = tried
                break
        self._tuned = _Tuned(count, effort, round(recall, 4))
        self._tuned.write(self._folder / _SEARCH)

    def set_payload(self, ids: Sequence[UUID], values: dict[str, Any]) -> None:
        """Set some values of the payload of points, and keep the others. Survives a crash of the process."""
        self._shard.update(qdrant.UpdateOperation.set_payload(list(ids), values))

    def delete(self, ids: Sequence[UUID]) -> None:
        self._shard.update(qdrant.UpdateOperation.delete_points(list(ids)))

    def nearest(
        self, vector: NDArray[np.float32], limit: int, key: str | None = None, exact: bool = False
    ) -> list[Scored]:
        """The ``limit`` points closest to ``vector`` ``[d]``, closest first, in any order among equal scores.

        With ``key``, each comes with that value of its payload. Scores are those of the float32 vectors; but of a large
        gallery a few of the points may be missed, unless the search is to be ``exact``.
        """
        exact = exact or (self._tuned is not None and self._tuned.effort is None)
        effort = self._tuned.effort if self._tuned else _EFFORTS[-1]
        return self._query(vector, limit, qdrant.SearchParams(exact=True) if exact else _params(effort), key)

    def _query(
        self, vector: NDArray[np.float32], limit: int, params: qdrant.SearchParams, key: str | None
    ) -> list[Scored]:
        query = qdrant.Query.Nearest(vector.tolist())
        wanted = False if key is None else qdrant.PayloadSelector.Include([key])
        with self._using() as shard:
            found = shard.query(qdrant.QueryRequest(limit, query=query, params=params, with_payload=wanted))
        return [Scored(_uuid(p.id), self._sign * p.score, key and (p.payload or {})[key]) for p in found]

    def payloads(self, ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """The payload of each point. Raises KeyError for a point that is not there."""
        with self._using() as shard:
            records = shard.retrieve(list(ids), with_payload=True, with_vector=False)
        payloads = {_uuid(record.id): record.payload or {} for record in records}
        return [payloads[point] for point in ids]

    def values(self, ids: Sequence[UUID], key: str) -> list[Any]:
        """One value of the payload of each point. Raises KeyError for a point that is not there."""
        return [payload[key] for payload in self.payloads(ids)]

    def all_values(self, key: str) -> Iterator[tuple[UUID, Any]]:
        """All points with one value of their payloads, in the order of the ids."""
        return ((point, payload[key]) for point, payload in self.all_payloads())

    def all_payloads(self) -> Iterator[tuple[UUID, dict[str, Any]]]:
        """All points with their payloads, in the order of the ids."""
        offset = None
        while True:
            request = qdrant.ScrollRequest(offset=offset, limit=_PAGE, with_payload=True, with_vector=False)
            with self._using() as shard:
                records, offset = shard.scroll(request)
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

    @contextmanager
    def _using(self) -> Iterator[qdrant.EdgeShard]:
        """The shard, for reading beside other threads; it is not closed meanwhile."""
        with self._idle:
            self._users += 1
        try:
            yield self._shard
        finally:
            with self._idle:
                self._users -= 1
                self._idle.notify_all()


class _Tuned(NamedTuple):
    """What ``tune`` measured. ``effort`` is None where searches scan, as the graph misses too much."""

    photos: int
    effort: int | None
    recall: float

    @classmethod
    def read(cls, path: Path) -> _Tuned | None:
        """None where nothing was measured, or the file is of another version or damaged: then it is measured again."""
        try:
            content = decode_json(path.read_text())
            if content["format"] != SEARCH_FORMAT:
                return None
            return cls(int(content["photos"]), content["effort"] and int(content["effort"]), float(content["recall"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Raises OSError."""
        write_file(path, json.dumps({"format": SEARCH_FORMAT, **self._asdict()}) + "\n")


def _config(dimensions: int, distance: Distance, with_graph: bool = False) -> qdrant.EdgeConfig:
    m, ef_construct = (16, 128) if with_graph else (0, 4)  # m=0: no graph
    return qdrant.EdgeConfig(
        vectors={"": qdrant.EdgeVectorParams(size=dimensions, distance=_DISTANCES[distance])},
        hnsw_config=qdrant.HnswIndexConfig(m=m, ef_construct=ef_construct, full_scan_threshold=_LEAST_SEGMENT),
        quantization_config=qdrant.ScalarQuantizationConfig(type=qdrant.ScalarType.Int8, memory=qdrant.Memory.Cached),
        optimizers=qdrant.EdgeOptimizersConfig(default_segment_number=_SEGMENTS, indexing_threshold=_LEAST_SEGMENT),
    )


def _params(effort: int | None) -> qdrant.SearchParams:
    rescored = qdrant.QuantizationSearchParams(rescore=True, oversampling=RESCORED)
    return qdrant.SearchParams(hnsw_ef=effort, quantization=rescored)


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
