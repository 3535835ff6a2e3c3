"""Raster drawings: any paper in, ink out."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.strokes import Sketch, ink, placed, read_ink
from sketchseek.strokes.ink import parse_ink

DRAWN = ink(Sketch.from_arrays([[[0.2, 0.3], [0.7, 0.4], [0.6, 0.8]]]))


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def test_light_and_dark_paper_give_the_same_ink(tmp_path: Path) -> None:
    for name, pixels in (("light.png", 255 - DRAWN), ("dark.png", DRAWN)):
        Image.fromarray(pixels).save(tmp_path / name)
        np.testing.assert_array_equal(read_ink(tmp_path / name), DRAWN)
        np.testing.assert_array_equal(read_ink(Image.fromarray(pixels)), DRAWN)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "LA", "P", "CMYK", "I;16", "I", "F"])
def test_every_mode(mode: str) -> None:
    if mode in ("I;16", "I"):
        image = Image.fromarray((255 - DRAWN).astype(np.uint16) * 257)
        image = image if mode == "I;16" else image.convert("I")
    else:
        image = Image.fromarray(255 - DRAWN).convert(mode)
    np.testing.assert_array_equal(read_ink(image), DRAWN)


def test_transparent_is_white_paper() -> None:
    black = np.zeros((*DRAWN.shape, 4), dtype=np.uint8)
    black[..., 3] = DRAWN
    np.testing.assert_array_equal(read_ink(Image.fromarray(black)), DRAWN)


def test_gray_paper_has_no_ink() -> None:
    pixels = np.full((40, 40), 200, dtype=np.uint8)
    pixels[20, 10:30] = 0
    pixels[25, 10:30] = 120
    result = read_ink(Image.fromarray(pixels))
    assert (result[0, 0], result[20, 20], result[25, 20]) == (0, 255, 102)


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (1, 7), (7, 1), (1, 1)])
def test_padded_to_a_square_without_ink_and_not_moved(shape: tuple[int, int]) -> None:
    pixels = np.full(shape, 255, dtype=np.uint8)
    pixels[shape[0] // 2, shape[1] // 3 : shape[1] // 2] = 0
    result = read_ink(Image.fromarray(pixels))
    side = max(shape)
    assert result.shape == (side, side)
    top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
    np.testing.assert_array_equal(result[top : top + shape[0], left : left + shape[1]], 255 - pixels)
    assert result.sum(dtype=int) == (255 - pixels).sum(dtype=int)


def test_a_large_scan_keeps_its_thin_lines() -> None:
    pixels = np.full((300, 5000), 255, dtype=np.uint8)
    pixels[150, 100:4900] = 0
    pixels[50:250, 2500] = 0
    result = read_ink(Image.fromarray(pixels))
    assert result.shape == (1667, 1667)
    assert result.max() == 255
    seen = placed(result)
    assert isinstance(seen, np.ndarray) and (seen > 100).sum() > 150


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(Image.fromarray(np.rot90(255 - DRAWN)), exif=exif)
    np.testing.assert_array_equal(parse_ink(turned, "turned"), DRAWN)


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is large, in a few bytes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(8000, 8000), (100_000, 100_000), (50_000_001, 1)])
def test_bombs_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="bomb: more than 50 million pixels"):
        parse_ink(bomb(*size), "bomb")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_truncated_images_are_refused(format: str, tmp_path: Path) -> None:
    whole = encoded(Image.fromarray(255 - DRAWN), format)
    assert parse_ink(whole, "whole").shape == (256, 256)
    (tmp_path / "broken").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="broken"):
        read_ink(tmp_path / "broken")


def test_formats_that_are_programs_are_refused() -> None:
    with pytest.raises(InputError, match=r"not a .* image"):
        parse_ink(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n", "drawing.eps")


def test_missing_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.png", tmp_path):
        with pytest.raises(InputError, match=path.name):
            read_ink(path)


SMALL = Image.fromarray(255 - DRAWN).resize((24, 16))
WHOLE = {format: encoded(SMALL, format) for format in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")}


@given(data=st.data(), format=st.sampled_from(sorted(WHOLE)))
@pytest.mark.filterwarnings("ignore::UserWarning")  # what Pillow says of damaged metadata
def test_mutations_raise_nothing_else(data: st.DataObject, format: str) -> None:
    mutated = bytearray(WHOLE[format])
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    try:
        result = parse_ink(bytes(mutated), "mutated")
    except InputError as error:
        assert "mutated" in str(error)
    else:
        assert result.ndim == 2
        assert result.shape[0] == result.shape[1]
        assert result.dtype == np.uint8


def test_light_lines_on_transparent_ground_are_ink() -> None:
    light = np.full((256, 256, 4), 255, dtype=np.uint8)
    light[..., 3] = DRAWN
    np.testing.assert_array_equal(read_ink(Image.fromarray(light)), DRAWN)
    np.testing.assert_array_equal(parse_ink(encoded(Image.fromarray(light)), "light"), DRAWN)


@pytest.mark.parametrize("width", [1, 7])
@pytest.mark.parametrize("sides", [("top",), ("left", "bottom"), ("top", "left", "bottom", "right")])
@pytest.mark.parametrize("paper", ["light", "dark"])
def test_a_frame_along_the_border_is_not_the_drawing(width: int, sides: tuple[str, ...], paper: str) -> None:
    framed = DRAWN.copy()
    start, end, everything = slice(None, width), slice(-width, None), slice(None)
    strips = {
        "top": (start, everything),
        "bottom": (end, everything),
        "left": (everything, start),
        "right": (everything, end),
    }
    for side in sides:
        framed[strips[side]] = 255
    np.testing.assert_array_equal(read_ink(Image.fromarray(framed if paper == "dark" else 255 - framed)), DRAWN)


def test_a_filled_shape_keeps_its_margin_of_paper() -> None:
    filled = np.zeros((256, 256), dtype=np.uint8)
    filled[20:-20, 20:-20] = 255
    np.testing.assert_array_equal(read_ink(Image.fromarray(255 - filled)), filled)
