"""``sketchseek.client``: what a program asks of a real server, over HTTP and over the live socket."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from api_client import NAME, SKETCH, SKETCHES
from PIL import Image
from served_gallery import served

from sketchseek.client import Client
from sketchseek.errors import InputError
from sketchseek.search.protocol import (
    EndFrame,
    FramedFrame,
    PageFrame,
    PointsFrame,
    RegionsFrame,
    SketchFrame,
    TargetFrame,
    TopFrame,
    WordsFrame,
    parse_frame,
    write_frame,
)
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.svg import write_svg

POINTS = np.array([[0.25, 0.5, 0.0, 0.5], [1.0, 0.125, 16.0, 1.0]])
FRAMES: list[PageFrame] = [
    PointsFrame(1, 4, POINTS),
    EndFrame(2, 4),
    SketchFrame(3, [POINTS, POINTS[:1]]),
    RegionsFrame(4, True),
    FramedFrame(5, False),
    TargetFrame(6, None),
    WordsFrame(7, "red, with arms", 0.25),
    TopFrame(8, 48),
]


@pytest.fixture(scope="module")
def server(gallery: Path) -> Iterator[Client]:
    with served(gallery) as address:
        yield Client(address)


def test_it_says_what_is_served(server: Client) -> None:
    health = server.health()
    assert (health["status"], health["photos"], health["following"]) == ("ok", len(SKETCHES), False)
    assert server.names() == []


def test_a_sketch_an_svg_and_a_picture_find_the_photo(server: Client, tmp_path: Path) -> None:
    write_svg(SKETCH, tmp_path / 'a "chair".svg')
    Image.fromarray(np.where(rasterise(SKETCH), 0, 255).astype(np.uint8)).save(tmp_path / "picture.png")
    for drawing in (SKETCH, tmp_path / 'a "chair".svg', str(tmp_path / "picture.png")):
        found = server.search(drawing, top=3)
        assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3]
        assert Path(found["hits"][0]["name"]).stem == NAME
        assert (found["strokes"] is None) == str(drawing).endswith(".png")


def test_a_photo_is_fetched_and_asked_with(server: Client) -> None:
    best = server.search(SKETCH, top=1, as_framed=True)["hits"][0]
    assert server.similar(best["id"], top=2)["hits"][0]["id"] == best["id"]
    assert server.thumbnail(best["id"]).startswith(b"\xff\xd8")
    assert len(server.photo(best["id"])) > 100
    with pytest.raises(InputError, match="no such photo"):
        server.photo("nothing?")


def test_a_drawing_is_searched_as_it_grows(server: Client) -> None:
    with server.live() as live:
        assert live.hello["photos"] == len(SKETCHES)
        for stroke in SKETCH.strokes:
            live.points(stroke[:20])
            live.points(stroke[20:, :3])
            live.lift()
        assert Path(live.results()["hits"][0]["name"]).stem == NAME
        live.replace([])
        assert live.results()["hits"] == []
        live.framed()
        live.replace(SKETCHES["thing-08"])
        live.stroke([[0.5, 0.5]])
        found = live.results()
        assert Path(found["hits"][0]["name"]).stem == "thing-08" and found["placement"]["scale"] == 1
        live.words("red")
        with pytest.raises(InputError, match="has no words"):
            live.results()


def test_the_same_with_asyncio(server: Client) -> None:
    async def draw() -> str:
        async with server.live_async() as live:
            for stroke in SKETCH.strokes:
                await live.stroke(stroke)
            return (await live.results())["hits"][0]["name"]

    with ThreadPoolExecutor() as pool:  # a browser's test in this process may have an event loop in this thread
        assert Path(pool.submit(asyncio.run, draw()).result()).stem == NAME


def test_what_goes_wrong_is_said_in_a_line(server: Client, tmp_path: Path) -> None:
    (tmp_path / "text.svg").write_text("no drawing")
    with pytest.raises(InputError, match=r"text\.svg"):
        server.search(tmp_path / "text.svg")
    with pytest.raises(InputError, match=r"missing\.svg: cannot be read"):
        server.search(tmp_path / "missing.svg")
    with pytest.raises(InputError, match="ftp://x: no address"):
        Client("ftp://x")
    nobody = Client("http://127.0.0.1:9")
    with pytest.raises(InputError, match="no server answers there"):
        nobody.health()
    with pytest.raises(InputError, match="no server answers there"), nobody.live():
        pass


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_a_written_frame_is_read_as_it_was(frame: PageFrame) -> None:
    read = parse_frame(write_frame(frame))
    assert type(read) is type(frame)
    for name, value in vars(frame).items():
        np.testing.assert_equal(getattr(read, name), value)


def test_it_needs_no_model_and_no_torch() -> None:
    program = "import sketchseek.client, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "onnxruntime", "fastapi", "qdrant_edge"} & set(done.stdout.split())


def test_an_empty_stroke_is_an_error_of_the_caller(server: Client) -> None:
    with server.live() as live, pytest.raises(ValueError):
        live.points(np.zeros((0, 2)))
