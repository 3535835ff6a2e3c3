"""Rank the photos of a gallery by a sketch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from sketchseek.gallery import Gallery, StoredPhoto
from sketchseek.matching import Features
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.sketch import Sketch

Drawing: TypeAlias = Sketch | Ink

CANDIDATES = 200  # photos that a matcher compares in full where the single-vector form is not its own order


@dataclass(frozen=True)
class Hit:
    """A photo found. ``rank`` counts from 1; ``score`` is the matcher's similarity, higher is closer."""

    id: str
    name: str
    path: Path
    rank: int
    score: float
    width: int
    height: int


class Searcher:
    """Searches a gallery with the gallery's own model."""

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery

    def search(self, drawing: Drawing, top: int = 10) -> list[Hit]:
        """The ``top`` photos closest to a drawing, closest first; photos of the same score by name, then by id."""
        return self.search_features(self.gallery.model.encode_sketches([drawing]), top)

    def search_features(self, features: Features, top: int = 10) -> list[Hit]:
        """As ``search``, for the features of one sketch (first axis of length 1)."""
        matcher = self.gallery.model.matcher
        found = self._candidates(features, top if matcher.exact else max(top, CANDIDATES))
        if not matcher.exact and found:
            photos = [photo for photo, _ in found]
            scores = np.asarray(matcher.similarity(features, self.gallery.features([p.id for p in photos])))[0]
            found = list(zip(photos, scores.tolist(), strict=True))
        found.sort(key=lambda pair: (-pair[1], pair[0].name, pair[0].id))
        return [
            Hit(photo.id, photo.name, photo.path, rank, score, photo.width, photo.height)
            for rank, (photo, score) in enumerate(found[:top], start=1)
        ]

    def rank_of(self, drawing: Drawing, photo: str) -> int:
        """The rank of the photo of an id: how many photos score at least as high, itself included.

        Raises KeyError where the gallery has no such photo.
        """
        matcher = self.gallery.model.matcher
        features = self.gallery.model.encode_sketches([drawing])
        scores = self.gallery.scores(matcher.sketch_vector(features)[0])
        if not matcher.exact:
            ids = list(scores)
            similarity = np.asarray(matcher.similarity(features, self.gallery.features(ids)))[0]
            scores = dict(zip(ids, similarity.tolist(), strict=True))
        return sum(score >= scores[photo] for score in scores.values())

    def _candidates(self, features: Features, count: int) -> list[tuple[StoredPhoto, float]]:
        """The ``count`` photos closest by the single-vector form, and all that are as close as the last of them.

        The engine stops anywhere among equals (copies of a photo), so without all of them the answer would be chance.
        """
        vector = self.gallery.model.matcher.sketch_vector(features)[0]
        limit = count + 1
        while True:
            found = self.gallery.nearest(vector, limit)
            if len(found) < limit or found[-1][1] < found[count - 1][1]:
                return found
            limit *= 2
