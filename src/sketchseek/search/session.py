"""The live drawing session: frames of the page in, searches to run out.

``LiveSession`` does no input or output, never waits and never searches: the caller passes it what arrived and the time,
asks when the next search is due, and runs it. So the schedule lies in one place and is tested with a clock that stands
still.

The schedule: while the pen is down, a page rests after each search as long as that took, and then the next one starts.
A pen-up or a drawing sent anew is searched at once. A search always takes the drawing as it is when it starts, so that
no outdated drawing is ever searched.

New points are drawn onto the ink there is, so what a search costs does not grow with the drawing. Only where a drawing
is placed anew (``strokes.placing``), which happens while it is small, is it drawn again from its points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.search.limits import LIMITS, Limits, line_lengths
from sketchseek.search.protocol import (
    EndFrame,
    ErrorFrame,
    FramedFrame,
    FrameError,
    PageFrame,
    PointsFrame,
    RegionsFrame,
    SketchFrame,
    TargetFrame,
    TopFrame,
    WordsFrame,
    error_frame,
    parse_frame,
)
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.placing import AS_FRAMED, GrowingInk, Placement

# What a page may take of the searches' time: while others wait, they wait for at most one search of its.
LEAST_REST = 2  # times what its last search took, between the starts of two
URGENT_SECONDS, URGENT_SHARE = 0.5, 0.25  # of searches that wait for no rest: at once, and a second
LEAST_CHARGED = 0.02  # seconds that the shortest search counts as; to answer takes time, too


@dataclass(frozen=True, eq=False)
class Job:
    """One search to run: the drawing as it was when the search began, the words beside it, and what else to answer."""

    ink: Ink | None  # [256, 256]; None where nothing is drawn
    seq: int  # of the page's newest frame
    frame: int  # counts searches
    pen_down: bool
    length: float = 0.0  # of all lines as they are in the ink, in canvas widths
    placement: Placement = AS_FRAMED  # of the drawing in the ink
    target: str | None = None  # the photo whose rank is asked for
    regions: bool = False  # whether to say which regions decided
    top: int = LIMITS.results  # how many photos to answer
    words: str = ""
    weight: float = 0.5  # of the words beside the drawing, 0..1


@dataclass
class _Drawing:
    """The ink of a drawing and its totals."""

    growing: GrowingInk = field(default_factory=GrowingInk)
    strokes: int = 0
    points: int = 0
    raster_length: float = 0.0
    length: float = 0.0
    pen: NDArray[np.float64] | None = None  # the last point [1, 4] of the open stroke; None while the pen is up

    def add(self, strokes: list[NDArray[np.float64]], continues: bool, limits: Limits) -> None:
        """Add whole strokes, or to the open stroke (``continues``) more points. Raises InputError, before anything is
        changed, where the drawing would be larger than ``limits``.
        """
        lines = [np.concatenate([self.pen, *strokes])] if continues and self.pen is not None else strokes
        count = self.strokes + (0 if continues else len(strokes))
        points = self.points + sum(map(len, strokes))
        on_raster, length = line_lengths(lines)
        limits.check(count, points, self.raster_length + on_raster)
        self.growing.add(lines)
        self.strokes, self.points = count, points
        self.raster_length += on_raster
        self.length += length


class Prepared(NamedTuple):
    """A frame of the page that was read, and of a whole drawing its ink; or the refusal of one that cannot be used."""

    frame: PageFrame | None
    drawing: _Drawing | None
    refusal: ErrorFrame | None


def prepare_frame(text: str, limits: Limits = LIMITS) -> Prepared:
    """Read a frame, and draw the ink of a whole drawing: what takes long in one that is large. It needs no session, so
    another thread or process may do it.
    """
    seq = None
    try:
        frame = parse_frame(text, limits)
        if not isinstance(frame, SketchFrame):
            return Prepared(frame, None, None)
        seq = frame.seq
        drawing = _Drawing()
        drawing.add(frame.strokes, continues=False, limits=limits)
        return Prepared(SketchFrame(seq, []), drawing, None)
    except FrameError as error:
        return Prepared(None, None, error_frame(str(error), error.seq))
    except InputError as error:
        return Prepared(None, None, error_frame(str(error), seq))


@dataclass
class LiveSession:
    """What one page has drawn so far, and when it is to be searched.

    ``receive`` takes the page's frames, ``due_in`` says when to search, ``begin`` says what. Times are seconds of any
    monotonic clock, always the same one. ``practice`` says whether the page may name a target, ``words`` whether it may
    send words.
    """

    practice: bool = False
    words: bool = False
    limits: Limits = LIMITS
    _drawing: _Drawing = field(default_factory=_Drawing)
    _stroke: int = -1  # number of the newest stroke, open or ended
    _seq: int = -1  # of the newest frame that was understood
    _searches: int = 0  # begun so far
    _changed: bool = False  # since the last search began
    _urgent: bool = False  # whether to search without rest
    _began: float = -math.inf  # when the last search began
    _took: float = 0.0  # seconds, the last search
    _early: bool = False  # whether it did not rest
    _spare: float = URGENT_SECONDS  # of searches that need not wait, when it began or, if it has, ended
    _target: str | None = None
    _regions: bool = False
    _as_framed: bool = False
    _top: int = LIMITS.results
    _text: str = ""
    _weight: float = 0.5

    def receive(self, text: str) -> ErrorFrame | None:
        """Apply one frame of the page. One that is refused changes nothing; returned is the error frame to answer."""
        return self.apply(prepare_frame(text, self.limits))

    def apply(self, prepared: Prepared) -> ErrorFrame | None:
        """``receive`` for a frame that was read already."""
        frame = prepared.frame
        if frame is None:
            return prepared.refusal
        try:
            self._apply(frame, prepared.drawing)
        except InputError as error:
            return error_frame(str(error), frame.seq)
        self._seq = frame.seq
        self._changed = True
        self._urgent = self._urgent or not isinstance(frame, PointsFrame)
        return None

    def refresh(self) -> None:
        """Search what there is once more, as the photos have changed."""
        self._changed = self._changed or bool(self._drawing.strokes or self._text)

    def due_in(self, now: float) -> float | None:
        """Seconds until a search may begin (0: now), or None where there is nothing new to search."""
        if not self._changed:
            return None
        return 0.0 if self._urgent and self._spare_at(now) > 0 else max(0.0, self._next_at - now)

    def begin(self, now: float) -> Job:
        """The search to run now, of the newest drawing and words."""
        self._early = now < self._next_at
        self._spare = self._spare_at(now)
        self._changed = self._urgent = False
        self._began = now
        self._searches += 1
        drawing = self._drawing
        ink, placement = drawing.growing.ink(self._as_framed)
        return Job(
            ink=ink if drawing.strokes else None,
            seq=self._seq,
            frame=self._searches,
            pen_down=drawing.pen is not None,
            length=drawing.length * placement.scale,
            placement=placement,
            target=self._target,
            regions=self._regions,
            top=self._top,
            words=self._text,
            weight=self._weight,
        )

    def ended(self, now: float) -> None:
        """To be told when the search that ``begin`` gave has ended."""
        self._took = now - self._began
        if self._early:
            self._spare -= max(self._took, LEAST_CHARGED)

    @property
    def _next_at(self) -> float:
        """When the next search may begin that is not urgent."""
        return self._began + max(LEAST_CHARGED, LEAST_REST * self._took)

    def _spare_at(self, now: float) -> float:
        grown = URGENT_SHARE * max(0.0, now - self._began) if self._searches else 0.0
        return min(URGENT_SECONDS, self._spare + grown)

    def _apply(self, frame: PageFrame, drawing: _Drawing | None) -> None:
        if frame.seq <= self._seq:
            raise InputError(f"frame: 'seq' must be above {self._seq}, the newest one seen")
        match frame:
            case PointsFrame(stroke=number, points=points):
                self._add_points(number, points)
            case EndFrame(stroke=number):
                if number != self._stroke or self._drawing.pen is None:
                    raise InputError(f"frame: stroke {number} cannot end, it is not the one being drawn")
                self._drawing.pen = None
            case SketchFrame():
                assert drawing is not None
                self._drawing = drawing
            case RegionsFrame(on=on):
                self._regions = on
            case FramedFrame(on=on):
                self._as_framed = on
            case TopFrame(count=count):
                self._top = count
            case TargetFrame(id=photo):
                if not self.practice:
                    raise InputError("frame: a target is for practice only; start the server with --drawings")
                self._target = photo
            case WordsFrame(text=text, weight=weight):
                if not self.words:
                    raise InputError(
                        "frame: the gallery's model has no words; draw, or index with a model that has them"
                    )
                self._text, self._weight = text, weight

    def _add_points(self, number: int, points: NDArray[np.float64]) -> None:
        continues = number == self._stroke and self._drawing.pen is not None
        if not continues and number <= self._stroke:
            raise InputError(f"frame: stroke {number} has ended; a new stroke needs a number above {self._stroke}")
        self._drawing.add([points], continues, self.limits)
        self._stroke, self._drawing.pen = number, points[-1:]
