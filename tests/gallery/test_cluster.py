"""A gallery's points on a cluster: the same answers as the engine inside the process gives, and failures in one line.

The cluster is ``qdrant-client``'s local mode, or a server of this file that fails; and where SKETCHSEEK_CLUSTER is the
address of a collection that may be deleted, a real one (deploy/compose.yaml).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from qdrant_client import QdrantClient

from sketchseek.errors import InputError
from sketchseek.gallery import cluster
from sketchseek.gallery.cluster import Address, ClusterVectors, PayloadFeatures
from sketchseek.gallery.features import FeatureFile
from sketchseek.gallery.vectors import Scored, Vectors
from sketchseek.matching import Distance

COUNT, DIMENSIONS = 60, 8
ADDRESS = Address.parse("qdrant+http://cluster:6333/photos")
REAL = os.environ.get("SKETCHSEEK_CLUSTER")


def assert_same(found: list[Scored], expected: list[Scored]) -> None:
    assert [(hit.id, hit.value) for hit in found] == [(hit.id, hit.value) for hit in expected]
    np.testing.assert_allclose([hit.score for hit in found], [hit.score for hit in expected], rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Local mode")
@pytest.mark.parametrize("distance", ["cosine", "euclid", "dot"])
@pytest.mark.parametrize(
    "real",
    [False, pytest.param(True, marks=pytest.mark.skipif(not REAL, reason="SKETCHSEEK_CLUSTER names no cluster"))],
)
def test_the_same_calls_have_the_same_answers(tmp_path: Path, distance: Distance, real: bool) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(COUNT, DIMENSIONS)).astype(np.float32)
    ids = [UUID(int=n) for n in range(COUNT)]
    payloads: list[dict[str, Any]] = [
        {"files": [[f"/{n}.jpg", n, n]], "width": n, "offline": False} for n in range(COUNT)
    ]
    Vectors.create(tmp_path / "vectors", DIMENSIONS, distance)
    edge = Vectors.open(tmp_path / "vectors", distance)
    address = Address.parse(REAL) if real and REAL else ADDRESS
    client = cluster.connect(address) if real else QdrantClient(path=str(tmp_path / "local"))
    client.delete_collection(address.collection)
    remote = ClusterVectors(address, distance, client)
    assert remote.about() is None
    remote.create(DIMENSIONS, distance, {"model": "0123"})
    assert remote.about() == {"model": "0123"}

    for vectors in (edge, remote):
        for start in range(0, COUNT, 20):
            vectors.put(ids[start : start + 20], rows[start : start + 20], payloads[start : start + 20])
        vectors.put(ids[:1], -rows[1:2], [{**payloads[0], "width": 99}])  # instead of what it was
        vectors.set_payload(ids[2:4], {"offline": True})
        vectors.delete(ids[5:8])
        vectors.optimize()
        vectors.flush()
    for vectors in (edge, remote):
        assert len(vectors) == COUNT - 3
        with pytest.raises(KeyError):
            vectors.payloads(ids[4:6])
    assert remote.payloads(ids[:5]) == edge.payloads(ids[:5])
    assert remote.values(ids[:5], "width") == edge.values(ids[:5], "width") == [99, 1, 2, 3, 4]
    assert list(remote.all_payloads()) == list(edge.all_payloads())
    assert list(remote.all_values("width")) == list(edge.all_values("width"))
    for query in random.normal(size=(10, DIMENSIONS)).astype(np.float32):
        for exact in (False, True):
            assert_same(remote.nearest(query, 10, "width", exact), edge.nearest(query, 10, "width", exact))
        assert_same(remote.nearest(query, COUNT), edge.nearest(query, COUNT))
    edge.close()
    remote.close()


def test_features_in_payloads_are_those_of_the_file(tmp_path: Path) -> None:
    shapes = {"tokens": (3, 4), "map": (2, 2, 2)}
    features = {name: np.random.default_rng(1).normal(size=(9, *shape)) * 1e5 for name, shape in shapes.items()}
    FeatureFile.create(tmp_path / "features.f16")
    file, payloads = FeatureFile(tmp_path / "features.f16", shapes), PayloadFeatures(shapes)
    rows = payloads.append(features)
    assert all(json.loads(json.dumps(row)) == row for row in rows)
    expected = file.read([*file.append(features)][::-1])
    found = payloads.read(rows[::-1])
    for name in shapes:
        np.testing.assert_array_equal(found[name], expected[name])
    assert payloads.record_bytes == file.record_bytes
    file.close()


@pytest.mark.parametrize(
    ("text", "url", "collection", "shards", "replicas"),
    [
        ("qdrant+http://nas:6333/photos", "http://nas:6333", "photos", 1, 1),
        (
            "qdrant+https:/nas.example.org/my-photos?shards=4&replicas=2",
            "https://nas.example.org:6333",
            "my-photos",
            4,
            2,
        ),
    ],
)
def test_addresses(text: str, url: str, collection: str, shards: int, replicas: int) -> None:
    assert Address.parse(text) == Address(url, collection, shards, replicas)


@pytest.mark.parametrize(
    "text",
    ["qdrant+ftp://h/c", "qdrant+http://h:6333", "qdrant+http://h:x/c", "qdrant+http://h/c?shards=0", "qdrant+http://h/c?a=1",
     "qdrant+http://h/c/d", "qdrant+http:///c"],
)  # fmt: skip
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"write qdrant\+http://HOST:6333/COLLECTION"):
        Address.parse(text)


class FailingServer(ThreadingHTTPServer):
    """Answers as a cluster would: with the statuses of a list, one a request, and 200 for good after them."""

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.statuses = statuses
        self.asked: list[tuple[str, str | None]] = []


class _Answer(BaseHTTPRequestHandler):
    server: FailingServer

    def do_POST(self) -> None:
        self._answer({"count": 7})

    def do_PUT(self) -> None:
        self._answer({"operation_id": 1, "status": "acknowledged"})

    def _answer(self, result: object) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, self.headers.get("api-key")))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        told = {"result": result, "status": "ok"} if status == 200 else {"status": {"error": "shard 3 has no replica"}}
        body = json.dumps({**told, "time": 0.0}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FailingServer]:
    monkeypatch.setattr(cluster, "_WAITS", (0, 0, 0))
    monkeypatch.setenv("QDRANT_API_KEY", "secret")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FailingServer([]) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def of(server: FailingServer) -> ClusterVectors:
    return ClusterVectors(Address.parse(f"qdrant+http://127.0.0.1:{server.server_port}/photos"), "cosine")


def test_what_fails_for_the_moment_is_asked_again(server: FailingServer) -> None:
    server.statuses = [503, 500, 429]
    assert len(of(server)) == 7
    assert server.asked == [("/collections/photos/points/count", "secret")] * 4


@pytest.mark.parametrize(
    ("statuses", "asked", "said"),
    [
        ([503] * 4, 4, "HTTP status 503, shard 3 has no replica; what was stored before is kept"),
        ([400], 1, "HTTP status 400, shard 3 has no replica"),
        ([403], 1, "HTTP status 403, shard 3 has no replica; set QDRANT_API_KEY"),
    ],
)
def test_what_fails_for_good_is_told_in_one_line(
    server: FailingServer, statuses: list[int], asked: int, said: str
) -> None:
    server.statuses = statuses
    with pytest.raises(InputError) as told:
        len(of(server))
    assert f"qdrant+http://127.0.0.1:{server.server_port}/photos: {said}" in str(told.value)
    assert len(server.asked) == asked and "\n" not in str(told.value)


def test_a_change_that_is_not_stored_in_time_is_no_success(server: FailingServer) -> None:
    with pytest.raises(InputError, match="has not stored it"):
        of(server).put([UUID(int=1)], np.zeros((1, 4), np.float32), [{}])


def test_a_cluster_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_WAITS", (0,))
    with FailingServer([]) as gone:
        pass
    with pytest.raises(InputError, match=r"/photos: .*refused.*; what was stored before is kept"):
        len(of(gone))
