"""Encode a split and rank its photos for every sketch, where all photos of the sketch's category are right."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Split
from sketchseek.lab.datasets.categories import common_name
from sketchseek.lab.evaluation.categories import OfCategory, by_category, ranking, ranks_of_right
from sketchseek.lab.evaluation.evaluate import SKETCHES_AT_A_TIME, WEIGHT, Evaluation
from sketchseek.matching import Features, Matcher
from sketchseek.matching.base import RERANK
from sketchseek.matching.fusion import fuse_features
from sketchseek.model.confidence import SCORES
from sketchseek.model.encoder import Encoder, Query, encode_episodes


def with_known_categories(split: Split) -> Split:
    """The split without the sketches of categories that no photo has; the log tells how many these are.

    Categories are compared by ``common_name``, so that data sets can be combined. Raises InputError for sketches that
    have no category, where there are no photos, and where no sketch is left.
    """
    if not split.photos:
        raise InputError("there are sketches but no photos; add a data set that has some, e.g. --data categories:DIR")
    unknown = sum(not sketch.category for sketch in split.sketches)
    if unknown:
        raise InputError(f"{unknown} of {len(split.sketches)} sketches have no category; choose another data set")
    of_photos = {common_name(photo.category) for photo in split.photos}
    known = tuple(sketch for sketch in split.sketches if common_name(sketch.category) in of_photos)
    if not known:
        raise InputError("there is nothing to evaluate: no photo is of a category that a sketch has")
    if len(known) < len(split.sketches):
        logging.getLogger(__name__).warning(
            "%d of %d sketches left out: no photo is of their category",
            len(split.sketches) - len(known),
            len(split.sketches),
        )
    return replace(split, sketches=known)


def evaluate_categories(
    encoder: Encoder,
    split: Split,
    advance: Callable[[int], None] = lambda images: None,
    query: Query = "sketch",
    as_framed: bool = True,
) -> Evaluation:
    """Encode all photos and complete sketches of ``with_known_categories(split)``, and rank the photos for each sketch.

    Photos are ranked as the app's search does, see ``searched``. ``advance(n)`` is called whenever n more images are
    encoded. With ``query`` "words" each sketch asks by the name of its category, with "both" by itself and that name.
    ``as_framed`` as in ``evaluate.evaluate``.

    Raises InputError for words if the model takes none or does not know a category.
    """
    from sketchseek.lab.datasets.pixels import photo_pixels, sketch_pixels

    of_photos = np.array([common_name(photo.category) for photo in split.photos])
    of_sketches = np.array([common_name(sketch.category) for sketch in split.sketches])
    width = max(int((of_photos == category).sum()) for category in set(of_sketches))
    pixels = photo_pixels(split.photos, encoder.size)
    encoded = encoder.encode_photos(pixels)
    photos = encoder.matcher.prepared(encoded)
    advance(len(pixels))
    ink = sketch_pixels(split.sketches, encoder.size, as_framed)
    if query != "sketch" and not encoder.has_words:
        raise InputError("this model takes no words; evaluate it with --query sketch")
    texts = {} if query == "sketch" else encoder.encode_text([s.category.replace("_", " ") for s in split.sketches])
    ranks = np.zeros((len(ink), width), dtype=np.int64)
    shown = min(SCORES, len(split.photos))
    nearest, scores = np.zeros((len(ink), 1, shown), dtype=np.int64), np.zeros((len(ink), 1, shown), dtype=np.float32)
    for start in range(0, len(ink), SKETCHES_AT_A_TIME):
        chunk = slice(start, start + SKETCHES_AT_A_TIME)
        words = {name: values[chunk] for name, values in texts.items()}
        features = words if query == "words" else encode_episodes(encoder, ink[chunk, None])
        if query == "both":
            features = fuse_features(features, words, WEIGHT, encoder.fusion)
        similarity = searched(encoder.matcher, features, photos)
        right = of_sketches[chunk, None] == of_photos
        order = ranking(similarity, right)
        ranks[chunk] = ranks_of_right(np.take_along_axis(right, order, axis=1), width)
        nearest[chunk, 0] = order[:, :shown]
        scores[chunk, 0] = np.take_along_axis(similarity, order[:, :shown], axis=1)
        advance(len(right))
    return Evaluation(ranks, nearest, scores, len(split.photos), encoded, relevant="category")


def searched(matcher: Matcher, sketches: Features, photos: Features) -> NDArray[np.float64]:
    """Similarities ``[sketches, photos]`` that rank as the app's search does.

    Where the matcher is not exact, it compares in full the ``RERANK`` photos that are closest by the single-vector
    form. The others, which a search does not find, follow in the order of the single-vector form.
    """
    in_full = np.asarray(matcher.similarity(sketches, photos), np.float64)
    if matcher.exact or in_full.shape[1] <= RERANK:
        return in_full
    by_vectors = _by_vectors(matcher, sketches, photos)
    place = np.argsort(np.argsort(-by_vectors, axis=1, kind="stable"), axis=1)
    # Candidates are at or above 0, the others below.
    return np.where(place < RERANK, in_full - in_full.min(), by_vectors - by_vectors.max() - 1)


def _by_vectors(matcher: Matcher, sketches: Features, photos: Features) -> NDArray[np.float64]:
    """Similarities of the single-vector forms that rank as the vector index does, ``[sketches, photos]``."""
    a = np.asarray(matcher.sketch_vector(sketches), np.float64)
    b = np.asarray(matcher.photo_vector(photos), np.float64)
    if matcher.distance == "cosine":
        a, b = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (a, b))
    products = a @ b.T
    return 2 * products - (b**2).sum(axis=1) if matcher.distance == "euclid" else products


def category_table(evaluation: Evaluation, split: Split) -> dict[str, OfCategory]:
    """``by_category`` of an evaluation of ``split`` by category."""
    of_sketches = [common_name(sketch.category) for sketch in split.sketches]
    of_first = [common_name(split.photos[photo].category) for photo in evaluation.nearest[:, 0, 0]]
    return by_category(evaluation.ranks, evaluation.gallery, of_sketches, of_first)
