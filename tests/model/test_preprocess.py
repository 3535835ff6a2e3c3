"""Photos and sketches to pixels: every kind of file that people have, and every way in which one is broken."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from sketchseek.errors import InputError
from sketchseek.model.preprocess import decode_photo, prepare_photo, prepare_sketch, read_photo
from sketchseek.strokes.sketch import Sketch

HEIC = Path(__file__).parent / "gradient.heic"  # 60 x 90 upright, encoded by libheif


def gradient(width: int, height: int) -> Image.Image:
    """Red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 60)], axis=-1).astype(np.uint8))


@pytest.mark.parametrize("suffix", ["jpg", "jpe", "jfif", "mpo", "png", "webp", "avif", "bmp", "gif", "tiff"])
def test_every_format_gives_the_same_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    gradient(90, 60).save(path)
    difference = read_photo(path, 48).astype(int) - prepare_photo(gradient(90, 60), 48)
    assert np.abs(difference).mean() < 6  # GIF has 256 colours, JPEG and WebP are lossy


def test_heic_is_read_upright() -> None:
    photo = decode_photo(HEIC, 48)
    assert photo[1:] == (60, 90, False)  # its pixels lie on their side
    assert np.abs(prepare_photo(photo.image, 48).astype(int) - prepare_photo(gradient(60, 90), 48)).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(tmp_path: Path, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = gradient(40, 30)
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / "photo.png"
    stored.save(path, exif=exif)
    assert np.array_equal(read_photo(path, 32), prepare_photo(upright, 32))
    assert np.array_equal(prepare_photo(read_photo(path), 32), prepare_photo(upright, 32))
    assert decode_photo(path, 32)[1:3] == (40, 30)


def test_transparent_becomes_white() -> None:
    for mode in ("RGBA", "LA", "P"):
        clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
        assert (prepare_photo(clear.convert(mode), 8) == 255).all(), mode


def test_transparent_palette_file(tmp_path: Path) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "a.png", transparency=1)
    assert (read_photo(tmp_path / "a.png", 8) == 255).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    pixels = prepare_photo(Image.new("RGB", (10, 6), "white").convert(mode), 10)
    assert pixels.shape == (10, 10, 3) and pixels.dtype == np.uint8 and (pixels > 250).all()


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    for bits in (8, 10, 12, 14, 16):  # cameras and scanners write fewer bits than 16 into files of 16
        whole = 2**bits - 1
        values = np.full((8, 8), round(100 * whole / 255), dtype=np.uint16)
        values[0] = whole
        Image.fromarray(values).save(tmp_path / "a.png")
        pixels = read_photo(tmp_path / "a.png", 8)
        assert (pixels[0] == 255).all() and (pixels[1:] == 100).all(), bits
    Image.fromarray(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)).save(tmp_path / "a.tiff")
    assert read_photo(tmp_path / "a.tiff", 8).max() == 255


def test_a_photo_that_is_not_square_is_padded_with_its_borders_median_colour() -> None:
    image = Image.new("RGB", (100, 40), (200, 30, 90))
    image.paste((0, 0, 0), (30, 10, 70, 30))
    pixels = prepare_photo(image, 100)
    assert (pixels[:30] == (200, 30, 90)).all() and (pixels[70:] == (200, 30, 90)).all()
    assert (pixels[45:55, 35:65] == 0).all()  # where it was, as wide as it was


def spelled_out(image: Image.Image, size: int) -> np.ndarray:
    """Photo pixels by their definition: the border's median colour to a square, then bilinear, in whole arrays."""
    pixels = np.array(image.convert("RGB"))
    height, width = pixels.shape[:2]
    at_border = np.ones((height, width), bool)
    at_border[1:-1, 1:-1] = False
    square = np.empty((max(height, width), max(height, width), 3), np.uint8)
    square[:] = np.rint(np.median(pixels[at_border], axis=0)) if width != height else 0
    top, left = (len(square) - height) // 2, (len(square) - width) // 2
    square[top : top + height, left : left + width] = pixels
    return np.array(Image.fromarray(square).resize((size, size), Image.Resampling.BILINEAR))


@given(st.integers(2, 90), st.integers(2, 90), st.integers(1, 60), st.integers(0, 2**32 - 1), st.booleans())
def test_the_pixels_are_those_of_the_definition(width: int, height: int, size: int, seed: int, grey: bool) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(noise).convert("L" if grey else "RGB")
    image.info["dpi"] = (72, 72)  # as a file leaves it
    assert np.array_equal(prepare_photo(image, size), spelled_out(image, size))
    assert image.info == {"dpi": (72, 72)}  # it is the caller's


@pytest.mark.parametrize("shape", [(640, 480), (300, 470), (256, 256), (90, 60), (1600, 1200)])
def test_the_pixels_of_a_jpeg_file_are_those_of_the_definition(tmp_path: Path, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    path = tmp_path / "photo.jpg"
    Image.fromarray(noise).resize(shape).save(path, comment="made for a test", dpi=(72, 72))
    with Image.open(path) as image:
        share = max(s for s in (1, 2, 4, 8) if s == 1 or max(shape) >= s * 128)  # the decoder's own scaling
        image.draft(None, (shape[0] // share, shape[1] // share))
        assert np.array_equal(read_photo(path, 128), spelled_out(image, 128))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40))
def test_any_shape_gives_a_square(width: int, height: int, size: int) -> None:
    assert prepare_photo(gradient(width, height), size).shape == (size, size, 3)


def test_a_large_jpeg_is_decoded_small_and_looks_the_same(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    gradient(2600, 1733).save(path, quality=95)
    decoded = decode_photo(path, 224)
    assert max(decoded.image.size) == 325 and (decoded.width, decoded.height) == (2600, 1733)
    full = prepare_photo(read_photo(path), 224)
    assert np.abs(read_photo(path, 224).astype(int) - full).mean() < 1


@pytest.mark.parametrize("suffix", ["png", "webp", "gif", "tiff", "bmp", "avif"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=f"cut.{suffix}: "):
        read_photo(path, 32)


def test_a_jpeg_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    whole = tmp_path / "whole.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (320, 320, 3), dtype=np.uint8)).save(whole)
    content = whole.read_bytes()
    for kept in (len(content) - 2, len(content) // 2):
        path.write_bytes(content[:kept])
        for size in (320, 90):  # decoded in full, and reduced
            photo = decode_photo(path, size)
            assert photo.cut and not decode_photo(whole, size).cut
            shown, pixels = prepare_photo(photo.image, size), read_photo(whole, size)
            assert np.array_equal(shown[: size // 4], pixels[: size // 4])
            assert np.array_equal(shown, pixels) == (kept == len(content) - 2)
    path.write_bytes(content[: len(content) // 20])
    with pytest.raises(InputError, match=r"cut.jpg: cut off near its start"):
        read_photo(path, 60)


LARGE = """
import resource, sys
from pathlib import Path
from sketchseek.errors import InputError
from sketchseek.images import MEMORY
from sketchseek.model.preprocess import read_photo
from sketchseek.strokes.ink import read_ink

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before = peak()
for path in sorted(Path(sys.argv[1]).iterdir()):
    for read in (lambda: read_photo(path, 192), lambda: read_ink(path)):
        try:
            read()
        except InputError as error:
            print(error)
        assert peak() - before < MEMORY, (path, peak() - before)
"""


@pytest.mark.slow
def test_no_picture_takes_more_than_300_mb(tmp_path: Path) -> None:
    strip = Image.new("RGB", (60_000, 20), "red")
    strip.save(tmp_path / "strip.png")
    strip.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "upright-strip.png")
    Image.new("RGBA", (5_000, 5_000), (9, 9, 9, 99)).save(tmp_path / "clear.png", compress_level=1)
    Image.new("L", (11_000, 10_000)).save(tmp_path / "large.jpg")
    Image.new("RGB", (4_000, 4_000), "red").save(tmp_path / "photo.webp", method=0)
    Image.new("L", (5_000, 4_000)).save(tmp_path / "too-large.webp", method=0)
    finished = subprocess.run([sys.executable, "-c", LARGE, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    refused = [line.partition(": ")[0].rpartition("/")[2] for line in finished.stdout.splitlines()]
    # As drawings more than 50 million pixels are too many; a WebP cannot be reduced while it is decoded.
    assert sorted(refused) == ["large.jpg", "too-large.webp", "too-large.webp"]


@given(data=st.data())
def test_damage_raises_input_errors_only(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    path = folder / f"photo.{data.draw(st.sampled_from(['jpg', 'png', 'webp', 'gif', 'tiff', 'bmp', 'avif', 'heic']))}"
    if path.suffix == ".heic":
        path.write_bytes(HEIC.read_bytes())
    else:
        gradient(24, 16).save(path)
    content = bytearray(path.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        assert read_photo(path, 16).shape == (16, 16, 3)
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)


def bomb(path: Path, side: int) -> Path:
    """A PNG of a few bytes that says it has side x side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


@pytest.mark.parametrize(
    ("side", "reason"), [(9_000, "takes about 336 MB"), (20_000, "more than 250 million pixels")]
)  # the second is over Pillow's own limit
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path, side: int, reason: str) -> None:
    with pytest.raises(InputError, match=rf"bomb.png: {reason}"):
        read_photo(bomb(tmp_path / "bomb.png", side), 32)


def test_what_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("hello")
    for name in ("text.jpg", "absent.jpg"):
        with pytest.raises(InputError, match=name):
            read_photo(tmp_path / name)
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(InputError, match=r"folder.jpg: cannot be read"):
        read_photo(tmp_path / "folder.jpg")


def test_a_sketch_becomes_ink() -> None:
    sketch = Sketch.from_arrays([[[0.25, 0.5], [0.75, 0.5]]])
    ink = prepare_sketch(sketch, 256)
    assert ink.dtype == np.uint8 and ink[128, 128] == 255 and ink[64, 128] == 0
    small = prepare_sketch(ink, 128)
    assert np.array_equal(small, prepare_sketch(sketch, 128)) and 0 < small[64, 64] <= 255
    assert not prepare_sketch(Sketch(), 64).any()


def test_ink_that_is_not_square_is_a_bug() -> None:
    wrongs: list[Any] = [np.zeros((4, 5), np.uint8), np.zeros((4, 4)), np.zeros((4, 4, 3), np.uint8)]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="square"):
            prepare_sketch(wrong, 8)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 9), (3, 2)])
def test_the_border_of_the_smallest_photos(size: tuple[int, int]) -> None:
    assert (prepare_photo(Image.new("RGB", size, (9, 8, 7)), 16) == (9, 8, 7)).all()
