"""Searches of large galleries: int8 copies, a graph, and how far it is followed. Here "large" begins small."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray
from photos_on_disk import index_folder

from sketchseek.gallery import Gallery, ingest
from sketchseek.gallery import gallery as gallery_module
from sketchseek.gallery import vectors as vectors_module
from sketchseek.gallery.vectors import Vectors

COUNT, DIMENSIONS = 1200, 48


@pytest.fixture(autouse=True)
def _large_begins_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors_module, "_LEAST_SEGMENT", 32)  # kB
    monkeypatch.setattr(vectors_module, "_GRAPH_FROM", COUNT)


def random_vectors(count: int, seed: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    middles = np.random.default_rng(9).normal(size=(40, DIMENSIONS))
    vectors = middles[random.integers(0, len(middles), count)] + 0.5 * random.normal(size=(count, DIMENSIONS))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def put(vectors: Vectors, rows: NDArray[np.float32], first: int = 0) -> None:
    vectors.put([UUID(int=first + n) for n in range(len(rows))], rows, [{"row": first + n} for n in range(len(rows))])
    vectors.optimize()


def share_found(vectors: Vectors, rows: NDArray[np.float32], queries: NDArray[np.float32]) -> float:
    found = 0
    for query in queries:
        products = rows @ query
        hits = vectors.nearest(query, 10, "row")
        np.testing.assert_allclose([hit.score for hit in hits], products[[hit.value for hit in hits]], atol=1e-5)
        found += len({hit.value for hit in hits} & set(np.argsort(-products)[:10].tolist()))
    return found / (10 * len(queries))


def files(folder: Path, pattern: str) -> int:
    """The bytes of the files of this name in all segments."""
    return sum(path.stat().st_size for path in folder.glob(f"segments/*/*/{pattern}"))


def test_int8_copies_are_scanned_and_float32_decides(tmp_path: Path) -> None:
    rows, queries = random_vectors(COUNT, 0), random_vectors(20, 1)
    Vectors.create(tmp_path / "vectors", DIMENSIONS, "cosine")
    vectors = Vectors.open(tmp_path / "vectors", "cosine")
    put(vectors, rows)
    assert files(tmp_path / "vectors", "quantized.data") > COUNT * DIMENSIONS / 2
    assert share_found(vectors, rows, queries) > 0.99
    exact = vectors.nearest(queries[0], COUNT, "row", exact=True)
    assert [hit.value for hit in exact[:50]] == np.argsort(-(rows @ queries[0]))[:50].tolist()
    vectors.close()


def test_a_graph_is_followed_as_far_as_was_measured_to_suffice(tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    rows, queries = random_vectors(2 * COUNT, 0), random_vectors(20, 1)
    asked: list[int] = []

    def drawn() -> NDArray[np.float32]:
        asked.append(20)
        return random_vectors(20, 2)

    Vectors.create(folder, DIMENSIONS, "cosine")
    vectors = Vectors.open(folder, "cosine")
    put(vectors, rows[: COUNT - 1])
    vectors.tune(drawn)
    assert not asked and not (folder / "search.json").exists()  # too few for a graph
    links = files(folder, "links_compressed.bin")

    put(vectors, rows[COUNT - 1 : COUNT], COUNT - 1)
    vectors.tune(drawn)
    measured = json.loads((folder / "search.json").read_text())
    assert measured["photos"] == COUNT and measured["effort"] == 64 and measured["recall"] >= 0.985
    assert files(folder, "links_compressed.bin") > 3 * links
    assert share_found(vectors, rows[:COUNT], queries) >= 0.98
    vectors.close()

    vectors = Vectors.open(folder, "cosine")
    vectors.tune(drawn)
    assert len(asked) == 1  # no point has come since
    put(vectors, rows[COUNT:], COUNT)
    assert share_found(vectors, rows, queries) >= 0.98
    vectors.tune(drawn)
    assert len(asked) == 2 and json.loads((folder / "search.json").read_text())["photos"] == 2 * COUNT
    vectors.close()


def test_where_a_graph_misses_too_much_searches_are_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors_module, "_RECALL", 1.01)
    folder, rows = tmp_path / "vectors", random_vectors(COUNT, 0)
    Vectors.create(folder, DIMENSIONS, "cosine")
    vectors = Vectors.open(folder, "cosine")
    put(vectors, rows)
    vectors.tune(lambda: random_vectors(5, 2))
    assert json.loads((folder / "search.json").read_text())["effort"] is None
    assert share_found(vectors, rows, random_vectors(20, 1)) == 1.0
    vectors.close()


def test_indexing_ends_with_it(gallery: Gallery, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors_module, "_GRAPH_FROM", 4)
    monkeypatch.setattr(gallery_module, "_DRAWN", 2)
    assert ingest(gallery, photos).added == 5
    assert json.loads((index_folder(gallery) / "vectors/search.json").read_text())["photos"] == 5
    assert len(list(gallery.photos())) == 5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gallery, "_drawn_queries", None)  # would fail, if it were measured again
        assert ingest(gallery, photos).unchanged == 5
