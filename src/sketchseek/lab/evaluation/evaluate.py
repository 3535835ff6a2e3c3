"""Encode a split and rank its photos for every sketch at every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Photo, SketchItem, Split
from sketchseek.lab.evaluation.categories import category_figures
from sketchseek.lab.evaluation.metrics import SUCCESS, Figures, Relevant, figures, ranks_of, success_step
from sketchseek.matching import Features
from sketchseek.matching.fusion import ITM_CANDIDATES, fuse_features
from sketchseek.model.confidence import SCORES
from sketchseek.model.encoder import Encoder, Query, encode_episodes

SKETCHES_AT_A_TIME = 8

WEIGHT = 0.5  # of the words in a fused query, as in training


@dataclass(frozen=True)
class Evaluation:
    """The ranking of the photos for every query at every step; at category level only for complete sketches."""

    # Of the right photo, [queries, steps]; 1 is best. At category level of all right photos, as ``ranks_of_right``.
    ranks: NDArray[np.int64]
    nearest: NDArray[np.int64] = field(repr=False)  # [queries, steps, up to 24], indices of photos, closest first
    scores: NDArray[np.float32] = field(repr=False)  # of ``nearest``
    gallery: int  # the number of photos
    # Features of the photos and of the complete sketches, for reports; no sketches if only words were encoded.
    photos: Features = field(default_factory=dict, repr=False)
    sketches: Features = field(default_factory=dict, repr=False)
    by_vectors: NDArray[np.int64] | None = field(default=None, repr=False)  # ranks before re-ranking by ITM, if it was
    relevant: Relevant = "photo"

    @property
    def steps(self) -> int:
        return self.nearest.shape[1]

    @property
    def top(self) -> NDArray[np.int64]:
        """The photos closest to the complete sketch, closest first, ``[queries, up to 10]``."""
        return self.nearest[:, -1, :10]

    def figures(self) -> Figures:
        return self._figures(self.ranks)

    def per_drawer(self, split: Split) -> dict[str, Figures]:
        """The metrics for each drawer's sketches, if the data set has drawers."""
        drawers = np.array([s.drawer for s in split.sketches])
        return {str(d): self._figures(self.ranks[drawers == d]) for d in np.unique(drawers) if d}

    def _figures(self, ranks: NDArray[np.int64]) -> Figures:
        return (figures if self.relevant == "photo" else category_figures)(ranks, self.gallery)

    def median_strokes(self, split: Split) -> dict[str, float | None]:
        """The median number of strokes, including an unfinished one, until the right photo stays among the first k.

        Returns ``{"median_strokes_to_success@k": ...}``. A value is None if half of the sketches never succeed, or if
        there are no strokes, or only one step.
        """
        names = {k: f"median_strokes_to_success@{k}" for k in SUCCESS}
        if self.steps == 1 or not all(s.strokes is not None for s in split.sketches):
            return dict.fromkeys(names.values())
        strokes = np.array([[*strokes_begun(s, self.steps), np.inf] for s in split.sketches])
        medians = {
            k: float(np.median(np.take_along_axis(strokes, success_step(self.ranks, k)[:, None], axis=1)))
            for k in SUCCESS
        }
        return {names[k]: median if np.isfinite(median) else None for k, median in medians.items()}


def default_steps(split: Split) -> int:
    """20 if every sketch of the split has strokes or frames, else 1, which is the complete sketch only."""
    return 20 if split.sketches and all(has_steps(s) for s in split.sketches) else 1


def default_query(encoder: Encoder, split: Split) -> Query:
    """The query that the model was trained for, if it takes words and all photos have captions; else the sketch."""
    if not encoder.has_words or _wordless(encoder, split):
        return "sketch"
    return encoder.query


def matching_helps(encoder: Encoder, split: Split) -> bool | None:
    """Whether re-ranking by image-text matching (ITM) raises the mean reciprocal rank of searches by words alone.

    None if the model cannot match, or if photos have no captions.
    """
    if not encoder.can_match or not split.sketches or _wordless(encoder, split):
        return None
    found = evaluate(encoder, split, query="words")
    assert found.by_vectors is not None
    return bool((1 / found.ranks).mean() > (1 / found.by_vectors).mean())


def _wordless(encoder: Encoder, split: Split) -> int:
    """The number of sketches whose photo has no caption."""
    return sum(not _caption(encoder, split.photos[sketch.photo]) for sketch in split.sketches)


def _caption(encoder: Encoder, photo: Photo) -> str:
    """A photo's caption. For a model that knows names and no other words, the caption or category that holds one."""
    names = encoder.names
    if names is None:
        return photo.caption
    return next((text for text in (photo.caption, photo.category) if names.read(text).names), "")


def has_steps(sketch: SketchItem) -> bool:
    """Whether there are partial sketches of it: it has strokes, or frames."""
    return sketch.strokes is not None or bool(sketch.frames)


def strokes_begun(sketch: SketchItem, steps: int) -> NDArray[np.intp]:
    """The number of strokes at each step, including an unfinished one, ``[steps]``; the sketch must have strokes."""
    from sketchseek.strokes import last_points

    assert sketch.strokes is not None
    return sketch.strokes.stroke_of_point[last_points(len(sketch.strokes), steps)] + 1


def evaluate(
    encoder: Encoder,
    split: Split,
    steps: int = 1,
    advance: Callable[[int], None] = lambda images: None,
    part: slice = slice(None),
    query: Query = "sketch",
    as_framed: bool = True,
) -> Evaluation:
    """Encode all photos and all partial sketches of the split, and rank the photos for each.

    ``advance(n)`` is called whenever n more images are encoded. ``part`` selects some of the ``steps``. With ``query``
    "both", the query at every step is the partial sketch and the caption of its photo; with "words", it is the caption
    only, and all steps are equal. If the model can match, the first 128 photos of a search by words alone are re-ranked
    by their similarity plus the logit that text and photo match (ITM). Sketches lie where they were drawn
    (``as_framed``), or as the app places them (``strokes.placed``). Where the split is ``within_category``, photos of
    other categories come last and count for nothing.

    Raises InputError for a split without photos or sketches, for steps > 1 if a sketch has no strokes or frames, and
    for words if the model takes none or a photo has no caption.
    """
    from sketchseek.lab.datasets.pixels import photo_pixels, sketch_frames, sketch_pixels

    if not split.photos or not split.sketches:
        raise InputError("there is nothing to evaluate: the split has no photos or no sketches")
    if steps > 1 and not all(has_steps(s) for s in split.sketches):
        raise InputError("partial sketches need strokes, this data has none; use --extract-strokes or --steps 1")
    pixels = photo_pixels(split.photos, encoder.size)
    encoded = encoder.encode_photos(pixels)
    photos = encoder.matcher.prepared(encoded)
    advance(len(pixels))
    target = np.array([s.photo for s in split.sketches])
    if query == "words":
        similarity = encoder.matcher.similarity(_encoded_captions(encoder, split), photos)
        every = len(range(steps)[part])
        by_vectors = None
        if encoder.can_match:
            of_category = _own_category_first(similarity, split, slice(None))
            by_vectors = np.repeat(ranks_of(of_category, target)[:, None], every, axis=1)
            similarity = _matched(encoder, split, similarity, encoded["tokens"])
        similarity = _own_category_first(similarity, split, slice(None))
        advance(len(target) * every)
        ranks, nearest, scores = (np.repeat(a[:, None], every, axis=1) for a in _ranked(similarity, target))
        return Evaluation(ranks, nearest, scores, split.gallery, encoded, {}, by_vectors)
    texts = None if query == "sketch" else _encoded_captions(encoder, split)
    complete = sketch_pixels(split.sketches, encoder.size, as_framed) if steps == 1 else None
    found: list[list[NDArray[Any]]] = []
    drawn: list[Features] = []
    for start in range(0, len(target), SKETCHES_AT_A_TIME):
        chunk = slice(start, start + SKETCHES_AT_A_TIME)
        if complete is not None:
            frames = complete[chunk, None]
        else:
            frames = np.stack([sketch_frames(s, steps, encoder.size, as_framed)[part] for s in split.sketches[chunk]])
        shape = frames.shape[:2]  # sketches, steps
        features = encode_episodes(encoder, frames)
        drawn.append({name: values[shape[1] - 1 :: shape[1]].copy() for name, values in features.items()})
        if texts is not None:
            words = {name: np.repeat(values[chunk], shape[1], axis=0) for name, values in texts.items()}
            features = fuse_features(features, words, WEIGHT, encoder.fusion)
        similarity = _own_category_first(encoder.matcher.similarity(features, photos), split, chunk)
        ranked = _ranked(similarity, np.repeat(target[chunk], shape[1]))
        found.append([a.reshape(*shape, *a.shape[1:]) for a in ranked])
        advance(shape[0] * shape[1])
    ranks, nearest, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    sketches = {name: np.concatenate([features[name] for features in drawn]) for name in drawn[0]}
    return Evaluation(ranks, nearest, scores, split.gallery, encoded, sketches)


def _own_category_first(similarity: NDArray[np.float32], split: Split, chunk: slice) -> NDArray[np.float32]:
    """Where the split is ``within_category``, the similarities ``[sketches of the chunk x steps, photos]`` with those
    of other categories below all others, in their order.
    """
    if not split.within_category:
        return similarity
    of_photos = np.array([photo.category for photo in split.photos])
    of_sketches = np.array([split.photos[sketch.photo].category for sketch in split.sketches[chunk]])
    other = np.repeat(of_sketches, len(similarity) // len(of_sketches))[:, None] != of_photos
    return similarity - other * (np.ptp(similarity) + 1)


def _ranked(similarity: NDArray[np.float32], target: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """The rank of the right photo ``[queries]``, the nearest photos and their scores ``[queries, up to 24]``."""
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :SCORES]
    return ranks_of(similarity, target), order, np.take_along_axis(similarity, order, axis=1)


def _matched(
    encoder: Encoder, split: Split, similarity: NDArray[np.float32], photo_tokens: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Re-rank by ITM: add the match logits to the similarities ``[sketches, photos]`` of the first 128 photos.

    The other photos keep their order behind these.
    """
    result = similarity - 2  # the others, all below the lowest similarity a cosine can have
    for row, sketch in enumerate(split.sketches):
        least = np.sort(similarity[row])[-ITM_CANDIDATES:][0]
        closest = np.flatnonzero(similarity[row] >= least)
        logits = encoder.match(split.photos[sketch.photo].caption, photo_tokens[closest])
        scores = similarity[row, closest] + logits
        result[row] += min(scores.min(), 0.0)
        result[row, closest] = scores
    return result


def _encoded_captions(encoder: Encoder, split: Split) -> Features:
    """The features of the captions of the sketches' photos. Raises InputError as ``evaluate``."""
    if not encoder.has_words:
        raise InputError("this model takes no words; evaluate it with --query sketch")
    wordless = _wordless(encoder, split)
    if wordless:
        lacking = "a caption" if encoder.names is None else "a caption or category that the model knows"
        raise InputError(
            f"{wordless} of {len(split.sketches)} sketches are of photos without {lacking}; evaluate with "
            "--query sketch"
        )
    return encoder.encode_text([_caption(encoder, split.photos[s.photo]) for s in split.sketches])


def evaluate_levels(
    encoders: Mapping[float, Encoder],
    split: Split,
    steps: int,
    advance: Callable[[int], None] = lambda images: None,
    query: Query = "sketch",
    as_framed: bool = True,
) -> Evaluation:
    """Evaluate several models as one; keys are the shares of a drawing (0..1) that they were trained for.

    Step t of T uses the model with the lowest share that is at least t / T (Bhunia et al., CVPR 2020, baseline B3).
    Raises InputError as ``evaluate`` does, and if no model was trained for the complete sketch.
    """
    if max(encoders) < 1:
        raise InputError(f"none of the models was trained beyond {max(encoders):.0%} of a drawing; add one that was")
    parts, begin = [], 0
    for level, encoder in sorted(encoders.items()):
        end = int(level * steps + 1e-9)
        if end > begin:
            parts.append(evaluate(encoder, split, steps, advance, slice(begin, end), query, as_framed))
            begin = end
    ranks, nearest, scores = (
        np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ("ranks", "nearest", "scores")
    )
    return Evaluation(ranks, nearest, scores, split.gallery, parts[-1].photos, parts[-1].sketches)
