"""Photos on a Qdrant cluster, through ``qdrant-client``: the same calls as ``vectors.Vectors``, and the same answers.

    qdrant+http://host:6333/collection?shards=4&replicas=2

or ``qdrant+https``; the API key is read from the environment (QDRANT_API_KEY). Shards and replicas count when the
collection is created. Any number of processes on any number of machines may use a collection at once.

The features for exact matching lie in the payload of a point. So a point is the commit here too, writers on several
machines need no file that they all append to, and nothing has to be cleaned up after a killed one. They are only asked
for where photos are matched in full.
"""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.gallery.features import READ_TOGETHER, RecordLayout
from sketchseek.gallery.vectors import RESCORED, Scored
from sketchseek.matching import Distance, Features

try:
    from qdrant_client import QdrantClient, models
    from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse
except ModuleNotFoundError:
    raise InputError("a gallery on a cluster needs more packages: pip install 'sketchseek[cluster]'") from None

T = TypeVar("T")

FEATURES = "row"  # the payload's key for the features, as base64 of float16
KEY_VARIABLE = "QDRANT_API_KEY"
_FORMAT = "sketchseek-gallery-points-1"  # of the collection, in its metadata
_SECONDS = 30  # until an answer is given up
_WAITS = (0.25, 1.0, 4.0)  # seconds before a call that failed is made again
_PAGE = 1_000  # points read at a time when all are read
_FEATURE_PAGE = 100  # as _PAGE, with features
_EFFORT = 256  # HNSW's ef
_BUSY = frozenset({429, 500, 502, 503, 504})  # HTTP status of what may go well the next time


class Address(NamedTuple):
    """A collection on a cluster."""

    url: str  # http or https, of the server
    collection: str
    shards: int = 1
    replicas: int = 1

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``qdrant+http://host:6333/collection?shards=4&replicas=2``. Raises InputError."""
        # A path loses one of two slashes.
        parts = urlsplit(re.sub(r"^qdrant\+(https?):/+", r"\1://", text))
        asked = parse_qs(parts.query, keep_blank_values=True)
        name = parts.path.strip("/")
        try:
            port = parts.port or 6333
            numbers = {key: int(values[-1]) for key, values in asked.items()}
            if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[\w.-]+", name):
                raise ValueError
            if not numbers.keys() <= {"shards", "replicas"} or min(numbers.values(), default=1) < 1:
                raise ValueError
        except ValueError:
            raise InputError(f"{text}: write qdrant+http://HOST:6333/COLLECTION, or qdrant+https") from None
        return cls(f"{parts.scheme}://{parts.hostname}:{port}", name, **numbers)

    def __str__(self) -> str:
        return f"qdrant+{self.url}/{self.collection}"


def collection_of(text: str, model: str, dimensions: int, distance: Distance) -> str:
    """The address of the collection ``text``, which is made for a model, by hash, where there is none yet.

    Raises InputError where it is of another model, or no gallery.
    """
    vectors = ClusterVectors(Address.parse(text), distance)
    about = vectors.about()
    if about is None:
        vectors.create(dimensions, distance, {"format": _FORMAT, "model": model})
    elif about.get("format") != _FORMAT:
        raise InputError(f"{text}: is no gallery of this version of Sketchseek; name another collection")
    elif about.get("model") != model:
        found = str(about.get("model"))
        raise InputError(f"{text}: is of another model ({found[:12]}, not {model[:12]}); name its folder with --model")
    vectors.close()
    return text


def is_there(text: str) -> bool:
    """Whether there is a collection at an address."""
    vectors = ClusterVectors(Address.parse(text), "cosine")
    found = vectors.about() is not None
    vectors.close()
    return found


def connect(address: Address) -> QdrantClient:
    """A connection to the cluster, which is made when it is first used."""
    return QdrantClient(
        url=address.url, api_key=os.environ.get(KEY_VARIABLE), timeout=_SECONDS, check_compatibility=False
    )


class ClusterVectors:
    """The points of a gallery on a cluster. Any number of threads and processes may use them at once.

    A call that fails is made again three times, with longer and longer waits; all calls may be made twice. Every method
    raises InputError where the cluster does not answer, or stores on fewer replicas than it should.
    """

    def __init__(self, address: Address, distance: Distance, client: QdrantClient | None = None) -> None:
        self._address = address
        self._client = client or connect(address)
        self._collection = address.collection
        self._sign = -1 if distance == "euclid" else 1

    def create(self, dimensions: int, distance: Distance, about: Mapping[str, str]) -> None:
        """Make an empty collection, which keeps what is to be known ``about`` it."""
        distances = {
            "cosine": models.Distance.COSINE,
            "euclid": models.Distance.EUCLID,
            "dot": models.Distance.DOT,
        }
        int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8)
        self._ask(
            lambda: self._client.create_collection(
                self._collection,
                vectors_config=models.VectorParams(size=dimensions, distance=distances[distance], on_disk=True),
                shard_number=self._address.shards,
                replication_factor=self._address.replicas,
                write_consistency_factor=self._address.replicas // 2 + 1,  # a majority
                quantization_config=models.ScalarQuantization(scalar=int8),
                on_disk_payload=True,
                metadata=dict(about),
            )
        )

    def about(self) -> Mapping[str, str] | None:
        """What was written when the collection was created; None where there is no such collection."""
        if not self._ask(lambda: self._client.collection_exists(self._collection)):
            return None
        return self._ask(lambda: self._client.get_collection(self._collection)).config.metadata or {}

    def __len__(self) -> int:
        return self._ask(lambda: self._client.count(self._collection, exact=True)).count

    def put(self, ids: Sequence[UUID], vectors: NDArray[np.float32], payloads: Sequence[dict[str, Any]]) -> None:
        """Insert points, replacing those with the same ids. They are stored when this returns."""
        points = [
            models.PointStruct(id=str(point), vector=vector.tolist(), payload=payload)
            for point, vector, payload in zip(ids, vectors, payloads, strict=True)
        ]
        self._change(lambda: self._client.upsert(self._collection, points, wait=True))

    def optimize(self) -> None:
        """The cluster does so by itself."""

    def tune(self, queries: Callable[[], NDArray[np.float32]]) -> None:
        """The cluster builds its graphs by itself; how far they are followed is fixed."""

    def set_payload(self, ids: Sequence[UUID], values: dict[str, Any]) -> None:
        """Set some values of the payload of points, and keep the others."""
        self._change(lambda: self._client.set_payload(self._collection, values, _strings(ids), wait=True))

    def delete(self, ids: Sequence[UUID]) -> None:
        self._change(lambda: self._client.delete(self._collection, _strings(ids), wait=True))

    def nearest(
        self, vector: NDArray[np.float32], limit: int, key: str | None = None, exact: bool = False
    ) -> list[Scored]:
        """As ``Vectors.nearest``."""
        rescored = models.QuantizationSearchParams(rescore=True, oversampling=RESCORED)
        found = self._ask(
            lambda: self._client.query_points(
                self._collection,
                query=vector.tolist(),
                limit=limit,
                with_payload=False if key is None else [key],
                search_params=models.SearchParams(hnsw_ef=_EFFORT, exact=exact, quantization=rescored),
            )
        ).points
        return [Scored(UUID(str(p.id)), self._sign * p.score, key and (p.payload or {})[key]) for p in found]

    def payloads(self, ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """The payload of each point, without its features. Raises KeyError for a point that is not there."""
        return self._retrieved(ids, models.PayloadSelectorExclude(exclude=[FEATURES]))

    def values(self, ids: Sequence[UUID], key: str) -> list[Any]:
        """One value of the payload of each point. Raises KeyError for a point that is not there."""
        return [payload[key] for payload in self._retrieved(ids, models.PayloadSelectorInclude(include=[key]))]

    def _retrieved(self, ids: Sequence[UUID], wanted: Any) -> list[dict[str, Any]]:
        records = self._ask(lambda: self._client.retrieve(self._collection, _strings(ids), with_payload=wanted))
        payloads = {UUID(str(record.id)): record.payload or {} for record in records}
        return [payloads[point] for point in ids]

    def all_payloads(self) -> Iterator[tuple[UUID, dict[str, Any]]]:
        """All points with their payloads, without features, in the order of the ids."""
        return self._scrolled(models.PayloadSelectorExclude(exclude=[FEATURES]), _PAGE)

    def all_values(self, key: str) -> Iterator[tuple[UUID, Any]]:
        """All points with one value of their payloads, in the order of the ids."""
        pages = self._scrolled(models.PayloadSelectorInclude(include=[key]), _FEATURE_PAGE)
        return ((point, payload[key]) for point, payload in pages)

    def _scrolled(self, wanted: Any, page: int) -> Iterator[tuple[UUID, dict[str, Any]]]:
        offset: Any = None
        while True:
            records, offset = self._ask(
                lambda: self._client.scroll(self._collection, limit=page, offset=offset, with_payload=wanted)  # noqa: B023
            )
            for record in records:
                yield UUID(str(record.id)), record.payload or {}
            if offset is None:
                return

    def flush(self) -> None:
        """All is stored already when a call returns."""

    def close(self) -> None:
        self._client.close()

    def _change(self, call: Callable[[], Any]) -> None:
        result = self._ask(call)
        if result.status != models.UpdateStatus.COMPLETED:
            raise self._error(f"it took the change, but has not stored it within {_SECONDS} seconds")

    def _ask(self, call: Callable[[], T]) -> T:
        for wait in (*_WAITS, None):
            try:
                return call()
            except UnexpectedResponse as error:
                reason = f"HTTP status {error.status_code}, {_message(error)}"
                if error.status_code in (401, 403):
                    raise self._error(f"{reason}; set {KEY_VARIABLE}") from None
                if error.status_code not in _BUSY:
                    raise self._error(reason) from None
            except ResourceExhaustedResponse as error:
                reason = str(error)
            except ResponseHandlingException as error:  # no connection, or no answer in time
                reason = str(error)
            if wait is not None:
                time.sleep(wait)
        raise self._error(reason)

    def _error(self, reason: str) -> InputError:
        return InputError(f"{self._address}: {reason}; what was stored before is kept, try again")


class PayloadFeatures:
    """Features for exact matching as they lie in payloads: a row is the record itself, as base64.

    The calls are those of ``features.FeatureFile``.
    """

    records = 0  # that could be garbage: a record goes with its point

    def __init__(self, shapes: Mapping[str, Sequence[int]]) -> None:
        self._layout = RecordLayout(shapes)
        self.record_bytes = self._layout.record_bytes

    def append(self, features: Features) -> list[str]:
        """The row of each item of ``features``."""
        return [base64.b64encode(record.tobytes()).decode() for record in self._layout.pack(features)]

    def read(self, rows: Sequence[str]) -> Features:
        """The features of some rows, float32 ``{name: [rows, *shape]}``."""
        joined = b"".join(map(base64.b64decode, rows))
        return self._layout.unpack(np.frombuffer(joined, "<f2").reshape(len(rows), -1))

    def parts(self, rows: Iterable[tuple[UUID, str]]) -> Iterator[list[tuple[UUID, Any]]]:
        """Points with their rows, as many at a time as take 64 MB as float32, in the order given."""
        left = iter(rows)
        while part := list(islice(left, 1 + READ_TOGETHER // (2 * self.record_bytes))):
            yield part

    def compact(self, rows: Iterable[str]) -> None:
        """There is no garbage."""

    def close(self) -> None:
        """Nothing is open."""


def _strings(ids: Sequence[UUID]) -> list[Any]:
    return [str(point) for point in ids]


def _message(error: UnexpectedResponse) -> str:
    try:
        return str(error.structured()["status"]["error"])
    except (ValueError, KeyError, TypeError):
        return error.reason_phrase or "no reason given"
