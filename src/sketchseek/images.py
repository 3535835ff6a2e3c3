"""Image files of any origin as pixels, within bounded memory. Photos are read here, and drawings that are pictures.

What decoding takes is estimated from the head of the file, by figures that were measured with Pillow 13; a file that
would take too much is refused before it is decoded. A large picture is reduced in strips as it is converted.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Condition
from typing import IO, Literal, NamedTuple

import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, JpegImagePlugin

from sketchseek.errors import InputError
from sketchseek.formats import IMAGE_FORMATS, IMAGE_NAMES

MEMORY = 300_000_000  # bytes that reading one image may take
MAX_PIXELS = 250_000_000  # a bound on time: a phone's 200 megapixels and long panoramas are below it
_TOGETHER = 2 * MEMORY  # bytes that all threads may take at a time
_STRIP = 2**20  # pixels that are converted at a time
_LEAST_SHOWN = 0.1  # share of a picture's height that a file cut off must hold to be of use

# The transposition that turns a picture upright, by its EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPPED = 5  # orientations from this one on swap width and height

# Pillow warns of odd metadata, which does not matter here, and of large images, which are refused below.
warnings.filterwarnings("ignore", module=r"PIL\.")

pi_heif.register_heif_opener(decode_threads=1)  # photos are read by several threads already
Image.init()


class Picture(NamedTuple):
    """A picture that was read, upright. ``width`` and ``height`` are those of the file, ``image`` may be smaller.

    ``cut`` says that the file, a JPEG, ends too early: what it lacks is grey.
    """

    image: Image.Image
    width: int
    height: int
    cut: bool


def read_picture(
    source: Path | bytes,
    name: object,
    mode: Literal["RGB", "L"],
    longest: int | None = None,
    size: int | None = None,
    most: int = MAX_PIXELS,
    ground: Literal["white", "black"] = "white",
) -> Picture:
    """Read an image file, or the bytes of one, as a picture of ``mode``; errors call it ``name``.

    Transparent parts become ``ground``, 16 bits and more are scaled to 8. A picture with a side of more than
    ``longest`` pixels is reduced by a whole number (mean of the pixels). A JPEG at least twice as large as ``size`` is
    scaled down by 2, 4 or 8 while it is decoded, which is several times faster; its sides are at least ``size``.

    Raises InputError for a file that is missing or damaged, of another format, of more than ``most`` pixels, or that
    takes more than 300 MB to read.
    """
    try:
        with ExitStack() as stack:
            file: IO[bytes] = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
            stack.enter_context(file)
            image = _open(file, name)
            width, height = image.size
            if width * height > most:
                raise InputError(f"{name}: more than {most // 1_000_000} million pixels; scale it down first")
            if size is not None:  # draft() keeps at least the asked number of pixels on either side
                image.draft(None, (size, 1) if width >= height else (1, size))
            stack.enter_context(_memory(_bytes_to_read(image, width * height, mode, longest), image, name))
            image, cut = _loaded(image, file, size, name)
            if _orientation(image) >= _SWAPPED:
                width, height = height, width
            upright = as_upright(image, mode, longest, ground)
            upright.info.clear()  # or the EXIF orientation would be applied again
            return Picture(upright, width, height, cut)
    except FileNotFoundError:
        raise InputError(f"{name}: no such file") from None
    except MemoryError:
        raise InputError(f"{name}: not enough memory to read it; scale it down, or end other programs") from None
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged data
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise InputError(f"{name}: cannot be read ({' '.join(reason.split())}); replace the file") from None


def as_upright(
    image: Image.Image,
    mode: Literal["RGB", "L"],
    longest: int | None = None,
    ground: Literal["white", "black"] = "white",
) -> Image.Image:
    """An image in memory, of any mode, as ``read_picture`` gives it. The image itself where nothing is to be done."""
    turn = _TURNS.get(_orientation(image))
    by = 1 if longest is None else -(-max(image.size) // longest)
    if by > 1 or image.mode != mode or image.has_transparency_data:
        image = _converted(image, mode, by, ground)
    return image if turn is None else image.transpose(turn)


def shown_by_browsers(path: Path) -> str | None:
    """The media type of an image file that browsers show as it is, and None for others. Raises InputError, OSError."""
    with path.open("rb") as file:
        image = _open(file, path)
        known = IMAGE_FORMATS[image.format or ""].media_type
        # Browsers turn JPEG by its EXIF orientation, not every one does others.
        return known if known == "image/jpeg" or _orientation(image) == 1 else None


def _open(file: IO[bytes], name: object) -> Image.Image:
    """As ``Image.open``, for known formats alone, and without its limit of pixels, which ours takes the place of."""
    start = file.read(16)
    for image_format in IMAGE_FORMATS:
        if image_format not in Image.OPEN:  # MPO, which is opened as JPEG
            continue
        factory, accept = Image.OPEN[image_format]
        if accept is None or accept(start) is True:
            file.seek(0)
            try:
                image = factory(file, "")
            except (SyntaxError, IndexError, TypeError, ValueError, EOFError):  # as Pillow's plugins say "not mine"
                continue
            if image.format in IMAGE_FORMATS:
                return image
    raise InputError(f"{name}: not a {IMAGE_NAMES} image, or damaged from the start")


def _loaded(image: Image.Image, file: IO[bytes], size: int | None, name: object) -> tuple[Image.Image, bool]:
    """The image with its pixels decoded, and whether its file ends too early."""
    try:
        image.load()
        return image, False
    except OSError as error:
        if not isinstance(image, JpegImagePlugin.JpegImageFile) or "truncated" not in str(error).lower():
            raise
    file.seek(0)
    ended = Image.open(io.BytesIO(file.read() + b"\xff\xd9"), formats=["JPEG"])  # the marker of a JPEG's end
    if size is not None:
        ended.draft(None, (size, 1) if ended.width >= ended.height else (1, size))
    ended.load()
    lacking = (np.asarray(ended.convert("L")) == 128).all(axis=1)  # the decoder fills up with grey
    if lacking.all() or np.argmin(lacking[::-1]) > (1 - _LEAST_SHOWN) * len(lacking):
        raise InputError(f"{name}: cut off near its start; replace the file")
    return ended, True


def _bytes_to_read(image: Image.Image, pixels: int, mode: str, longest: int | None) -> int:
    """About how many bytes it takes to decode an opened image, whose file says so many pixels, and to convert it."""
    width, height = image.size  # of what is decoded: a JPEG may be scaled down already
    by = 1 if longest is None else -(-max(width, height) // longest)
    made = -(-width // by) * -(-height // by) * (4 if mode == "RGB" else 1)
    decoded = width * height * _bytes_a_pixel(image)
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.info.get("progressive"):
        # All coefficients, 2 bytes each; the layers of colour may have fewer than the picture has pixels.
        layers = [(across, down) for _, across, down, _ in image.layer]
        finest = max(across * down for across, down in layers)
        decoded += 2 * pixels * sum(across * down for across, down in layers) // finest
    turned = _orientation(image) in _TURNS
    return decoded + made * ((image.mode != mode or by > 1) + turned)


def _bytes_a_pixel(image: Image.Image) -> int:
    """What the decoder of the image's format takes at its peak, the decoded picture among it."""
    match image.format:
        case "WEBP":
            return 16
        case "AVIF":
            return 12
        case "HEIF":
            return 8 if image.info.get("bit_depth", 8) <= 8 else 16
    held = {"1": 1, "L": 1, "P": 1}.get(image.mode, 2 if image.mode.startswith("I;16") else 4)
    return 2 * held if image.format == "TIFF" else held  # a TIFF may hold the whole picture as one compressed strip


class _Budget:
    """Bytes that threads share: who wants more than is left waits for the others."""

    def __init__(self, total: int) -> None:
        self._left = total
        self._changed = Condition()

    @contextmanager
    def take(self, count: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._left >= count)
            self._left -= count
        try:
            yield
        finally:
            with self._changed:
                self._left += count
                self._changed.notify_all()


_budget = _Budget(_TOGETHER)


@contextmanager
def _memory(wanted: int, image: Image.Image, name: object) -> Iterator[None]:
    if wanted > MEMORY:
        raise InputError(
            f"{name}: takes about {wanted // 1_000_000:,} MB to read ({image.width} x {image.height} pixels), and "
            f"{MEMORY // 1_000_000} is the most; scale it down first"
        )
    with _budget.take(wanted):
        yield


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a photo with damaged metadata is usable
        return 1
    return orientation if orientation in _TURNS else 1


def _converted(image: Image.Image, mode: str, by: int, ground: str) -> Image.Image:
    """The image in ``mode``, reduced by a whole number, strip by strip so that no second copy of it is made."""
    to_8_bits = _scale_to_8_bits(image)
    width, height = image.size
    rows = max(1, _STRIP // (width * by)) * by
    made = Image.new(mode, (-(-width // by), -(-height // by)))
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(height, top + rows)))
        if to_8_bits is not None:
            strip = Image.fromarray(to_8_bits(np.asarray(strip)))
        elif strip.has_transparency_data:
            strip = strip.convert("RGBA")
            strip = Image.alpha_composite(Image.new("RGBA", strip.size, ground), strip)
        strip = strip.convert(mode)
        made.paste(strip.reduce(by) if by > 1 else strip, (0, top // by))
    return made


def _scale_to_8_bits(image: Image.Image) -> Callable[[NDArray], NDArray[np.uint8]] | None:
    """How the values of an image of more than 8 bits become 0..255; None for others.

    A file of 16 bits may hold 8, 10, 12 or 14, as cameras and scanners have them: the fewest that its values fit are
    taken. Whole numbers of 32 bits, and floating point, may have any range, which is stretched.
    """
    if image.mode.startswith("I;16"):
        high = np.max(image.getextrema())
        bits = next(bits for bits in (8, 10, 12, 14, 16) if high < 2**bits)
        return lambda values: np.rint(values * (255 / (2**bits - 1))).astype(np.uint8)
    if image.mode not in ("I", "F"):
        return None
    width, height = image.size
    rows = max(1, _STRIP // width)
    strips = (image.crop((0, top, width, min(height, top + rows))) for top in range(0, height, rows))
    ranges = [(values.min(), values.max()) for values in map(_finite, strips)]
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    return lambda values: np.rint((_finite(values) - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)


def _finite(values: object) -> NDArray[np.float64]:
    return np.nan_to_num(np.asarray(values, dtype=np.float64), posinf=0, neginf=0)
