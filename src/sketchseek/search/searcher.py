"""Rank the photos of a gallery by a sketch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sketchseek.gallery import Gallery
from sketchseek.gallery.gallery import Candidate
from sketchseek.matching import Features
from sketchseek.matching.base import RegionMatcher
from sketchseek.search.deciding import Deciding, deciding
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.sketch import Sketch

Drawing: TypeAlias = Sketch | Ink

# Photos that a matcher compares in full where the single-vector form is not its own order. How many of the true first
# ten are found so, benchmarks/candidate_recall.py measures.
RERANK = 200
# Copies of a photo are compared in one matrix product, which may give them scores that differ in the last digits.
ROUNDING = 1e-5
# Photos asked for when one photo's rank is wanted, and how many times more where it was not among them.
FIRST_LOOK, FURTHER_LOOK = 250, 8


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
    """Searches a gallery with the gallery's own model.

    Where the matcher is not exact, the ``rerank`` photos closest by its single-vector form are compared in full; no
    other photo is found.
    """

    def __init__(self, gallery: Gallery, rerank: int = RERANK) -> None:
        self.gallery = gallery
        self.rerank = rerank

    def search(self, drawing: Drawing, top: int = 10) -> list[Hit]:
        """The ``top`` photos closest to a drawing, closest first; photos of the same score by name, then by id."""
        return self.search_features(self.gallery.model.encode_sketches([drawing]), top)

    def search_features(self, features: Features, top: int = 10) -> list[Hit]:
        """As ``search``, for the features of one sketch (first axis of length 1)."""
        matcher = self.gallery.model.matcher
        found = self._candidates(features, top if matcher.exact else max(top, self.rerank))
        if not matcher.exact and found:
            scores = matcher.similarity(features, self.gallery.features_of(found))[0].tolist()
            levelled = _level_copies([candidate.score for candidate in found], scores)
            found = [candidate._replace(score=score) for candidate, score in zip(found, levelled, strict=True)]
        found.sort(key=lambda candidate: -candidate.score)
        found = _with_equals(found, top)  # which are to be put in the order of their names
        photos = self.gallery.stored([candidate.point for candidate in found])
        hits = [(photo, candidate.score) for photo, candidate in zip(photos, found, strict=True)]
        hits.sort(key=lambda hit: (-hit[1], hit[0].name, hit[0].id))
        return [
            Hit(photo.id, photo.name, photo.path, rank, score, photo.width, photo.height)
            for rank, (photo, score) in enumerate(hits[:top], start=1)
        ]

    def rank_of(self, drawing: Drawing, photo: str) -> int:
        """The rank of the photo of an id among all, each compared in full: how many score at least as high, itself
        included.

        Raises KeyError where the gallery has no such photo.
        """
        return self.rank_of_features(self.gallery.model.encode_sketches([drawing]), photo)

    def rank_of_features(self, features: Features, photo: str) -> int:
        """As ``rank_of``, for the features of one sketch (first axis of length 1)."""
        matcher = self.gallery.model.matcher
        vector = matcher.sketch_vector(features)[0]
        if matcher.exact:
            return self._rank_by_vector(vector, photo)
        vector_scores, ids, in_full = self.gallery.scores(vector), [], []
        for some, photos in self.gallery.all_features():
            ids += some
            in_full += matcher.similarity(features, photos)[0].tolist()
        levelled = _level_copies([vector_scores[id] for id in ids], in_full)
        scores = dict(zip(ids, levelled, strict=True))
        return sum(score >= scores[photo] for score in scores.values())

    @property
    def tells_regions(self) -> bool:
        """Whether ``deciding`` has something to say with this gallery's model."""
        matcher = self.gallery.model.matcher
        return isinstance(matcher, RegionMatcher) and matcher.pairs_regions

    def deciding(self, features: Features, hits: Sequence[Hit]) -> Deciding:
        """Which regions decided between ``hits`` (at least one), the answer to the sketch of ``features``.

        Raises KeyError where one of them has left the gallery meanwhile.
        """
        matcher = self.gallery.model.matcher
        assert isinstance(matcher, RegionMatcher)
        return deciding(matcher, features, self.gallery.features([hit.id for hit in hits]))

    def _rank_by_vector(self, vector: NDArray[np.float32], photo: str) -> int:
        """``rank_of`` by the single-vector form; of a photo that is near, without asking for the far ones."""
        limit = FIRST_LOOK
        while True:
            found = self.gallery.nearest(vector, limit)
            score = next((candidate.score for candidate in found if str(candidate.point) == photo), None)
            if len(found) < limit or (score is not None and found[-1].score < score):
                if score is None:
                    raise KeyError(photo)
                return sum(candidate.score >= score for candidate in found)
            limit *= FURTHER_LOOK

    def _candidates(self, features: Features, count: int) -> list[Candidate]:
        """The ``count`` photos closest by the single-vector form, and all that are as close as the last of them.

        The engine stops anywhere among equals (copies of a photo), so without all of them the answer would be chance.
        """
        vector = self.gallery.model.matcher.sketch_vector(features)[0]
        limit = count + 1
        while True:
            found = self.gallery.nearest(vector, limit)
            if len(found) < limit or found[-1].score < found[count - 1].score:
                return _with_equals(found, count)
            limit *= 2


def _with_equals(found: list[Candidate], count: int) -> list[Candidate]:
    """The first ``count`` of what is sorted by score, and all that have the score of the last of them."""
    if len(found) <= count:
        return found
    return [candidate for candidate in found if candidate.score >= found[count - 1].score]


def _level_copies(vector_scores: Sequence[float], scores: Sequence[float]) -> list[float]:
    """Give copies of a photo one score.

    Copies are told by what the vector engine, which compares every photo by itself, says of them: the very same score.
    """
    first: dict[float, float] = {}
    levelled = []
    for vector_score, score in zip(vector_scores, scores, strict=True):
        known = first.setdefault(vector_score, score)
        levelled.append(known if math.isclose(score, known, rel_tol=ROUNDING) else score)
    return levelled
