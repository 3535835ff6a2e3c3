"""Search through the gallery's engine, beside one numpy matrix-vector product: one pass over all vectors in memory.

Goals: the default search takes at most 0.5 times the product and finds 0.98 of the ten closest (0.999 without a graph);
an exact one takes at most 1.1 times. `--photos 1000000` is the size at which a graph is built; needs 4 GB of memory and
of disk. Vectors are made up: 32 latent numbers, spread over all dimensions, with noise; queries have more noise and are
shifted, as drawings are from photos. Blocks of runs alternate, so that whatever else the machine does hits all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from sketchseek.gallery.vectors import Vectors

GOALS = {"ratio": 0.5, "exact_ratio": 1.1, "recall_at_10": 0.98}
CHUNK = 1_000
BLOCK = 20  # runs of one before the next has its turn, so that each finds its own threads and memory as it left them
LATENT = 32
CLIENTS = 8
TUNED_WITH = 100  # other queries than those that are measured


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="where the vectors are written; the system's temporary folder")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    matrix, queries = made_up(args.photos, args.dimensions, args.runs + TUNED_WITH)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        place = Path(folder, "vectors")
        build, tune = written(place, matrix, queries[args.runs :])
        queries = queries[: args.runs]
        before = resident_bytes()
        vectors = Vectors.open(place, "cosine")  # as a server finds it
        searches, exact, products = [], [], []
        for query in queries[:BLOCK]:
            vectors.nearest(query, args.top)
        memory = resident_bytes() - before
        for start in range(0, args.runs, BLOCK):
            block = queries[start : start + BLOCK]
            searches += [seconds(lambda: vectors.nearest(query, args.top)) for query in block]  # noqa: B023 - at once
            products += [seconds(lambda: matrix @ query) for query in block]  # noqa: B023
            exact += [seconds(lambda: vectors.nearest(query, args.top, exact=True)) for query in block]  # noqa: B023
        with ThreadPoolExecutor(CLIENTS) as pool:
            many = seconds(lambda: list(pool.map(lambda query: vectors.nearest(query, args.top), queries)))
        recall = statistics.mean(share_found(vectors, matrix, query, args.top) for query in queries)
        vectors.close()
        disk = sum(path.stat().st_blocks * 512 for path in place.rglob("*"))
        measured = place / "search.json"
        tuned = json.loads(measured.read_text()) if measured.exists() else None

    product = statistics.median(products)
    result = {
        "photos": args.photos,
        "dimensions": args.dimensions,
        "top": args.top,
        "runs": args.runs,
        "cores": len(os.sched_getaffinity(0)),
        "build_seconds": round(build, 1),
        "graph_seconds": round(tune, 1),
        "tuned": tuned,
        "disk_megabytes": round(disk / 1e6),
        "resident_megabytes": round(memory / 1e6),
        "recall_at_10": round(recall, 4),
        "search_milliseconds": round(statistics.median(searches) * 1000, 2),
        "search_p95_milliseconds": round(float(np.percentile(searches, 95)) * 1000, 2),
        "exact_milliseconds": round(statistics.median(exact) * 1000, 2),
        "product_milliseconds": round(product * 1000, 2),
        "ratio": round(statistics.median(searches) / product, 3),
        "p95_ratio": round(float(np.percentile(searches, 95)) / product, 3),
        "exact_ratio": round(statistics.median(exact) / product, 3),
        "queries_per_second_of_8_clients": round(args.runs / many),
        "goals": GOALS,
    }
    print(json.dumps(result) if args.json else "\n".join(f"{name}: {value}" for name, value in result.items()))
    return 0


def made_up(photos: int, dimensions: int, queries: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit vectors of photos ``[photos, dimensions]`` and of queries."""
    random = np.random.default_rng(0)
    spread = random.standard_normal((LATENT, dimensions), dtype=np.float32) / np.float32(LATENT**0.5)
    shift = 0.3 * random.standard_normal(dimensions, dtype=np.float32)

    def some(count: int, noise: float) -> NDArray[np.float32]:
        rows = np.empty((count, dimensions), np.float32)
        for start in range(0, count, 100 * CHUNK):
            part = rows[start : start + 100 * CHUNK]
            part[:] = random.standard_normal((len(part), LATENT), dtype=np.float32) @ spread
            part += noise * random.standard_normal(part.shape, dtype=np.float32)
        return rows

    matrix, asked = some(photos, 0.2), some(queries, 0.4) + shift
    for rows in (matrix, asked):
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return matrix, asked


def written(place: Path, matrix: NDArray[np.float32], queries: NDArray[np.float32]) -> tuple[float, float]:
    """Write the vectors as a gallery does; the seconds for that, and for building and measuring the graph."""
    Vectors.create(place, matrix.shape[1], "cosine")
    vectors = Vectors.open(place, "cosine")

    def put() -> None:
        for start in range(0, len(matrix), CHUNK):
            rows = matrix[start : start + CHUNK]
            ids = [UUID(int=start + row) for row in range(len(rows))]
            files = [[[f"/photos/{id.int}.jpg", 100_000, 1_700_000_000_000_000_000 + id.int]] for id in ids]
            vectors.put(ids, rows, [{"files": f, "width": 640, "height": 480, "offline": False} for f in files])
            vectors.optimize()
        vectors.flush()

    times = seconds(put), seconds(lambda: vectors.tune(lambda: queries))
    vectors.close()
    return times


def share_found(vectors: Vectors, matrix: NDArray[np.float32], query: NDArray[np.float32], top: int) -> float:
    """How many of the closest by float32 are found; those that tie with the last of them count."""
    scores = matrix @ query
    least = np.partition(scores, -top)[-top] - 1e-6
    return sum(scores[hit.id.int] >= least for hit in vectors.nearest(query, top)) / top


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
