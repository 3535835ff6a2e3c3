"""Exact search over 100,000 x 2,002 through the gallery's engine, against one numpy matrix-vector product.

Goal: at most 1.3 times the product. Blocks of runs alternate, so that whatever else the machine does hits both alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np

from sketchseek.gallery.vectors import Vectors

GOAL = 1.3
CHUNK = 1_000
BLOCK = 20  # runs of one before the other has its turn, so that each finds its own threads and memory as it left them


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=2002)
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    random = np.random.default_rng(0)
    matrix = random.standard_normal((args.photos, args.dimensions), dtype=np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    queries = random.standard_normal((args.runs, args.dimensions), dtype=np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    with tempfile.TemporaryDirectory() as folder:
        Vectors.create(Path(folder, "vectors"), args.dimensions, "cosine")
        vectors = Vectors.open(Path(folder, "vectors"), "cosine")
        for start in range(0, args.photos, CHUNK):
            rows = range(start, min(start + CHUNK, args.photos))
            payloads = [{"name": f"{row}.jpg", "path": f"/photos/{row}.jpg"} for row in rows]
            vectors.put([UUID(int=row) for row in rows], matrix[rows.start : rows.stop], payloads)
        vectors.flush()
        vectors.close()
        vectors = Vectors.open(Path(folder, "vectors"), "cosine")  # as a server finds it
        searches, products = [], []
        for start in range(0, args.runs, BLOCK):
            block = queries[start : start + BLOCK]
            searches += [seconds(lambda: vectors.nearest(query, args.top)) for query in block]  # noqa: B023 - at once
            products += [seconds(lambda: matrix @ query) for query in block]  # noqa: B023
        best = matrix @ queries[0]
        found = [hit.id.int for hit in vectors.nearest(queries[0], args.top)]
        vectors.close()
    assert found == np.argsort(-best, kind="stable")[: args.top].tolist(), "the engine's answer is not exact"

    result = {
        "photos": args.photos,
        "dimensions": args.dimensions,
        "search_milliseconds": round(statistics.median(searches) * 1000, 2),
        "product_milliseconds": round(statistics.median(products) * 1000, 2),
        "ratio": round(statistics.median(searches) / statistics.median(products), 3),
        "goal": GOAL,
    }
    if args.json:
        print(json.dumps(result))
    else:
        search, product = result["search_milliseconds"], result["product_milliseconds"]
        print(
            f"exact search {search} ms, matrix-vector product {product} ms: ratio {result['ratio']} (goal: <= {GOAL})"
        )
    return 0


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
