"""Drawings as pixels: one byte of ink each, whatever paper they came on."""

from __future__ import annotations

import io
import os
import warnings
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sketchseek.errors import InputError
from sketchseek.strokes._files import read_bytes
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.sketch import CANVAS, FITTED_SIDE, Sketch

Ink: TypeAlias = NDArray[np.uint8]  # [s, s], 255 where there is full ink, 0 where there is none

LEAST_INK = 32  # of 255; what is fainter is the paper's grain or a trace of image compression
MAX_PIXELS = 50_000_000
_LONGEST_SIDE = 2048  # a larger scan is reduced before it is padded to a square, for a square of it may not fit memory
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # others of Pillow's start programs or draw vectors

# Large and damaged images are reported here in one line, and by no warnings besides.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def ink(sketch: Sketch) -> Ink:
    """The complete sketch as pixels, ``[256, 256]``, values 0 and 255."""
    return rasterise(sketch).astype(np.uint8) * 255


def read_ink(source: str | os.PathLike[str] | Image.Image) -> Ink:
    """Read a raster drawing: dark on light paper or light on dark, of any colour, size and shape.

    The polarity follows the median of the border, which is taken for the paper and becomes 0; transparent means white
    paper. A drawing that is not square is centred on a square without ink; it is not cropped or moved otherwise, for
    its frame may be the photo's. More than 2048 pixels on a side are reduced by a whole number, which keeps thin lines.

    Returns ``[s, s]``, s the longer side. Raises InputError for a file that is missing, truncated, no PNG, JPEG, WebP,
    GIF, BMP or TIFF image, or larger than 50 megapixels.
    """
    if isinstance(source, Image.Image):
        return parse_ink(source, "the image")
    return parse_ink(read_bytes(source), source)


def parse_ink(content: bytes | Image.Image, name: object) -> Ink:
    """``read_ink`` for content that is in memory already; ``name`` stands in error messages."""
    return ink_of_gray(parse_gray(content, name))


def parse_gray(content: bytes | Image.Image, name: object) -> NDArray[np.uint8]:
    """Decode a picture to its brightness ``[h, w]``, upright, transparent as white; raises as ``read_ink`` does."""
    try:
        image = content if isinstance(content, Image.Image) else Image.open(io.BytesIO(content), formats=_FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        gray = _gray(image)
        if not gray.size:
            raise ValueError("no pixels")
        return gray
    except Image.DecompressionBombError:
        limit = MAX_PIXELS // 1_000_000
        raise InputError(f"{name}: more than {limit} megapixels; save the drawing smaller") from None
    except MemoryError:
        raise
    except Exception:  # Pillow's decoders raise nearly anything for damaged data
        formats = ", ".join(_FORMATS)
        raise InputError(f"{name}: truncated or not an image of a drawing ({formats}); export it anew") from None


def ink_of_gray(gray: NDArray[np.uint8]) -> Ink:
    """The ink of a decoded picture ``[h, w]``, by the rules of ``read_ink``."""
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


def fitted_ink(ink: Ink) -> Ink:
    """The drawing cropped to its ink, its longer side scaled to 190 pixels, centred on 256 x 256.

    For drawings that have no frame of their own, as ``Sketch.fitted`` is. Without ink the result has none.
    """
    rows, columns = np.flatnonzero((ink >= LEAST_INK).any(axis=1)), np.flatnonzero((ink >= LEAST_INK).any(axis=0))
    canvas = np.zeros((CANVAS, CANVAS), dtype=np.uint8)
    if not len(rows):
        return canvas
    cropped = reduced(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 2 * FITTED_SIDE)
    height, width = cropped.shape
    scale = FITTED_SIDE / max(height, width)
    height, width = max(1, round(height * scale)), max(1, round(width * scale))
    scaled = Image.fromarray(cropped).resize((width, height), Image.Resampling.BILINEAR)
    top, left = (CANVAS - height) // 2, (CANVAS - width) // 2
    canvas[top : top + height, left : left + width] = np.asarray(scaled)
    return canvas


def _gray(image: Image.Image) -> NDArray[np.uint8]:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip, not scale
        values = np.asarray(image).astype(np.int64)
        return (values // 257).clip(0, 255).astype(np.uint8)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("L"))


def reduced(ink: Ink, longest: int) -> Ink:
    """Reduced by the least whole number that brings the longer side to ``longest`` or below.

    Each block keeps its most ink. An average would let the thin lines of a large scan fade away.
    """
    by = -(-max(ink.shape) // longest)
    if by <= 1:
        return ink
    height, width = ink.shape
    padded = np.pad(ink, ((0, -height % by), (0, -width % by)))
    return padded.reshape(padded.shape[0] // by, by, padded.shape[1] // by, by).max(axis=(1, 3))
