"""Everyday drawings: QuickDraw drawings search among photos of known categories, and every photo of the drawing's
category is right.

Drawings and photos are the test parts of ``quickdraw`` and ``categories``, which the shipped model was not trained on.
As in the app, the single-vector form finds the candidates and the matcher ranks these; the rest follows in the order of
the single-vector form. Drawings of categories without a photo are left out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.datasets.categories import common_name
from sketchseek.lab.datasets.pixels import photo_pixels
from sketchseek.lab.evaluation.categories import category_figures
from sketchseek.matching import Features, Matcher
from sketchseek.model import Model
from sketchseek.search.searcher import RERANK


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drawings", required=True, help="e.g. quickdraw:DIR, the simplified drawings")
    parser.add_argument("--photos", required=True, help="e.g. categories:DIR")
    parser.add_argument("--model", type=Path, help="a model folder; the shipped model by default")
    args = parser.parse_args()

    model = Model.load(args.model) if args.model else Model.default()
    gallery = open_dataset(args.photos).test.photos
    of_photos = [common_name(photo.category) for photo in gallery]
    drawn = open_dataset(args.drawings, drawings_alone=True).test.sketches
    drawings = [(common_name(s.category), s.strokes) for s in drawn if s.strokes is not None]
    drawings = [(category, strokes) for category, strokes in drawings if category in of_photos]

    photos = model.encode_photos(photo_pixels(gallery, model.size))
    sketches = model.encode_sketches([strokes for _, strokes in drawings])
    of_sketches = [category for category, _ in drawings]
    figures = category_figures(as_searched(model.matcher, sketches, photos), of_sketches, of_photos)
    kinds = len(set(of_sketches)), len(set(of_photos))
    print(f"{len(of_sketches)} drawings of {kinds[0]} categories, {len(of_photos)} photos of {kinds[1]}")
    print(json.dumps({name: round(value, 1) for name, value in figures.items()}, indent=1))
    return 0


def as_searched(matcher: Matcher, sketches: Features, photos: Features) -> NDArray[np.float64]:
    """Similarities ``[sketches, photos]`` that rank as a search does."""
    a, b = (np.asarray(v, np.float64) for v in (matcher.sketch_vector(sketches), matcher.photo_vector(photos)))
    if matcher.distance == "euclid":
        by_vectors = -np.linalg.norm(a[:, None] - b[None], axis=-1)
    else:
        by_vectors = a @ b.T
        if matcher.distance == "cosine":
            by_vectors /= np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    if matcher.exact:
        return by_vectors
    in_full = np.asarray(matcher.similarity(sketches, photos), np.float64)
    place = np.argsort(np.argsort(-by_vectors, axis=1, kind="stable"), axis=1)
    # Candidates are above 0, the others below.
    return np.where(place < RERANK, in_full - in_full.min(), by_vectors - by_vectors.max() - 1)


if __name__ == "__main__":
    raise SystemExit(main())
