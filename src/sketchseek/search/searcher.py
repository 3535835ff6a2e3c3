"""Rank the photos of a gallery by a sketch, by words, by both, or by a photo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery
from sketchseek.gallery.gallery import Candidate
from sketchseek.matching import Features
from sketchseek.matching.base import RegionMatcher
from sketchseek.matching.fusion import MATCHED, fuse
from sketchseek.search.deciding import Deciding, deciding
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.sketch import Sketch

Drawing: TypeAlias = Sketch | Ink

# Photos that a matcher compares in full where the single-vector form is not its own order. How many of the true first
# ten are found so, benchmarks/candidate_recall.py measures.
RERANK = 200
# Photos that words alone are matched with one by one, where the model can. How long that takes,
# benchmarks/itm_rerank.py measures.
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


@dataclass(frozen=True, eq=False)
class Words:
    """Words of a query as the model reads them. ``weight`` is theirs beside a drawing, 0..1, as in ``fuse``; ``vector``
    is ``[1, D]``.
    """

    text: str
    weight: float
    vector: NDArray[np.float32]


class Searcher:
    """Searches a gallery with the gallery's own model.

    Where the matcher is not exact, the ``rerank`` photos closest by its single-vector form are compared in full; no
    other photo is found.

    Words are fused with the sketch into one query, as the model was trained. Of words alone (``weight`` 1, or nothing
    drawn) the first 128 photos are put in the order of the probability that words and photo belong together, where the
    model can tell (FVLP's image-text retrieval).
    """

    def __init__(self, gallery: Gallery, rerank: int = RERANK) -> None:
        self.gallery = gallery
        self.rerank = rerank

    def read(self, text: str, weight: float = 0.5) -> Words:
        """Words for a query. Raises InputError where the model has none, or for a weight beyond 0..1."""
        if not 0 <= weight <= 1:
            raise InputError(f"weight {weight}: must be from 0 (the drawing alone) to 1 (the words alone)")
        return Words(text, weight, self.gallery.model.encode_text([text])["vector"])

    def search(self, drawing: Drawing | None, top: int = 10, words: str = "", weight: float = 0.5) -> list[Hit]:
        """The ``top`` photos closest to a drawing, to words (where there are any) or to both, closest first; photos of
        the same score by name, then by id.

        Raises InputError as ``read`` does, and where there is neither drawing nor words.
        """
        if drawing is None and not words.strip():
            raise InputError("nothing to search for: give a drawing, words, or both")
        read = self.read(words, weight) if words.strip() else None
        return self.search_features(self._encode(drawing), top, read)

    def search_features(self, features: Features | None, top: int = 10, words: Words | None = None) -> list[Hit]:
        """As ``search``, for the features of one sketch (first axis of length 1), None where nothing is drawn."""
        query, words = self._query(features, words)
        vector = self.gallery.model.matcher.sketch_vector(query)[0]
        return self._hits(self._ranked(vector, top, words, query), top)

    def search_photo(self, pixels: NDArray[np.uint8], top: int = 10, words: str = "", weight: float = 0.5) -> list[Hit]:
        """The ``top`` photos most like a photo ``[S, S, 3]``, itself included, in order as for ``search``, by the
        single-vector form alone.

        Words are added as a unit vector to the photo's, whatever the model's fusion, as photos were fused in no
        training. Raises InputError as ``read`` does.
        """
        model = self.gallery.model
        vectors = model.matcher.photo_vector(model.encode_photos(pixels[None]))
        read = self.read(words, weight) if words.strip() else None
        if read is not None:
            vectors = fuse(vectors, read.vector, weight, "unit_sum")
        return self._hits(self._ranked(vectors[0], top, read), top)

    def rank_of(self, drawing: Drawing, photo: str) -> int:
        """The rank of the photo of an id among all, each compared in full: how many score at least as high, itself
        included.

        Raises KeyError where the gallery has no such photo.
        """
        return self.rank_of_features(self._encode(drawing), photo)

    def rank_of_features(self, features: Features | None, photo: str, words: Words | None = None) -> int:
        """As ``rank_of``, for the features of one sketch (first axis of length 1), None where nothing is drawn."""
        matcher = self.gallery.model.matcher
        query, words = self._query(features, words)
        vector = matcher.sketch_vector(query)[0]
        if matcher.exact:
            return self._rank_by_vector(vector, photo, words)
        vector_scores, ids, in_full = self.gallery.scores(vector), [], []
        for some, photos in self.gallery.all_features():
            ids += some
            in_full += matcher.similarity(query, photos)[0].tolist()
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

    def _encode(self, drawing: Drawing | None) -> Features | None:
        return None if drawing is None else self.gallery.model.encode_sketches([drawing])

    def _query(self, features: Features | None, words: Words | None) -> tuple[Features, Words | None]:
        """What is searched by, and the words with the weight they have in it; None where they have none."""
        if features is None:
            if words is None:
                raise ValueError("a query has a sketch, words, or both")
            return {"vector": words.vector}, replace(words, weight=1.0)
        if words is None or words.weight == 0:
            return features, None
        fused = fuse(features["vector"], words.vector, words.weight, self.gallery.model.fusion)
        return {**features, "vector": fused}, words

    def _ranked(
        self, vector: NDArray[np.float32], top: int, words: Words | None, query: Features | None = None
    ) -> list[Candidate]:
        """At least ``top`` candidates with the scores they are ranked by. ``query`` is compared with them in full."""
        model = self.gallery.model
        in_full = query is not None and not model.matcher.exact
        match = words is not None and words.weight == 1 and model.can_match
        found = self._candidates(vector, max(top, self.rerank if in_full else 0, MATCHED if match else 0))
        if query is not None and in_full and found:
            found = _rescored(found, model.matcher.similarity(query, self.gallery.features_of(found))[0])
        if words is not None and match and found:
            found = _rescored(found, model.match(words.text, self.gallery.features_of(found)["tokens"]))
        return found

    def _hits(self, found: list[Candidate], top: int) -> list[Hit]:
        found = sorted(found, key=lambda candidate: -candidate.score)
        found = _with_equals(found, top)  # which are to be put in the order of their names
        photos = self.gallery.stored([candidate.point for candidate in found])
        hits = [(photo, candidate.score) for photo, candidate in zip(photos, found, strict=True)]
        hits.sort(key=lambda hit: (-hit[1], hit[0].name, hit[0].id))
        return [
            Hit(photo.id, photo.name, photo.path, rank, score, photo.width, photo.height)
            for rank, (photo, score) in enumerate(hits[:top], start=1)
        ]

    def _rank_by_vector(self, vector: NDArray[np.float32], photo: str, words: Words | None) -> int:
        """``rank_of`` by the single-vector form; of a photo that is near, without asking for the far ones. Among the
        photos that words were matched with, by that.
        """
        if words is not None and words.weight == 1 and self.gallery.model.can_match:
            matched = {str(candidate.point): candidate.score for candidate in self._ranked(vector, MATCHED, words)}
            if photo in matched:
                return sum(score >= matched[photo] for score in matched.values())
        limit = FIRST_LOOK
        while True:
            found = self.gallery.nearest(vector, limit)
            score = next((candidate.score for candidate in found if str(candidate.point) == photo), None)
            if len(found) < limit or (score is not None and found[-1].score < score):
                if score is None:
                    raise KeyError(photo)
                return sum(candidate.score >= score for candidate in found)
            limit *= FURTHER_LOOK

    def _candidates(self, vector: NDArray[np.float32], count: int) -> list[Candidate]:
        """The ``count`` photos closest by the single-vector form, and all that are as close as the last of them.

        The engine stops anywhere among equals (copies of a photo), so without all of them the answer would be chance.
        """
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


def _rescored(found: Sequence[Candidate], scores: NDArray[Any]) -> list[Candidate]:
    """Candidates with other scores, the same one for copies of a photo."""
    levelled = _level_copies([candidate.score for candidate in found], scores.tolist())
    return [candidate._replace(score=score) for candidate, score in zip(found, levelled, strict=True)]


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
