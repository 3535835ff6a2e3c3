"""What one page's drawing is answered with: the photos, how sure that is, and what else the page asked for."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.matching import Features
from sketchseek.model.confidence import Confidence, Settling
from sketchseek.search.deciding import Deciding
from sketchseek.search.live import TOP, Job
from sketchseek.search.searcher import Hit, Searcher, Words
from sketchseek.strokes.sketch import Sketch


@dataclass(frozen=True)
class Answer:
    """``confidence``: the probability that the first hit is the right one, None where the model cannot tell and while
    words take part, as it was fitted to drawings alone; ``target_rank``: that of the photo asked for, among all;
    ``regions``: None where they were not asked for.
    """

    hits: Sequence[Hit] = ()
    confidence: float | None = None
    target_rank: int | None = None
    regions: Deciding | None = None


class LiveSearch:
    """Answers one page: it keeps what the page's drawing was last encoded to and how its answer settled, so it is told
    every job of that page, in their order, and of no other.
    """

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._encoder = searcher.gallery.model.sketch_encoder()
        fitted = searcher.gallery.model.config.get("confidence")
        self._confidence = None if fitted is None else Confidence.from_json(fitted)
        self._settling: Settling | None = None  # of the drawing on the sheet
        self._words: Words | None = None  # the newest ones; the next stroke need not read them again
        # What was searched last, and what it found: the features of the drawing, the words, and their weight.
        self._asked: tuple[Features | None, str, float] = (None, "", 0.0)
        self._hits: list[Hit] = []

    def answer(self, job: Job) -> Answer:
        """Search. Nothing is found for an empty drawing without words; a rank is told only once the pen is up.

        Raises InputError for a target that the gallery does not have, and for words where the model has none.
        """
        drawn = bool(job.sketch.strokes)
        words = self._read(job) if job.words and (job.weight or not drawn) else None
        if not drawn or words is not None:
            self._settling = None
        if not drawn and words is None:
            return Answer()
        features = self._encoder.encode(job.sketch, passing=job.pen_down) if drawn else None
        text, weight = ("", 0.0) if words is None else (words.text, words.weight)
        # The encoder gives the same features where no pixel has changed.
        if features is not self._asked[0] or (text, weight) != self._asked[1:]:
            self._hits, self._asked = self._searcher.search_features(features, TOP, words), (features, text, weight)
        hits, rank, regions = self._hits, None, None
        if job.target is not None and not job.pen_down:  # to rank among all may take longer than a stroke leaves time
            try:
                rank = self._searcher.rank_of_features(features, job.target, words)
            except KeyError:
                raise InputError(f"the gallery has no photo {job.target!r} to practise with") from None
        if job.regions and hits and features is not None and self._searcher.tells_regions:
            regions = self._searcher.deciding(features, hits)
        return Answer(hits, self._sureness(job, hits) if words is None else None, rank, regions)

    def _read(self, job: Job) -> Words:
        if self._words is None or self._words.text != job.words:
            self._words = self._searcher.read(job.words)
        return replace(self._words, weight=job.weight)

    def _sureness(self, job: Job, hits: Sequence[Hit]) -> float | None:
        if self._confidence is None or not hits:
            return None
        if self._settling is None:
            self._settling = Settling(self._confidence, len(self._searcher.gallery))
        return self._settling.update(hits[0].id, [hit.score for hit in hits], _ink(job.sketch))


def _ink(sketch: Sketch) -> float:
    """The length of all lines, in canvas widths."""
    return sum(float(np.hypot(*np.diff(stroke[:, :2], axis=0).T).sum()) for stroke in sketch.strokes)


def hit_json(hit: Hit) -> dict[str, Any]:
    """A hit as the page sees it; where the photo lies on this machine is not its business."""
    return {
        "id": hit.id,
        "name": hit.name,
        "rank": hit.rank,
        "score": hit.score,
        "width": hit.width,
        "height": hit.height,
    }


def results_json(job: Job, answer: Answer, seconds: float) -> dict[str, Any]:
    """The ``results`` frame for the page."""
    return {
        "type": "results",
        "seq": job.seq,
        "frame": job.frame,
        "pen_down": job.pen_down,
        "milliseconds": round(seconds * 1000, 1),
        "hits": [hit_json(hit) for hit in answer.hits],
        "confidence": None if answer.confidence is None else round(answer.confidence, 4),
        "target": None if answer.target_rank is None else {"id": job.target, "rank": answer.target_rank},
        "regions": None if answer.regions is None else _regions_json(answer.regions),
    }


def _regions_json(regions: Deciding) -> dict[str, Any]:
    """Maps as base64 of their bytes, row by row: a few hundred characters a photo."""

    def text(maps: NDArray[np.uint8]) -> str:
        return base64.b64encode(maps.tobytes()).decode()

    return {
        "shape": list(regions.sketch.shape),
        "sketch": text(regions.sketch),
        "hits": [
            {"maps": text(maps), "strength": strength.round(2).tolist()}
            for maps, strength in zip(regions.photos, regions.strength, strict=True)
        ],
    }
