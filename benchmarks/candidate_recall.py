"""How many photos the vector engine must propose for full comparison, so that the true first ten are among them.

For every `rerank`: recall@10 of the search in two stages against comparing every photo in full, and what a query takes.
Goal: recall@10 of at least 0.99 at 100,000 photos by the default `rerank`. There are not so many photos: the rest are
jittered copies, the features of a photo moved 10 to 50 % of the way to those of another, which is exact for the single
vector too, an affine map of the others. Queries are sketches, or without them more jittered copies.

    candidate_recall.py --model RUN_OR_MODEL_FOLDER PHOTOS... --sketches SKETCHES...

Without a model, random features of MLRM's shapes on MobileNetV2 stand in, of falling variance along 128 directions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import numpy as np
from platformdirs import user_cache_path

from sketchseek.gallery import Gallery, StoredPhoto
from sketchseek.gallery.features import FeatureFile
from sketchseek.gallery.index import Index
from sketchseek.gallery.scan import PhotoFile, find_photos
from sketchseek.gallery.vectors import Vectors
from sketchseek.matching import Features, Matcher, get_matcher
from sketchseek.matching.base import RERANK
from sketchseek.model import Model
from sketchseek.model.preprocess import read_photo
from sketchseek.search.searcher import Searcher
from sketchseek.strokes.ink import read_ink

RERANKS = (50, 100, 200, 500, 1000, 2000)
TOP = 10
GOAL = 0.99
JITTER = (0.1, 0.5)
CHUNK = 1_000
EXHAUSTIVE = 3  # queries that are timed against all photos


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="PHOTOS", help="photos, and folders of them")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", type=Path, help="a run, or a model folder, whose matcher is not exact")
    source.add_argument("--random", action="store_true", help="random features, as where there is no --model")
    parser.add_argument("--sketches", nargs="+", type=Path, default=[], help="raster sketches, and folders of them")
    parser.add_argument("--photos", type=int, default=100_000, help="in the gallery, jittered copies included")
    parser.add_argument("--queries", type=int, default=64)
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    random = np.random.default_rng(0)
    if args.model:
        matcher, photos, queries = encoded(args.model, args.folders, args.sketches, args.queries)
        given = "photos"
    else:
        matcher, photos, queries = get_matcher("region-weighted"), random_features(4_000, random), None
        given = "random features"
    kind = "sketches" if queries else "jittered copies"
    queries = queries or jittered(photos, args.queries, random)
    with tempfile.TemporaryDirectory() as folder:
        gallery = fill(Path(folder), matcher, photos, args.photos, random)
        rows = measure(gallery, queries)
        exhaustive = [
            milliseconds(lambda: best_of_all(gallery, one(queries, query)))  # noqa: B023 - at once
            for query in range(min(EXHAUSTIVE, count(queries)))
        ]
        gallery.close()

    enough = [row["rerank"] for row in rows if row["recall"] >= GOAL]
    result = {
        "photos": args.photos,
        "given": min(count(photos), args.photos),
        "queries": count(queries),
        "query_kind": kind,
        "matcher": matcher.name,
        "reranks": rows,
        "exhaustive_milliseconds": round(statistics.median(exhaustive), 1),
        "smallest_rerank": min(enough, default=None),
        "default_rerank": RERANK,
        "goal": GOAL,
    }
    reached = not args.model or args.photos < 100_000 or (enough and min(enough) <= RERANK)
    if args.json:
        print(json.dumps(result))
        return 0 if reached else 1
    given = f"{result['given']:,} {given}, the rest jittered copies of their features"
    print(f"{args.photos:,} photos: {given}; matcher {matcher.name}")
    print(f"{count(queries)} queries: {kind}")
    print("rerank  recall@10  candidates  whole search")
    for row in rows:
        print(f"{row['rerank']:6}  {row['recall']:9.4f}  {row['candidates_ms']:7.1f} ms  {row['search_ms']:9.1f} ms")
    print(f"every photo compared in full: {result['exhaustive_milliseconds']} ms a query")
    least = f"rerank {result['smallest_rerank']}" if enough else "no rerank here"
    print(f"{least} reaches {GOAL} (the goal, at 100,000 photos); the default is {RERANK}")
    return 0 if reached else 1


def measure(gallery: Gallery, queries: Features) -> list[dict[str, float]]:
    """Recall and median times of every ``rerank`` there are photos for."""
    true = best_of_all(gallery, queries)
    rows = []
    for rerank in (r for r in RERANKS if r <= len(gallery)):
        searcher, found, candidates, searches = Searcher(gallery, rerank), [], [], []
        for query, best in enumerate(true):
            features = one(queries, query)
            vector = gallery.model.matcher.sketch_vector(features)[0]
            candidates.append(milliseconds(lambda: gallery.nearest(vector, rerank + 1)))  # noqa: B023 - at once
            started = time.perf_counter()
            hits = searcher.search_features(features, TOP)
            searches.append((time.perf_counter() - started) * 1000)
            found.append(len({hit.id for hit in hits} & best) / TOP)
        times = {"candidates_ms": statistics.median(candidates), "search_ms": statistics.median(searches)}
        rows.append({"rerank": rerank, "recall": statistics.mean(found)} | {k: round(v, 2) for k, v in times.items()})
    return rows


def best_of_all(gallery: Gallery, queries: Features) -> list[set[str]]:
    """The ids of the first ten for each query, every photo compared in full."""
    ids, scores = [], []
    for some, features in gallery.all_features():
        ids += some
        scores.append(gallery.model.matcher.similarity(queries, features))
    best = np.argpartition(-np.concatenate(scores, axis=1), TOP, axis=1)[:, :TOP]
    return [{ids[i] for i in row} for row in best]


def fill(folder: Path, matcher: Matcher, photos: Features, wanted: int, random: np.random.Generator) -> Gallery:
    """A gallery of ``wanted`` photos that do not exist: of the features given first, then of jittered copies."""
    shapes = {name: values.shape[1:] for name, values in photos.items()}
    Vectors.create(folder / "vectors", photos["vector"].shape[1], matcher.distance)
    FeatureFile.create(folder / "features.f16")
    index = Index(
        folder,
        cast(Model, SimpleNamespace(matcher=matcher)),  # all that searching features needs of a model
        Vectors.open(folder / "vectors", matcher.distance),
        FeatureFile(folder / "features.f16", {name: shape for name, shape in shapes.items() if name != "vector"}),
    )
    gallery = Gallery(folder, index)
    for start in range(0, wanted, CHUNK):
        rows = np.arange(start, min(start + CHUNK, wanted))
        given = {name: values[rows[rows < count(photos)]] for name, values in photos.items()}
        copies = jittered(photos, len(rows) - count(given), random)
        stored = [
            StoredPhoto(str(UUID(int=int(row))), (PhotoFile(Path(f"/photos/{row}.jpg"), 0, 0),), 500, 500)
            for row in rows
        ]
        gallery.put(stored, {name: np.concatenate([given[name], copies[name]]) for name in photos})
    gallery.flush()
    return gallery


def jittered(photos: Features, copies: int, random: np.random.Generator) -> Features:
    """Photos, each moved a part of the way to another."""
    photo, other = random.integers(0, count(photos), (2, copies))
    share = random.uniform(*JITTER, copies).astype(np.float32)
    moved = {}
    for name, values in photos.items():
        part = share.reshape(-1, *[1] * (values.ndim - 1))
        moved[name] = (1 - part) * values[photo] + part * values[other]
    return moved


def random_features(photos: int, random: np.random.Generator) -> Features:
    """Features of MLRM's names and shapes, and their principal components as the single vector."""
    import torch

    from sketchseek.lab.methods.candidates import CandidateProjection

    regions, hidden = 3, 128
    places = random.standard_normal((photos, hidden), np.float32) * 0.95 ** np.arange(hidden, dtype=np.float32)
    levels = {
        f"level{level}": np.maximum(places @ random.standard_normal((hidden, regions * channels), np.float32), 0)
        for level, channels in ((1, 32), (2, 96), (3, 1280))
    }
    weights = np.exp(places @ random.standard_normal((hidden, regions * len(levels)), np.float32) / 10)
    joined = torch.from_numpy(np.concatenate(list(levels.values()), axis=1))
    projection = CandidateProjection(joined.shape[1])
    projection.fit(joined[:1000])
    return {
        **{name: values.reshape(photos, regions, -1) for name, values in levels.items()},
        "weights": (weights / weights.sum(axis=1, keepdims=True)).reshape(photos, regions, -1),
        "vector": projection(joined).numpy(),
    }


def encoded(
    folder: Path, photos: Sequence[Path], sketches: Sequence[Path], queries: int
) -> tuple[Matcher, Features, Features | None]:
    """The matcher of a run or a model folder, and the features of photos and of up to ``queries`` sketches."""
    if (folder / "run.json").exists():
        from sketchseek.lab.encoder import TorchEncoder
        from sketchseek.lab.experiment import load_network

        network, run = load_network(folder)
        encoder: TorchEncoder | Model = TorchEncoder(network, run.config["size"])
        identity = hashlib.sha256((folder / f"{run.main}.safetensors").read_bytes()).hexdigest()
    else:
        model = Model.load(folder)
        encoder, identity = model, model.hash
    if encoder.matcher.exact:
        raise SystemExit(f"{folder}: the vector engine alone already ranks as its matcher {encoder.matcher.name} does")

    def encode_photos(files: Sequence[PhotoFile]) -> Features:
        batches = (files[start : start + 64] for start in range(0, len(files), 64))
        pixels = (np.stack([read_photo(file.path, encoder.size) for file in batch]) for batch in batches)
        parts = [encoder.encode_photos(some) for some in pixels]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def encode_sketches(files: Sequence[PhotoFile]) -> Features:
        return encoder.encode_sketches([read_ink(file.path) for file in files])

    gallery = cached(f"photos {identity}", photos_in(photos), encode_photos)
    if not sketches:
        return encoder.matcher, gallery, None
    files = photos_in(sketches)
    chosen = [files[i] for i in np.linspace(0, len(files) - 1, min(queries, len(files))).astype(int)]
    return encoder.matcher, gallery, cached(f"sketches {identity}", chosen, encode_sketches)


def photos_in(places: Sequence[Path]) -> list[PhotoFile]:
    return list(find_photos([place.resolve() for place in places]).files.values())


def cached(what: str, files: Sequence[PhotoFile], encode: Callable[[Sequence[PhotoFile]], Features]) -> Features:
    """The features of files, encoded once: they are kept in the user's cache."""
    key = hashlib.sha256(repr([what, [(str(f.path), f.size, f.mtime) for f in files]]).encode()).hexdigest()
    path = user_cache_path("sketchseek") / "candidate-recall" / f"{key[:32]}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        with unfinished.open("wb") as file:
            np.savez(file, allow_pickle=False, **encode(files))
        os.replace(unfinished, path)
    with np.load(path) as stored:
        return dict(stored)


def count(features: Features) -> int:
    return len(features["vector"])


def one(features: Features, item: int) -> Features:
    return {name: values[item : item + 1] for name, values in features.items()}


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    raise SystemExit(main())
