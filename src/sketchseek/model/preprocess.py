"""From image files and sketches to the pixels that networks see, the same for training, evaluation and the app."""

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

MAX_PIXELS = 80_000_000  # decoding takes 3 to 4 bytes for each; beyond, a file is more likely an attack than a photo

# What turns a photo upright, by its EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns of oddities in the metadata, which matter to nobody here, and of large images, which are refused below.
warnings.filterwarnings("ignore", module=r"PIL\.")


class DecodedPhoto(NamedTuple):
    """``image``: RGB, upright; ``width`` and ``height``: those of the upright file, though ``image`` may be smaller."""

    image: Image.Image
    width: int
    height: int


def decode_photo(path: Path, size: int) -> DecodedPhoto:
    """Decode a photo with as many pixels as ``prepare_photo(image, size)`` can use.

    A JPEG at least twice as large as ``size`` is scaled down by 2, 4 or 8 while it is decoded, several times faster.
    What comes out depends on the file and ``size`` alone. Raises InputError as ``read_photo`` does.
    """
    return _decode(path, size)


@overload
def read_photo(path: StrPath) -> Image.Image: ...
@overload
def read_photo(path: StrPath, size: int) -> NDArray[np.uint8]: ...
def read_photo(path: StrPath, size: int | None = None) -> Image.Image | NDArray[np.uint8]:
    """Read a photo: an upright RGB image, or with ``size`` the pixels ``[size, size, 3]`` of ``prepare_photo``.

    JPEG, PNG, WebP, BMP, GIF (first frame) and TIFF (first page). Raises InputError for a file that is missing,
    truncated, of another format, or of more than 80 million pixels.
    """
    if size is None:
        return _decode(as_path(path), None).image
    return prepare_photo(decode_photo(as_path(path), size).image, size)


def prepare_photo(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """The pixels a network sees, uint8 ``[size, size, 3]``, RGB.

    The image may be of any mode and carry an EXIF orientation. What is transparent becomes white. An image that is
    not square is centred on a square of its border's median colour, never squashed; then all are resized bilinearly,
    antialiased.
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
    """The ink a network sees, uint8 ``[size, size]``, 255 = ink, resized bilinearly from the drawing's 256 pixels.

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
            upright.info.clear()  # so that nothing is applied twice
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
    if _orientation(image) >= 5:  # those that swap the sides
        width, height = height, width
    return DecodedPhoto(upright, width, height)


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged metadata does not make a photo unusable
        return 1
    return orientation if orientation in _TURNS else 1


def _upright_rgb(image: Image.Image) -> Image.Image:
    """RGB and upright; 16 bits are scaled to 8. The image itself where it is so already: a copy would cost time."""
    turn = _TURNS.get(_orientation(image))
    if image.mode.startswith("I;16"):
        image = Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))
    elif image.mode in ("I", "F"):  # scientific TIFF, of any range
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
    """The median, channel by channel, over the border of one pixel."""
    width, height = image.size
    edges = [(0, 0, width, 1), (0, height - 1, width, height), (0, 1, 1, height - 1), (width - 1, 1, width, height - 1)]
    border = np.concatenate([np.asarray(image.crop(edge)).reshape(-1, 3) for edge in edges if edge[1] < edge[3]])
    red, green, blue = np.rint(np.median(border, axis=0)).astype(int).tolist()
    return red, green, blue
