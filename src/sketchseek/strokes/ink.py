"""Raster drawings: read images of any paper and polarity as ink, one byte a pixel (0 paper, 255 full ink)."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.files import StrPath
from sketchseek.images import as_upright, read_picture
from sketchseek.strokes._files import read_bytes
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.sketch import Sketch

Ink: TypeAlias = NDArray[np.uint8]  # [s, s], 255 where there is full ink, 0 where there is none

LEAST_INK = 32  # of 255; fainter values are paper grain or compression artefacts, not ink
MAX_PIXELS = 50_000_000
_WIDEST_FRAME = 0.03  # of the side; a margin of paper around a filled shape is wider
_FRAME_CONTRAST = 64  # of 255, between a frame and the paper
_LONGEST_SIDE = 2048  # larger scans are reduced before padding to a square, which might not fit into memory


def ink(sketch: Sketch) -> Ink:
    """The complete sketch as pixels, ``[256, 256]``, values 0 and 255."""
    return rasterise(sketch).astype(np.uint8) * 255


def read_ink(source: StrPath | Image.Image) -> Ink:
    """Read a raster drawing: dark on light paper or light on dark, of any colour, size and shape.

    The median of the border is taken for the paper: it becomes 0 and decides the polarity. Transparent pixels count as
    white paper, or as black where only light lines are drawn. A frame along the border, up to 3 % of the side wide, is
    not the drawing. A drawing that is not square is centred on a square without ink. It is not cropped or moved
    otherwise, because its frame may be the photo's. A side of more than 2048 pixels is reduced by a whole number,
    keeping thin lines (``reduced``).

    Returns ``[s, s]``, s the longer side. Raises InputError for a file that is missing, damaged, no image of a known
    format, of more than 50 million pixels, or that takes more than 300 MB to read.
    """
    if isinstance(source, Image.Image):
        return parse_ink(source, "the image")
    return parse_ink(read_bytes(source), source)


def parse_ink(content: bytes | Image.Image, name: object) -> Ink:
    """``read_ink`` for an image that is already in memory; errors call it ``name``."""
    return ink_of_gray(parse_gray(content, name))


def parse_gray(content: bytes | Image.Image, name: object) -> NDArray[np.uint8]:
    """Decode a picture to its brightness ``[h, w]``, upright; raises as ``read_ink`` does.

    Transparent pixels are white, or black where the picture shows nothing on white.
    """
    gray = _gray_on("white", content, name)
    if gray.min() > 255 - LEAST_INK:
        return _gray_on("black", content, name)
    return gray


def _gray_on(ground: Literal["white", "black"], content: bytes | Image.Image, name: object) -> NDArray[np.uint8]:
    if isinstance(content, Image.Image):
        return np.asarray(as_upright(content, "L", ground=ground))
    picture = read_picture(content, name, "L", most=MAX_PIXELS, ground=ground)
    if picture.cut:
        raise InputError(f"{name}: the file is cut off; export the drawing anew")
    return np.asarray(picture.image)


def ink_of_gray(gray: NDArray[np.uint8]) -> Ink:
    """The ink ``[s, s]``, s the longer side, of a decoded grey picture ``[h, w]``, by the rules of ``read_ink``."""
    gray = _without_frame(gray)
    levels = np.arange(256)
    paper = np.median(np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]]))
    if paper < 128:
        levels, paper = 255 - levels, 255 - paper
    ink_of_level = np.rint((paper - levels).clip(0) * (255 / paper)).astype(np.uint8)
    drawn = reduced(ink_of_level[gray], _LONGEST_SIDE)
    height, width = drawn.shape
    side = max(height, width)
    square = np.zeros((side, side), dtype=np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = drawn
    return square


def _without_frame(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture ``[h, w]`` with a frame or a scan's edge along its border painted over in its median shade.

    From each side, lines of pixels that mostly differ from the median shade, unless they go on beyond 3 % of the side.
    """
    usual = float(np.median(gray))
    clean = gray.copy()
    for lines, painted in ((gray, clean), (gray[::-1], clean[::-1]), (gray.T, clean.T), (gray.T[::-1], clean.T[::-1])):
        most = max(1, round(_WIDEST_FRAME * len(lines)))
        other = np.abs(np.median(lines[: most + 1], axis=1) - usual) > _FRAME_CONTRAST
        if not other.all():
            painted[: np.argmin(other)] = usual
    return clean


def reduced(ink: Ink, longest: int) -> Ink:
    """Max-pool ink by the smallest whole factor that brings the longer side to at most ``longest`` pixels.

    The maximum, because averaging would fade the thin lines of a large scan.
    """
    by = -(-max(ink.shape) // longest)
    if by <= 1:
        return ink
    height, width = ink.shape
    padded = np.pad(ink, ((0, -height % by), (0, -width % by)))
    return padded.reshape(padded.shape[0] // by, by, padded.shape[1] // by, by).max(axis=(1, 3))
