"""The search behind a live session: photos, their confidence, the rank of a target, and the regions that decided."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.matching import Features
from sketchseek.model.confidence import Confidence, ConfidenceTracker
from sketchseek.model.sketch_encoder import SketchEncoder
from sketchseek.search.limits import LIMITS
from sketchseek.search.protocol import HitEntry, RegionsEntry, ResultsFrame, TargetEntry
from sketchseek.search.regions import DecisiveRegions
from sketchseek.search.searcher import Hit, Searcher, TextQuery
from sketchseek.search.session import Job


@dataclass(frozen=True)
class Answer:
    """What a search found.

    ``confidence`` is the probability that the first hit is the right one. It is None where the model is not calibrated,
    and while words take part, as it was fitted to drawings alone. ``target_rank`` is the rank of the job's target among
    all photos. ``regions`` are None unless asked for. ``remark`` says which words the model does not know, where there
    are such; where it knows none of them, the drawing was searched alone.
    """

    hits: Sequence[Hit] = ()
    confidence: float | None = None
    target_rank: int | None = None
    regions: DecisiveRegions | None = None
    remark: str = ""


class LiveSearch:
    """Searches for one page, and reuses what its newest search computed. Each page has its own.

    It must be passed every job of its page in order: features, confidence and a recurrent model's state depend on the
    drawing's history.
    """

    def __init__(self, searcher: Searcher) -> None:
        self._begin(searcher)

    def _begin(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._model = searcher.gallery.model
        self._encoder = SketchEncoder(self._model)
        fitted = self._model.config.get("confidence")
        self._confidence = None if fitted is None else Confidence.from_json(fitted)
        self._tracker: ConfidenceTracker | None = None  # of the drawing on the sheet
        # The newest text, encoded (None where the model knows no word of it), and the remark on it: so that the next
        # stroke need not read it again.
        self._read: tuple[str, TextQuery | None, str] = ("", None, "")
        # The query of the newest search (features of the drawing, text, weight of the text, how many photos) and its
        # hits, which hold as long as the gallery has not changed.
        self._query: tuple[Features | None, str, float, int] = (None, "", 0.0, 0)
        self._gallery_changes = searcher.gallery.changes
        self._hits: list[Hit] = []

    def answer(self, job: Job) -> Answer:
        """Search. An empty drawing without words finds nothing; the target is ranked only while the pen is up.

        Raises InputError for a target that the gallery does not have, and for words where the model has none.
        """
        if self._searcher.gallery.model is not self._model:
            self._begin(self._searcher)
        drawn = job.ink is not None
        text, remark = self._encode_text(job) if job.words and (job.weight or not drawn) else (None, "")
        if not drawn or text is not None:
            self._tracker = None
        if not drawn and text is None:
            return Answer(remark=remark)
        # While the pen is down a recurrent model's state stays: it was trained on far fewer steps.
        features = None if job.ink is None else self._encoder.encode(job.ink, advance=not job.pen_down)
        query = (features, "", 0.0, job.top) if text is None else (features, text.text, text.weight, job.top)
        # Where no pixel has changed the encoder returns the same object.
        changes = self._searcher.gallery.changes
        if features is not self._query[0] or query[1:] != self._query[1:] or changes != self._gallery_changes:
            self._hits, self._query = self._searcher.search_features(features, job.top, text), query
            self._gallery_changes = changes
        hits, rank, regions = self._hits, None, None
        if job.target is not None and not job.pen_down:  # ranking all photos may take long
            try:
                rank = self._searcher.rank_of_features(features, job.target, text)
            except KeyError:
                raise InputError(f"the gallery has no photo {job.target!r} to practise with") from None
        if job.regions and hits and features is not None and self._searcher.has_regions:
            regions = self._searcher.decisive_regions(features, hits[: LIMITS.results])
        return Answer(
            hits,
            self._confidence_in(hits[: LIMITS.results], job.length) if text is None else None,
            rank,
            regions,
            remark,
        )

    def _encode_text(self, job: Job) -> tuple[TextQuery | None, str]:
        if self._read[0] != job.words:
            known = self._searcher.knows(job.words)
            text = self._searcher.encode_text(job.words) if known else None
            self._read = job.words, text, self._searcher.remark(job.words)
        _, text, remark = self._read
        return text and replace(text, weight=job.weight), remark

    def _confidence_in(self, hits: Sequence[Hit], length: float) -> float | None:
        if self._confidence is None or not hits:
            return None
        if self._tracker is None:
            self._tracker = ConfidenceTracker(self._confidence, len(self._searcher.gallery))
        return self._tracker.update(hits[0].id, [hit.score for hit in hits], length)


def hit_entry(hit: Hit) -> HitEntry:
    """A hit for the page."""
    return {
        "id": hit.id,
        "name": hit.name,
        "rank": hit.rank,
        "score": hit.score,
        "width": hit.width,
        "height": hit.height,
        "offline": hit.offline,
    }


def results_frame(job: Job, answer: Answer, seconds: float) -> ResultsFrame:
    """The frame that tells the page the answer to a job, which took so many seconds."""
    return {
        "type": "results",
        "seq": job.seq,
        "frame": job.frame,
        "pen_down": job.pen_down,
        "milliseconds": round(seconds * 1000, 1),
        "hits": [hit_entry(hit) for hit in answer.hits],
        "confidence": None if answer.confidence is None else round(answer.confidence, 4),
        "target": _target_entry(job.target, answer.target_rank),
        "regions": None if answer.regions is None else _regions_entry(answer.regions),
        "remark": answer.remark,
        "placement": {"scale": job.placement.scale, "x": job.placement.x, "y": job.placement.y},
    }


def _target_entry(photo: str | None, rank: int | None) -> TargetEntry | None:
    return None if photo is None or rank is None else {"id": photo, "rank": rank}


def _regions_entry(regions: DecisiveRegions) -> RegionsEntry:
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
