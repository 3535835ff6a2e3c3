"""A drawing sent as a file."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from api_client import NAME, SKETCH, SKETCHES, as_json, upload
from fastapi.testclient import TestClient
from PIL import Image

from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.sketch import Sketch


def test_an_upload_gives_its_strokes_back_and_as_many_hits_as_asked(client: TestClient, tmp_path: Path) -> None:
    answer = upload(client, as_json(SKETCH, tmp_path), "sketch.json", top=3).json()
    assert len(answer["hits"]) == 3
    assert answer["hits"][0]["name"].startswith(NAME)
    np.testing.assert_array_equal(np.concatenate(answer["strokes"]), SKETCH.points)


def test_a_picture_of_a_sketch_is_read(client: TestClient) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.where(rasterise(SKETCH), 0, 255).astype(np.uint8)).save(buffer, "PNG")
    answer = upload(client, buffer.getvalue(), "scan.png").json()
    assert answer["strokes"] is None
    assert len(answer["hits"]) == len(SKETCHES)


def test_an_svg_is_read(client: TestClient) -> None:
    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><path d="M10 10 L90 90" stroke="black"/></svg>'
    )
    answer = upload(client, svg, "line.svg").json()
    assert len(answer["hits"]) == len(SKETCHES)
    assert len(answer["strokes"]) == 1


FAR = {"format": "sketchseek-sketch", "version": 1, "strokes": [[[0, 0, 0, 0], [9e5, 0, 0, 0]]]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.json", b""),
        ("broken.json", b'{"format": "sketch'),
        ("other.json", b'{"strokes": []}'),
        ("malformed.svg", b"<svg><path d='M 0 0 L'"),
        ("broken.png", b"\x89PNG\r\n\x1a\n rubbish"),
        ("text.txt", b"a chair, please"),
        ("far.json", json.dumps(FAR).encode()),
    ],
)
def test_a_bad_upload_is_422_in_one_line(client: TestClient, name: str, content: bytes) -> None:
    response = upload(client, content, name)
    assert response.status_code == 422
    assert set(response.json()) == {"error"}
    assert response.json()["error"] and "\n" not in response.json()["error"]


@pytest.mark.parametrize("top", [0, -1, 100_000, "many"])
def test_a_bad_top_is_422_in_one_line(client: TestClient, tmp_path: Path, top: Any) -> None:
    response = upload(client, as_json(SKETCH, tmp_path), "sketch.json", top=top)
    assert response.status_code == 422
    assert response.json()["error"].startswith("top")


def test_an_upload_that_is_too_large_is_not_read(client: TestClient) -> None:
    response = client.post("/api/search", content=b"", headers={"content-length": str(2**30)})
    assert response.status_code == 413
    assert "MiB" in response.json()["error"]


@pytest.mark.parametrize("drawn", ['<path d="M0 0h1"/>' * 45_000, '<path d="' + "M0 0h1" * 130_000 + '"/>'])
def test_a_drawing_with_too_many_strokes_is_refused_while_it_is_read(client: TestClient, drawn: str) -> None:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{drawn}</svg>'.encode()
    response = upload(client, svg, "large.svg")
    assert response.status_code == 422 and "more strokes or points" in response.json()["error"]


def test_a_large_drawing_gives_its_strokes_back(client: TestClient, tmp_path: Path) -> None:
    strokes = [[[x / 1000, 0.1, 0, 0.5], [x / 1000, 0.9, 1, 0.5]] for x in range(1000)]
    answer = upload(client, as_json(Sketch.from_arrays(strokes), tmp_path), "large.json").json()
    assert answer["strokes"] == strokes and len(answer["hits"]) == len(SKETCHES)
