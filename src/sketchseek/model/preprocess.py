"""Preprocessing: from image files and sketches to the pixels that networks see. Training and app share this code."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from sketchseek.errors import InputError
from sketchseek.files import StrPath, as_path
from sketchseek.formats import IMAGE_FORMATS, IMAGE_NAMES
from sketchseek.strokes.ink import Ink, ink
from sketchseek.strokes.sketch import Sketch

MAX_PIXELS = 80_000_000  # decoding takes 3 to 4 bytes a pixel; larger files are refused as decompression bombs

# The transposition that turns a photo upright, by its EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns of odd metadata, which does not matter here, and of large images, which are refused below.
warnings.filterwarnings("ignore", module=r"PIL\.")


class DecodedPhoto(NamedTuple):
    """A decoded photo: RGB and upright. ``width`` and ``height`` are those of the file, ``image`` may be smaller."""

    image: Image.Image
    width: int
    height: int


def decode_photo(path: Path, size: int) -> DecodedPhoto:
    """Decode a photo at a size that suffices for ``prepare_photo(image, size)``.

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

    Reads JPEG, PNG, WebP, BMP, GIF (first frame) and TIFF (first page). Raises InputError for a file that is missing,
    truncated, of another format, or of more than 80 million pixels.
    """
    if size is None:
        return _decode(as_path(path), None).image
    return prepare_photo(decode_photo(as_path(path), size).image, size)


def prepare_photo(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Turn a photo into the pixels that a network sees, uint8 ``[size, size, 3]``, RGB.

    The image may have any mode and an EXIF orientation. Transparent parts become white. An image that is not square is
    padded to a square with the median colour of its border. Then it is resized (bilinear, antialiased).
    """
    image = _upright_rgb(image)
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


def _decode(path: Path, longest_side: int | None) -> DecodedPhoto:
    try:
        with Image.open(path, formats=tuple(IMAGE_FORMATS)) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise Image.DecompressionBombError
            if longest_side is not None:  # draft() keeps at least the asked number of pixels on either side
                image.draft(None, (longest_side, 1) if width >= height else (1, longest_side))
            image.load()
            upright = _upright_rgb(image)
            upright.info.clear()  # or the EXIF orientation would be applied again
    except Image.DecompressionBombError:
        limit = MAX_PIXELS // 1_000_000
        raise InputError(f"{path}: more than {limit} million pixels; scale it down first") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise InputError(f"{path}: not a {IMAGE_NAMES} image, or damaged from the start") from None
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged data
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise InputError(f"{path}: cannot be read ({' '.join(reason.split())}); replace the file") from None
    if _orientation(image) >= 5:  # orientations that swap width and height
        width, height = height, width
    return DecodedPhoto(upright, width, height)


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a photo with damaged metadata is usable
        return 1
    return orientation if orientation in _TURNS else 1


def _upright_rgb(image: Image.Image) -> Image.Image:
    """Convert to RGB, turn upright, and scale 16 bits to 8. Returns the image itself where nothing is to be done."""
    turn = _TURNS.get(_orientation(image))
    if image.mode.startswith("I;16"):
        image = Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))
    elif image.mode in ("I", "F"):  # scientific TIFF, with values of any range
        values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0, neginf=0)
        low, high = values.min(), values.max()
        image = Image.fromarray(np.rint((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if turn is not None:
        image = image.transpose(turn)
    return image if image.mode == "RGB" else image.convert("RGB")


def _border_colour(image: Image.Image) -> tuple[int, int, int]:
    """The median colour of the outermost pixels, for each channel."""
    width, height = image.size
    edges = [(0, 0, width, 1), (0, height - 1, width, height), (0, 1, 1, height - 1), (width - 1, 1, width, height - 1)]
    border = np.concatenate([np.asarray(image.crop(edge)).reshape(-1, 3) for edge in edges if edge[1] < edge[3]])
    red, green, blue = np.rint(np.median(border, axis=0)).astype(int).tolist()
    return red, green, blue
