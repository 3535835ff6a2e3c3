"""Photographs of drawings on paper: shaded, grainy, tilted, on a table."""

from __future__ import annotations

import io
import itertools
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from sketchseek.errors import InputError
from sketchseek.strokes import Sketch, ink, load_drawing, read_ink
from sketchseek.strokes.paper import is_photograph, strokes_on_paper

HOUSE = Sketch.from_arrays(
    [
        [[0.2, 0.9], [0.2, 0.45], [0.5, 0.15], [0.8, 0.45], [0.8, 0.9], [0.2, 0.9]],
        [[0.2, 0.45], [0.8, 0.45]],
        [[0.42, 0.9], [0.42, 0.62], [0.58, 0.62], [0.58, 0.9]],
    ]
)
BRIGHTNESS = np.array([0.299, 0.587, 0.114])  # of red, green, blue


@dataclass(frozen=True)
class Camera:
    """A seeded photograph of a sheet: up to 10 degrees of tilt, perspective, shade, vignette, grain, coloured light."""

    seed: int
    width: int = 1200
    height: int = 900
    table: bool = False

    def place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where points ``[n, 2]`` of the sheet's unit canvas lie in the picture, in pixels."""
        generator = np.random.default_rng([self.seed, 0])
        angle = math.radians(generator.uniform(-10, 10))
        side, leaning = generator.uniform(0.75, 1) * min(self.width, self.height), generator.uniform(-0.15, 0.15, 2)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        turned = (points - 0.5) @ turn
        return turned * side / (1 + turned @ leaning)[:, None] + (self.width / 2, self.height / 2)

    def photograph(self, sketch: Sketch) -> bytes:
        """The sketch drawn with a dark blue pen or a pencil, photographed and saved as JPEG."""
        generator = np.random.default_rng([self.seed, 1])
        unit = min(self.width, self.height) / 900
        cover = self._drawn(sketch, unit * generator.uniform(1.2, 3.5), generator)
        contrast, pen = generator.uniform(0.35, 0.7), np.array([[0.25, 0.35, 0.8], [1, 1, 1]][self.seed % 2])
        through = 1 - contrast * (1 - pen / 2) / (1 - pen @ BRIGHTNESS / 2)
        cover *= 1 + 0.12 * self._clouds((30, 40), generator)  # pressure
        light = self._light(generator)
        picture = np.array([238, 232, 215]) * generator.uniform(0.9, 1.05, 3) * light
        picture *= 1 - cover.clip(0, 1)[..., None] * (1 - through.clip(0, 1))
        if self.table:
            corners = self.place(np.array([[-0.04, -0.04], [1.04, -0.04], [1.04, 1.04], [-0.04, 1.04]]))
            sheet = Image.new("L", (self.width, self.height))
            ImageDraw.Draw(sheet).polygon([tuple(corner) for corner in corners.tolist()], fill=255)
            share = np.asarray(sheet.filter(ImageFilter.GaussianBlur(unit)))[..., None] / 255
            wood = np.array([120, 80, 50]) * light * (1 + 0.1 * self._clouds((90, 6), generator)[..., None])
            picture = picture * share + wood * (1 - share)
        picture += generator.normal(0, 6, (self.height, self.width, 1)) + generator.normal(0, 2, picture.shape)
        return encoded(Image.fromarray(picture.clip(0, 255).astype(np.uint8)), "JPEG", quality=80)

    def _drawn(self, sketch: Sketch, radius: float, generator: np.random.Generator) -> NDArray[np.float64]:
        """How much of each pixel the pen covered, drawn at twice the size with a line of varying width."""
        canvas = Image.new("L", (2 * self.width, 2 * self.height))
        draw = ImageDraw.Draw(canvas)
        for stroke in sketch.strokes:
            points = 2 * self.place(stroke[:, :2])
            along = np.concatenate([[0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
            at = np.linspace(0, along[-1], max(2, int(along[-1])))
            radii = 2 * radius * (1 + 0.35 * np.sin(at / (80 * radius) + generator.uniform(0, 6)))
            for x, y, r in zip(*(np.interp(at, along, axis) for axis in points.T), radii, strict=True):
                draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
        return np.asarray(canvas.reduce(2).filter(ImageFilter.GaussianBlur(0.8))) / 255

    def _light(self, generator: np.random.Generator) -> NDArray[np.float64]:
        """Light from one side, half as much on the other, less in the corners, on paper that is not quite even."""
        y, x = np.mgrid[-1 : 1 : self.height * 1j, -1 : 1 : self.width * 1j]
        angle = generator.uniform(0, 2 * math.pi)
        across = (x * math.cos(angle) + y * math.sin(angle)) / (abs(math.cos(angle)) + abs(math.sin(angle)))
        texture = 0.015 * self._clouds((12, 16), generator)
        texture += 0.01 * self._clouds((self.height // 6, self.width // 6), generator)
        return ((0.75 + 0.25 * across) * (1 - 0.15 * (x * x + y * y)) * (1 + texture))[..., None]

    def _clouds(self, cells: tuple[int, int], generator: np.random.Generator) -> NDArray[np.float32]:
        coarse = Image.fromarray(generator.standard_normal(cells).astype(np.float32))
        return np.asarray(coarse.resize((self.width, self.height), Image.Resampling.BICUBIC))


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def gray(photograph: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(photograph)).convert("L"))


def dense(strokes: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64]:
    """Points ``[n, 2]`` close together along all strokes."""
    steps = np.linspace(0, 1, 60)[:, None]
    return np.concatenate([a[:2] + (b - a)[:2] * steps for stroke in strokes for a, b in itertools.pairwise(stroke)])


def distances(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """From each point to the closest of the others."""
    return np.array([np.hypot(*(others - point).T).min() for point in points])


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), table=st.booleans())
@settings(max_examples=12)
def test_the_lines_are_found_where_they_were_drawn_and_nothing_else(seed: int, table: bool) -> None:
    camera = Camera(seed, 800, 600, table)
    picture = gray(camera.photograph(HOUSE))
    assert is_photograph(picture)
    found = dense(strokes_on_paper(picture).strokes) * 800 - (0, 100)  # the frame is a square around the picture
    drawn = camera.place(dense(HOUSE.strokes))
    assert distances(found, drawn).max() < 8
    assert np.mean(distances(drawn, found) < 5) > 0.97


def test_a_photograph_becomes_strokes_where_they_lie_in_it(tmp_path: Path) -> None:
    (tmp_path / "drawing-on-paper.jpg").write_bytes(Camera(3).photograph(HOUSE))
    drawing = load_drawing(tmp_path / "drawing-on-paper.jpg")
    assert isinstance(drawing, Sketch)
    expected = strokes_on_paper(gray((tmp_path / "drawing-on-paper.jpg").read_bytes()))
    np.testing.assert_array_equal(drawing.points, expected.points)


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_blank_paper_is_no_drawing(seed: int, table: bool) -> None:
    with pytest.raises(InputError, match=r"blank\.jpg: nothing is drawn in it"):
        load_drawing(Camera(seed, table=table).photograph(Sketch()), "blank.jpg")


@pytest.mark.parametrize("grain", [0, 5, 40])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_one_shade_all_over_is_no_drawing(level: int, grain: float) -> None:
    pixels = level + np.random.default_rng(0).normal(0, grain, (600, 800))
    with pytest.raises(InputError, match="nothing is drawn"):
        load_drawing(encoded(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), "PNG"), "even.png")


def test_a_line_may_leave_the_picture() -> None:
    camera = Camera(5, 800, 600)
    found = strokes_on_paper(
        gray(camera.photograph(Sketch.from_arrays([[[-1, 0.5], [2, 0.5]], [[0.5, -1], [0.5, 2]]])))
    )
    np.testing.assert_allclose(np.ptp(found.points[:, :2], axis=0), [1, 0.75], atol=0.02)


def clean_drawings() -> dict[str, bytes]:
    paper = np.asarray(Image.fromarray(255 - ink(HOUSE)).resize((900, 900), Image.Resampling.BILINEAR))
    transparent = np.zeros((900, 900, 4), dtype=np.uint8)
    transparent[..., 3] = 255 - paper
    filled = paper.copy()
    filled[500:, 300:600] = 40  # down to the border
    return {
        "white paper": encoded(Image.fromarray(paper), "PNG"),
        "compressed": encoded(Image.fromarray(paper), "JPEG", quality=75),
        "dark paper": encoded(Image.fromarray(255 - paper), "PNG"),
        "gray paper": encoded(Image.fromarray(paper // 2 + 90), "PNG"),
        "transparent": encoded(Image.fromarray(transparent), "PNG"),
        "filled": encoded(Image.fromarray(filled), "PNG"),
        "cut off": encoded(Image.fromarray(paper[300:, 200:]), "PNG"),
        "small": encoded(Image.fromarray(255 - ink(HOUSE)), "PNG"),
    }


@pytest.mark.parametrize("name", sorted(clean_drawings()))
def test_clean_drawings_are_no_photographs(name: str) -> None:
    content = clean_drawings()[name]
    drawing = load_drawing(content)
    assert not isinstance(drawing, Sketch)
    np.testing.assert_array_equal(drawing, read_ink(Image.open(io.BytesIO(content))))


@given(data=st.data())
def test_any_picture_is_taken(data: st.DataObject) -> None:
    height, width = data.draw(st.sampled_from([(400, 300), (1, 900), (900, 1), (401, 67), (1100, 40)]))
    generator = np.random.default_rng(data.draw(st.integers(0, 1000)))
    low, high = sorted((data.draw(st.integers(0, 255)), data.draw(st.integers(0, 255))))
    coarse = generator.integers(low, high + 1, (data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))))
    smooth = Image.fromarray(coarse.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    noisy = np.asarray(smooth) + generator.normal(0, data.draw(st.sampled_from([0, 3, 30])), (height, width))
    picture = noisy.clip(0, 255).astype(np.uint8)
    is_photograph(picture)
    points = strokes_on_paper(picture).points
    assert ((points >= 0) & (points <= 1)).all()


@pytest.mark.slow
def test_chairs_on_paper_are_found_like_clean_ones(shared: Path) -> None:
    from sketchseek.lab.datasets import open_dataset
    from sketchseek.model import Model
    from sketchseek.model.preprocess import read_photo

    test = open_dataset(f"chairv2:{shared / 'data/qmul-chairv2'}").test
    chosen = np.linspace(0, len(test.sketches) - 1, 20).round().astype(int)
    sketches = [test.sketches[i] for i in chosen]
    model = replace(Model.default(), threads=1)
    photos = model.encode_photos(np.stack([read_photo(photo.path, model.size) for photo in test.photos]))

    def accuracy_at_10(files: list[bytes]) -> float:
        drawings = model.encode_sketches([load_drawing(file) for file in files])
        similarity = model.matcher.similarity(drawings, photos)
        own = similarity[np.arange(len(files)), [sketch.photo for sketch in sketches]]
        return 100 * float(np.mean((similarity >= own[:, None]).sum(axis=1) <= 10))

    strokes = [sketch.strokes for sketch in sketches if sketch.strokes is not None]
    clean = accuracy_at_10([encoded(Image.fromarray(255 - ink(sketch)), "PNG") for sketch in strokes])
    on_paper = accuracy_at_10([Camera(seed).photograph(sketch) for seed, sketch in enumerate(strokes)])
    on_table = accuracy_at_10([Camera(seed, table=True).photograph(sketch) for seed, sketch in enumerate(strokes)])
    assert on_paper >= clean - 10, f"acc@10 {clean:.0f} from clean drawings, {on_paper:.0f} from photographs"
    assert on_table >= clean - 10, f"acc@10 {clean:.0f} from clean drawings, {on_table:.0f} from sheets on a table"
