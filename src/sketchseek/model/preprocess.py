"""Preprocessing: from image files and sketches to the pixels that networks see. Training and app share this code."""

from __future__ import annotations

from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sketchseek.files import StrPath, as_path
from sketchseek.images import Picture, as_upright, read_picture
from sketchseek.strokes.ink import Ink, ink
from sketchseek.strokes.sketch import Sketch

_WORKING_SIDE = 2048  # pixels; photos with a longer side are reduced before they are padded to a square


def decode_photo(path: Path, size: int) -> Picture:
    """Read a photo, RGB and upright, at a size that suffices for ``prepare_photo(image, size)``.

    A JPEG at least twice as large as ``size`` is scaled down by 2, 4 or 8 while it is decoded, which is several times
    faster. The result depends on the file and ``size`` only. Raises InputError as ``read_photo`` does.
    """
    return _decode(path, size)


@overload
def read_photo(path: StrPath) -> Image.Image: ...
@overload
def read_photo(path: StrPath, size: int) -> NDArray[np.uint8]: ...
def read_photo(path: StrPath, size: int | None = None) -> Image.Image | NDArray[np.uint8]:
    """Read a photo as an upright RGB image, or with ``size`` as the pixels ``[size, size, 3]`` of ``prepare_photo``.

    Reads JPEG, PNG, WebP, HEIC, AVIF, BMP, GIF (first frame) and TIFF (first page). A JPEG that is cut off is read as
    far as it goes. Raises InputError for a file that is missing, damaged, of another format, of more than 250 million
    pixels, or that takes more than 300 MB to read.
    """
    if size is None:
        return _decode(as_path(path), None).image
    return prepare_photo(decode_photo(as_path(path), size).image, size)


def prepare_photo(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Turn a photo into the pixels that a network sees, uint8 ``[size, size, 3]``, RGB.

    The image may have any mode and an EXIF orientation. Transparent parts become white. An image that is not square is
    padded to a square with the median colour of its border. Then it is resized (bilinear, antialiased). One with a side
    of more than 2048 pixels (or 4 ``size``, if that is more) is reduced by a whole number before it is padded.
    """
    image = as_upright(image, "RGB", max(_WORKING_SIDE, 4 * size))
    width, height = image.size
    if width != height:
        side = max(width, height)
        square = Image.new("RGB", (side, side), _border_colour(image))
        square.paste(image, ((side - width) // 2, (side - height) // 2))
        image = square
    if image.width != size:
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    return np.array(image)


def prepare_sketch(drawing: Sketch | Ink, size: int) -> NDArray[np.uint8]:
    """Turn a drawing into the ink that a network sees, uint8 ``[size, size]``, 255 = ink, resized (bilinear) from 256.

    Raises ValueError for an array that is not square or not uint8.
    """
    pixels = ink(drawing) if isinstance(drawing, Sketch) else drawing
    if pixels.ndim != 2 or pixels.shape[0] != pixels.shape[1] or pixels.dtype != np.uint8:
        raise ValueError(f"ink is a square uint8 array, not {pixels.dtype} {list(pixels.shape)}")
    if len(pixels) == size:
        return pixels
    return np.array(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR))


def _decode(path: Path, size: int | None) -> Picture:
    longest = None if size is None else max(_WORKING_SIDE, 4 * size)
    return read_picture(path, path, "RGB", longest, size)


def _border_colour(image: Image.Image) -> tuple[int, int, int]:
    """The median colour of the outermost pixels, for each channel."""
    width, height = image.size
    edges = [(0, 0, width, 1), (0, height - 1, width, height), (0, 1, 1, height - 1), (width - 1, 1, width, height - 1)]
    border = np.concatenate([np.asarray(image.crop(edge)).reshape(-1, 3) for edge in edges if edge[1] < edge[3]])
    red, green, blue = np.rint(np.median(border, axis=0)).astype(int).tolist()
    return red, green, blue
