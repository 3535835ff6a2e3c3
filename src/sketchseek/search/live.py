"""The live drawing session: frames of the page in, searches to run and frames for the page out.

Nothing here waits, sleeps or computes: the caller tells the session what arrived and what time it is, asks when the
next search is due, runs it wherever it likes and hands the hits back. So the pace is decided in one place and tested
with a clock that stands still.

The pace: while the pen is down a search may start every 100 ms; a pen-up or a drawing sent anew is searched at once. A
search always takes the drawing as it is when it starts, so what became outdated while another one ran is never
searched.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.strokes.sketch import Sketch

TOP = 24  # hits in a results frame: full rows of a grid 2, 3, 4 or 6 wide
PACE = 0.1  # seconds between the starts of two searches while the pen is down

MAX_MESSAGE = 8 * 2**20  # bytes of one frame; the largest drawing allowed fits
MAX_STROKES = 2_000
MAX_POINTS = 200_000
MAX_ID = 100  # characters of a photo's id
MAX_WORDS = 500  # characters
MAX_LENGTH = 4_000.0  # of all lines together, in canvas widths; rasterising costs time and memory by the pixel
REACH = 4.0  # how far beyond the canvas a point may lie, in canvas widths, as far as the rasteriser looks


@dataclass(frozen=True)
class Job:
    """One search to run: the drawing as it stood, the words beside it, and what else the page wants to know."""

    sketch: Sketch
    seq: int
    frame: int
    pen_down: bool
    target: str | None = None  # the photo whose rank is asked for
    regions: bool = False  # whether the regions that decided are asked for
    words: str = ""
    weight: float = 0.5  # of the words beside the drawing, 0..1


@dataclass
class LiveSession:
    """What one page has drawn so far, and when it is to be searched.

    ``receive`` takes the page's frames, ``due_in`` says when to search, ``begin`` says what. Times are seconds of any
    monotonic clock, always the same one. ``practice`` says whether the page may name a target, ``words`` whether it may
    send words.
    """

    practice: bool = False
    words: bool = False
    _strokes: list[NDArray[np.float64]] = field(default_factory=list)  # ended ones
    _open: list[NDArray[np.float64]] = field(default_factory=list)  # the stroke being drawn, in the pieces that came
    _number: int = -1  # of the newest stroke, open or ended
    _points: int = 0
    _length: float = 0.0
    _seq: int = -1  # of the newest frame that was understood
    _frame: int = 0  # searches begun so far
    _waiting: bool = False  # something has changed since the last search began
    _urgent: bool = False  # and it was the pen going up, or a drawing anew
    _began: float = -np.inf  # when the last search began
    _target: str | None = None
    _regions: bool = False
    _text: str = ""
    _weight: float = 0.5

    def receive(self, text: str) -> dict[str, Any] | None:
        """Apply one frame of the page.

        A frame that is not what the page sends changes nothing; what comes back then is the ``error`` frame to answer
        with.
        """
        seq = None
        try:
            frame = _parse(text)
            seq = _whole(frame, "seq")
            if seq <= self._seq:
                raise InputError(f"frame: 'seq' must be above {self._seq}, the newest one seen")
            self._apply(frame)
        except InputError as error:
            return error_json(str(error), seq)
        self._seq = seq
        self._waiting = True
        return None

    def due_in(self, now: float) -> float | None:
        """Seconds until a search may begin (0: now), or None where there is nothing new to search."""
        if not self._waiting:
            return None
        return 0.0 if self._urgent else max(0.0, self._began + PACE - now)

    def begin(self, now: float) -> Job:
        """The search to run now, of the newest drawing and words there are. Where both are empty there are no hits."""
        self._waiting = self._urgent = False
        self._began = now
        self._frame += 1
        open_stroke = [np.concatenate(self._open)] if self._open else []
        return Job(
            sketch=Sketch.from_arrays([*self._strokes, *open_stroke]),
            seq=self._seq,
            frame=self._frame,
            pen_down=bool(self._open),
            target=self._target,
            regions=self._regions,
            words=self._text,
            weight=self._weight,
        )

    def _apply(self, frame: dict[str, Any]) -> None:
        kind = frame.get("type")
        if kind == "points":
            self._add_points(_whole(frame, "stroke"), _read_points(frame.get("points"), "points"))
        elif kind == "end":
            self._end_stroke(_whole(frame, "stroke"))
        elif kind == "sketch":
            self._replace(frame.get("strokes"))
        elif kind == "regions":
            self._ask_for_regions(frame.get("on"))
        elif kind == "target" and self.practice:
            self._ask_for_rank(frame.get("id"))
        elif kind == "words" and self.words:
            self._take_words(frame.get("text"), frame.get("weight"))
        elif kind == "words":
            raise InputError("frame: the gallery's model has no words; draw, or index with a model that has them")
        else:
            raise InputError("frame: 'type' must be points, end, sketch, regions or words (or target, in practice)")

    def _add_points(self, number: int, points: NDArray[np.float64]) -> None:
        goes_on = number == self._number and bool(self._open)
        if not goes_on and number <= self._number:
            raise InputError(f"frame: stroke {number} has ended; a new stroke needs a number above {self._number}")
        if not goes_on and len(self._strokes) + bool(self._open) >= MAX_STROKES:
            raise InputError(f"drawing: at most {MAX_STROKES:,} strokes; simplify it")
        count = self._points + len(points)
        length = self._length + _length(np.concatenate([self._open[-1][-1:], points]) if goes_on else points)
        _check_size(count, length)
        if not goes_on:
            self._close()
        self._open.append(points)
        self._number, self._points, self._length = number, count, length

    def _end_stroke(self, number: int) -> None:
        if number != self._number or not self._open:
            raise InputError(f"frame: stroke {number} cannot end, it is not the one being drawn")
        self._close()
        self._urgent = True

    def _replace(self, strokes: object) -> None:
        if not isinstance(strokes, list) or len(strokes) > MAX_STROKES:
            raise InputError(f"frame: 'strokes' must be a list of at most {MAX_STROKES:,} strokes")
        arrays = [_read_points(points, "strokes") for points in strokes]
        count, length = sum(map(len, arrays)), sum(map(_length, arrays))
        _check_size(count, length)
        self._close()
        self._strokes, self._points, self._length = arrays, count, length
        self._urgent = True

    def _ask_for_regions(self, on: object) -> None:
        if not isinstance(on, bool):
            raise InputError("frame: 'on' must be true or false")
        self._regions = on
        self._urgent = True

    def _ask_for_rank(self, photo: object) -> None:
        if not (photo is None or (isinstance(photo, str) and len(photo) <= MAX_ID)):
            raise InputError("frame: 'id' must be the id of a photo, or null")
        self._target = photo
        self._urgent = True

    def _take_words(self, text: object, weight: object) -> None:
        if not isinstance(text, str) or len(text) > MAX_WORDS:
            raise InputError(f"frame: 'text' must be text of at most {MAX_WORDS} characters")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
            raise InputError("frame: 'weight' must be a number from 0 to 1")
        self._text, self._weight = text.strip(), float(weight)
        self._urgent = True

    def _close(self) -> None:
        """End the open stroke, if there is one."""
        if self._open:
            self._strokes.append(np.concatenate(self._open))
        self._open = []


def error_json(message: str, seq: int | None = None) -> dict[str, Any]:
    """An ``error`` frame; ``seq`` names the page's frame that it is about, where that could be read."""
    return {"type": "error", "seq": seq, "message": message}


def check_limits(sketch: Sketch) -> None:
    """Raise InputError for a drawing, from wherever it comes, that would cost a server too much to search."""
    if len(sketch.strokes) > MAX_STROKES:
        raise InputError(f"drawing: at most {MAX_STROKES:,} strokes; simplify it")
    _check_size(len(sketch), sum(map(_length, sketch.strokes)))


def _check_size(points: int, length: float) -> None:
    if points > MAX_POINTS:
        raise InputError(f"drawing: at most {MAX_POINTS:,} points; simplify it")
    if length > MAX_LENGTH:
        raise InputError(f"drawing: its lines are longer than {MAX_LENGTH:,.0f} canvas widths; simplify it")


def _parse(text: str) -> dict[str, Any]:
    if len(text) > MAX_MESSAGE:
        raise InputError(f"frame: longer than {MAX_MESSAGE:,} characters")
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("frame: not JSON") from error
    if not isinstance(frame, dict):
        raise InputError("frame: must be a JSON object")
    return frame


def _whole(frame: dict[str, Any], name: str) -> int:
    value = frame.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise InputError(f"frame: '{name}' must be a whole number, 0 or more")
    return value


def _read_points(points: object, name: str) -> NDArray[np.float64]:
    """Points as float64 ``[n, 4]``, n >= 1."""
    complaint = f"frame: '{name}' must hold points [x, y, time, pressure] of finite numbers"
    if not isinstance(points, list) or not 1 <= len(points) <= MAX_POINTS:
        raise InputError(complaint)
    try:
        array = np.asarray(points)
    except (ValueError, OverflowError) as error:  # rows of different lengths
        raise InputError(complaint) from error
    # The kind is looked at before numpy may turn text into numbers.
    if array.dtype.kind not in "iuf" or array.shape != (len(points), 4) or not np.isfinite(array).all():
        raise InputError(complaint)
    if array[:, :2].min() < -REACH or array[:, :2].max() > 1 + REACH:
        raise InputError(f"frame: '{name}' lie more than {REACH:g} canvas widths off the canvas")
    return array.astype(np.float64)


def _length(points: NDArray[np.float64]) -> float:
    """How many canvas widths of line the rasteriser walks along."""
    return float(np.abs(np.diff(points[:, :2], axis=0)).max(axis=1).sum()) if len(points) > 1 else 0.0
