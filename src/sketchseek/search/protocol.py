"""The frames of the live session: JSON text over the WebSocket ``/api/live``.

``parse_frame`` reads what the page sends into one of the frozen dataclasses of ``PageFrame``, and ``write_frame`` is
the reverse. What the server sends, also over HTTP, are typed dictionaries, ready for JSON. Each frame is an object with
a ``type``. Points are ``[x, y, time, pressure]`` as in ``Sketch``: canvas widths, milliseconds, 0..1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.files import decode_json
from sketchseek.search.limits import LIMITS, Limits

MAX_ID = 100  # characters of a photo's id

# --- from the page ---
#
# ``seq`` counts the page's frames and only rises within a connection, as does ``stroke``.


@dataclass(frozen=True, eq=False)
class PointsFrame:
    """``{"type": "points", "seq", "stroke", "points"}``: more points of a stroke; a new number begins a stroke.

    ``points`` is float64 ``[n, 4]``, n >= 1.
    """

    seq: int
    stroke: int
    points: NDArray[np.float64]


@dataclass(frozen=True)
class EndFrame:
    """``{"type": "end", "seq", "stroke"}``: pen up."""

    seq: int
    stroke: int


@dataclass(frozen=True, eq=False)
class SketchFrame:
    """``{"type": "sketch", "seq", "strokes"}``: the whole drawing, in place of what was there (undo, redo, erase,
    clear). It ends the open stroke.
    """

    seq: int
    strokes: list[NDArray[np.float64]]


@dataclass(frozen=True)
class RegionsFrame:
    """``{"type": "regions", "seq", "on"}``: whether results say which regions decided, from now on."""

    seq: int
    on: bool


@dataclass(frozen=True)
class FramedFrame:
    """``{"type": "framed", "seq", "on"}``: whether the sheet is the photo's frame, from now on. At first it is not:
    where and how large one draws does not matter (``strokes.placing``).
    """

    seq: int
    on: bool


@dataclass(frozen=True)
class TopFrame:
    """``{"type": "top", "seq", "count"}``: results hold so many photos from now on, 1..``Limits.top``. At first they
    hold ``Limits.results``.
    """

    seq: int
    count: int


@dataclass(frozen=True)
class TargetFrame:
    """``{"type": "target", "seq", "id"}``: tell this photo's rank from now on (null: none). In practice only."""

    seq: int
    id: str | None


@dataclass(frozen=True)
class WordsFrame:
    """``{"type": "words", "seq", "text", "weight"}``: search with this text from now on (empty: without).

    ``weight`` is that of the text beside the drawing, 0..1.
    """

    seq: int
    text: str
    weight: float


PageFrame: TypeAlias = (
    PointsFrame | EndFrame | SketchFrame | RegionsFrame | FramedFrame | TopFrame | TargetFrame | WordsFrame
)

# --- from the server ---


class GalleryEntry(TypedDict):
    name: str
    model: str  # the model's hash


class HelloFrame(TypedDict):
    """The first frame of a connection. ``regions``, ``practice`` and ``words`` say whether the page may ask for them;
    ``following`` whether folders are followed, None where the page cannot switch that. ``limits`` are the fields of
    ``Limits``.
    """

    type: Literal["hello"]
    gallery: GalleryEntry
    photos: int
    following: bool | None
    regions: bool
    practice: bool
    words: bool
    limits: dict[str, float]


class GalleryFrame(TypedDict):
    """Something of the gallery has changed: how many photos there are now, how many files are being read, and whether
    its folders are followed.
    """

    type: Literal["gallery"]
    photos: int
    reading: int
    following: bool


class HitEntry(TypedDict):
    """A photo found. Where it lies on the server's disk is not told. ``offline``: its file was not there when it was
    last looked for.
    """

    id: str
    name: str
    rank: int
    score: float
    width: int
    height: int
    offline: bool


class TargetEntry(TypedDict):
    id: str
    rank: int


class HitRegionsEntry(TypedDict):
    maps: str  # base64 of uint8 [N, h, w]
    strength: list[float]  # N numbers, 0..1


class RegionsEntry(TypedDict):
    """``search.regions.DecisiveRegions``; maps are base64 of their bytes, row by row."""

    shape: list[int]  # [N, h, w]
    sketch: str
    hits: list[HitRegionsEntry]


class PlacementEntry(TypedDict):
    """How the drawing was placed: point (u, v) of the sheet was searched at (scale u + x, scale v + y)."""

    scale: float
    x: float
    y: float


class ResultsFrame(TypedDict):
    """The photos closest to the drawing and words as they were after the page's frame ``seq``; ``frame`` counts
    searches. ``remark`` says which of the words the model does not know, "" where it knows all.
    """

    type: Literal["results"]
    seq: int
    frame: int
    pen_down: bool
    milliseconds: float
    hits: list[HitEntry]
    confidence: float | None
    target: TargetEntry | None
    regions: RegionsEntry | None
    remark: str
    placement: PlacementEntry


class ErrorFrame(TypedDict):
    """A refusal in one line; ``seq`` is that of the page's frame, null where it could not be read."""

    type: Literal["error"]
    seq: int | None
    message: str


class SimilarAnswer(TypedDict):
    """The answer of ``POST /api/photos/{id}/similar``; fields as in ``ResultsFrame``."""

    hits: list[HitEntry]
    milliseconds: float
    remark: str


class SearchAnswer(SimilarAnswer):
    """The answer of ``POST /api/search``. ``strokes`` are those of the drawing, ``[n, 4]`` each; None for a picture and
    for words alone.
    """

    strokes: list[list[list[float]]] | None


class HealthAnswer(TypedDict):
    """The answer of ``GET /api/health``: ``reading`` counts the files being read, ``model`` is the model's hash."""

    status: Literal["ok"]
    version: str
    photos: int
    reading: int
    following: bool
    model: str


def error_frame(message: str, seq: int | None = None) -> ErrorFrame:
    return {"type": "error", "seq": seq, "message": message}


# --- writing and reading the page's frames ---

_TYPES: dict[type[PageFrame], str] = {
    PointsFrame: "points",
    EndFrame: "end",
    SketchFrame: "sketch",
    RegionsFrame: "regions",
    FramedFrame: "framed",
    TopFrame: "top",
    TargetFrame: "target",
    WordsFrame: "words",
}


def write_frame(frame: PageFrame) -> str:
    """A frame as the page sends it."""
    return json.dumps({"type": _TYPES[type(frame)], **vars(frame)}, default=lambda points: points.tolist())


class FrameError(InputError):
    """A frame that is refused; ``seq`` is its number, where that could be read."""

    def __init__(self, message: str, seq: int | None) -> None:
        super().__init__(message)
        self.seq = seq


def parse_frame(text: str, limits: Limits = LIMITS) -> PageFrame:
    """Read and check one frame of the page. Raises FrameError, in one line, for anything else."""
    seq = None
    try:
        content = _decode(text, limits)
        seq = _whole(content, "seq")
        return _read(content, seq, limits)
    except InputError as error:
        raise FrameError(str(error), seq) from None


def _decode(text: str, limits: Limits) -> dict[str, Any]:
    if len(text) > limits.message:
        raise InputError(f"frame: longer than {limits.message:,} characters")
    try:
        content = decode_json(text)
    except ValueError:
        raise InputError("frame: not JSON") from None
    if not isinstance(content, dict):
        raise InputError("frame: must be a JSON object")
    return content


def _read(content: dict[str, Any], seq: int, limits: Limits) -> PageFrame:
    match content.get("type"):
        case "points":
            return PointsFrame(seq, _whole(content, "stroke"), _points(content.get("points"), "points", limits))
        case "end":
            return EndFrame(seq, _whole(content, "stroke"))
        case "sketch":
            strokes = content.get("strokes")
            if not isinstance(strokes, list) or len(strokes) > limits.strokes:
                raise InputError(f"frame: 'strokes' must be a list of at most {limits.strokes:,} strokes")
            return SketchFrame(seq, [_points(points, "strokes", limits) for points in strokes])
        case "regions" | "framed" as kind:
            on = content.get("on")
            if not isinstance(on, bool):
                raise InputError("frame: 'on' must be true or false")
            return RegionsFrame(seq, on) if kind == "regions" else FramedFrame(seq, on)
        case "top":
            count = _whole(content, "count")
            if not 1 <= count <= limits.top:
                raise InputError(f"frame: 'count' must be from 1 to {limits.top}")
            return TopFrame(seq, count)
        case "target":
            photo = content.get("id")
            if not (photo is None or (isinstance(photo, str) and len(photo) <= MAX_ID)):
                raise InputError("frame: 'id' must be the id of a photo, or null")
            return TargetFrame(seq, photo)
        case "words":
            text, weight = content.get("text"), content.get("weight")
            if not isinstance(text, str) or len(text) > limits.words:
                raise InputError(f"frame: 'text' must be text of at most {limits.words} characters")
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
                raise InputError("frame: 'weight' must be a number from 0 to 1")
            return WordsFrame(seq, text.strip(), float(weight))
        case _:
            raise InputError(
                "frame: 'type' must be points, end, sketch, regions, framed, top or words (or target, in practice)"
            )


def _whole(content: dict[str, Any], name: str) -> int:
    value = content.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise InputError(f"frame: '{name}' must be a whole number, 0 or more")
    return value


def _points(points: object, name: str, limits: Limits) -> NDArray[np.float64]:
    """Points as float64 ``[n, 4]``, n >= 1."""
    complaint = f"frame: '{name}' must hold points [x, y, time, pressure] of finite numbers"
    if not isinstance(points, list) or not 1 <= len(points) <= limits.points:
        raise InputError(complaint)
    try:
        array = np.asarray(points)
    except (ValueError, OverflowError):  # rows of different lengths, or numbers beyond float
        raise InputError(complaint) from None
    # The kind is looked at before numpy may turn text into numbers.
    if array.dtype.kind not in "iuf" or array.shape != (len(points), 4) or not np.isfinite(array).all():
        raise InputError(complaint)
    if array[:, :2].min() < -limits.reach or array[:, :2].max() > 1 + limits.reach:
        raise InputError(f"frame: '{name}' lie more than {limits.reach:g} canvas widths off the canvas")
    return array.astype(np.float64)
