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
from sketchseek.matching.base import RERANK, RegionMatcher
from sketchseek.matching.fusion import ITM_CANDIDATES, fuse, fuse_features
from sketchseek.search.regions import DecisiveRegions, decisive_regions
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.placing import placed
from sketchseek.strokes.sketch import Sketch

Drawing: TypeAlias = Sketch | Ink

# Copies of a photo are compared in one matrix product, which may give them scores that differ this much: relatively,
# and where a score is near zero, absolutely.
ROUNDING = 1e-5
# A photo's rank is first looked for among this many, then each time among so many times more.
FIRST_LIMIT, LIMIT_FACTOR = 250, 8


@dataclass(frozen=True)
class Hit:
    """A photo found. ``rank`` counts from 1; ``score`` is the matcher's similarity, higher is closer.

    ``copies`` are other files with the same content. ``offline``: none of its files was there when last looked for.
    """

    id: str
    name: str
    path: Path
    rank: int
    score: float
    width: int
    height: int
    copies: tuple[Path, ...] = ()
    offline: bool = False


@dataclass(frozen=True, eq=False)
class TextQuery:
    """The words of a query, encoded: ``features`` have a first axis of length 1. ``weight``, 0..1, is theirs beside a
    drawing, as in ``fuse``.
    """

    text: str
    weight: float
    features: Features


class Searcher:
    """Searches a gallery with the model that the gallery was indexed with.

    Where the matcher is exact, the vector engine's order is the result. Elsewhere the engine gives the ``rerank``
    photos closest by the single-vector form, and the matcher compares these in full; no other photo is found.

    Words and a sketch are fused into one query, as in the model's training. Where the query is words alone (``weight``
    1, or nothing drawn) and the model can match a text with a photo, the first 128 photos are reranked by
    their similarity plus the logit that they match (image-text matching, as in FVLP's image-text retrieval).
    """

    def __init__(self, gallery: Gallery, rerank: int = RERANK) -> None:
        self.gallery = gallery
        self.rerank = rerank

    def encode_text(self, text: str, weight: float = 0.5) -> TextQuery:
        """Encode the words of a query. Raises InputError where the model takes none or knows none of them, or for a
        weight beyond 0..1.
        """
        if not 0 <= weight <= 1:
            raise InputError(f"weight {weight}: must be from 0 (the drawing alone) to 1 (the words alone)")
        return TextQuery(text, weight, self.gallery.model.encode_text([text]))

    def knows(self, text: str) -> bool:
        """Whether the model reads any text, or knows a name in this one."""
        names = self.gallery.model.names
        return names is None or bool(names.read(text).names)

    def remark(self, text: str) -> str:
        """One line on words that the model does not know; "" where it knows all of them, or reads any text."""
        names = self.gallery.model.names
        return "" if names is None or not text.strip() else names.remark(text)

    def search(
        self,
        drawing: Drawing | None,
        top: int = 10,
        words: str = "",
        weight: float = 0.5,
        as_framed: bool = False,
    ) -> list[Hit]:
        """The ``top`` photos closest to a drawing, to words or to both, closest first; ties by name, then by id.

        A drawing may lie anywhere on its sheet, in any size, unless the sheet is the photo's frame (``as_framed``).
        Raises InputError as ``encode_text`` does, and where there is neither drawing nor words.
        """
        if drawing is None and not words.strip():
            raise InputError("nothing to search for: give a drawing, words, or both")
        text = self.encode_text(words, weight) if words.strip() else None
        return self.search_features(self._encode(drawing, as_framed), top, text)

    def search_features(self, features: Features | None, top: int = 10, words: TextQuery | None = None) -> list[Hit]:
        """As ``search``, for the features of one sketch (first axis of length 1), None where nothing is drawn."""
        query, words = self._query(features, words)
        vector = self.gallery.model.matcher.sketch_vector(query)[0]
        return self._hits(self._ranked(vector, top, words, query), top)

    def search_photo(self, pixels: NDArray[np.uint8], top: int = 10, words: str = "", weight: float = 0.5) -> list[Hit]:
        """The ``top`` photos most like a photo ``[S, S, 3]``, itself included, by the single-vector form alone.

        The order is that of ``search``. Words and photo are fused as the sum of unit vectors, whatever the model's own
        fusion: no model was trained to fuse words with photos. Raises InputError as ``encode_text`` does.
        """
        model = self.gallery.model
        vectors = model.matcher.photo_vector(model.encode_photos(pixels[None]))
        text = self.encode_text(words, weight) if words.strip() else None
        if text is not None:
            vectors = fuse(vectors, model.matcher.sketch_vector(text.features), weight, "unit_sum")
        return self._hits(self._ranked(vectors[0], top, text), top)

    def rank_of(self, drawing: Drawing, photo: str, as_framed: bool = False) -> int:
        """The rank of one photo among all of the gallery, each compared in full: how many score at least as high as the
        photo of the id ``photo``, itself included. ``as_framed`` as in ``search``.

        Raises KeyError where the gallery has no such photo.
        """
        return self.rank_of_features(self._encode(drawing, as_framed), photo)

    def rank_of_features(self, features: Features | None, photo: str, words: TextQuery | None = None) -> int:
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
    def has_regions(self) -> bool:
        """Whether the gallery's matcher compares regions, which ``decisive_regions`` needs."""
        matcher = self.gallery.model.matcher
        return isinstance(matcher, RegionMatcher) and matcher.pairs_regions

    def decisive_regions(self, features: Features, hits: Sequence[Hit]) -> DecisiveRegions:
        """Which regions decided the order of ``hits`` (at least one), found by the ``features`` of one sketch.

        Raises KeyError where one of them has been removed from the gallery since.
        """
        matcher = self.gallery.model.matcher
        assert isinstance(matcher, RegionMatcher)
        return decisive_regions(matcher, features, self.gallery.features([hit.id for hit in hits]))

    def _encode(self, drawing: Drawing | None, as_framed: bool) -> Features | None:
        if drawing is None:
            return None
        return self.gallery.model.encode_sketches([drawing if as_framed else placed(drawing)])

    def _query(self, features: Features | None, words: TextQuery | None) -> tuple[Features, TextQuery | None]:
        """The features to search by, and the words with their weight in them; None where the words have no part."""
        if features is None:
            if words is None:
                raise ValueError("a query has a sketch, words, or both")
            return words.features, replace(words, weight=1.0)
        if words is None or words.weight == 0:
            return features, None
        return fuse_features(features, words.features, words.weight, self.gallery.model.fusion), words

    def _ranked(
        self, vector: NDArray[np.float32], top: int, words: TextQuery | None, query: Features | None = None
    ) -> list[Candidate]:
        """At least ``top`` candidates and the scores that rank them. ``query`` is what the matcher compares in full."""
        model = self.gallery.model
        in_full = query is not None and not model.matcher.exact
        match = words is not None and words.weight == 1 and model.can_match
        found = self._candidates(vector, max(top, self.rerank if in_full else 0, ITM_CANDIDATES if match else 0))
        if query is not None and in_full and found:
            found = _rescored(found, model.matcher.similarity(query, self.gallery.features_of(found))[0])
        if words is not None and match and found:
            similarity = np.array([candidate.score for candidate in found])
            found = _rescored(found, similarity + model.match(words.text, self.gallery.features_of(found)["tokens"]))
        return found

    def _hits(self, found: list[Candidate], top: int) -> list[Hit]:
        found = sorted(found, key=lambda candidate: -candidate.score)
        found = _with_equals(found, top)  # whose order is by name
        photos = self.gallery.stored([candidate.point for candidate in found])
        hits = [(photo, candidate.score) for photo, candidate in zip(photos, found, strict=True)]
        hits.sort(key=lambda hit: (-hit[1], hit[0].name, hit[0].id))
        return [
            Hit(p.id, p.name, p.path, rank, score, p.width, p.height, p.copies, p.offline)
            for rank, (p, score) in enumerate(hits[:top], start=1)
        ]

    def _rank_by_vector(self, vector: NDArray[np.float32], photo: str, words: TextQuery | None) -> int:
        """``rank_of`` where the single-vector form decides. The photo is looked for among the nearest first, so that a
        near one is ranked without fetching the far ones. Photos that were matched with words rank by that.
        """
        if words is not None and words.weight == 1 and self.gallery.model.can_match:
            matched = {
                str(candidate.point): candidate.score for candidate in self._ranked(vector, ITM_CANDIDATES, words)
            }
            if photo in matched:
                return sum(score >= matched[photo] for score in matched.values())
        limit = FIRST_LIMIT
        while True:
            found = self.gallery.nearest(vector, limit, exact=True)
            score = next((candidate.score for candidate in found if str(candidate.point) == photo), None)
            if len(found) < limit or (score is not None and found[-1].score < score):
                if score is None:
                    raise KeyError(photo)
                return sum(candidate.score >= score for candidate in found)
            limit *= LIMIT_FACTOR

    def _candidates(self, vector: NDArray[np.float32], count: int) -> list[Candidate]:
        """The ``count`` photos closest by the single-vector form, and all that tie with the last of them.

        The engine cuts anywhere among ties (copies of a photo), so that without all of them results would not be
        reproducible.
        """
        limit = count + 1
        while True:
            found = self.gallery.nearest(vector, limit)
            if len(found) < limit or found[-1].score < found[count - 1].score:
                return _with_equals(found, count)
            limit *= 2


def _with_equals(found: list[Candidate], count: int) -> list[Candidate]:
    """The first ``count`` candidates, sorted by score, and all that tie with the last of them."""
    if len(found) <= count:
        return found
    return [candidate for candidate in found if candidate.score >= found[count - 1].score]


def _rescored(found: Sequence[Candidate], scores: NDArray[Any]) -> list[Candidate]:
    """The candidates with new scores; copies of a photo get the same one."""
    levelled = _level_copies([candidate.score for candidate in found], scores.tolist())
    return [candidate._replace(score=score) for candidate, score in zip(found, levelled, strict=True)]


def _level_copies(vector_scores: Sequence[float], scores: Sequence[float]) -> list[float]:
    """Give copies of a photo the same score.

    Copies are recognised by the vector engine's scores: it compares every photo by itself, so theirs are equal to the
    last digit.
    """
    first: dict[float, float] = {}
    levelled = []
    for vector_score, score in zip(vector_scores, scores, strict=True):
        known = first.setdefault(vector_score, score)
        levelled.append(known if math.isclose(score, known, rel_tol=ROUNDING, abs_tol=ROUNDING) else score)
    return levelled
