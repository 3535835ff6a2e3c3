"""What tests of the served gallery ask it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from served_gallery import known_sketches

from sketchseek.strokes.sketch import Sketch
from sketchseek.strokes.sketch_json import write_json

SKETCHES = known_sketches()
LIVE = "ws://localhost:8000/api/live"
NAME, SKETCH = "thing-03", SKETCHES["thing-03"]


def as_json(sketch: Sketch, folder: Path) -> bytes:
    write_json(sketch, folder / "sketch.json")
    return (folder / "sketch.json").read_bytes()


def upload(client: TestClient, content: bytes, name: str, **fields: Any) -> Any:
    return client.post("/api/search", files={"sketch": (name, content)}, data=fields)


def photo_ids(client: TestClient, folder: Path) -> dict[str, str]:
    hits = upload(client, as_json(SKETCH, folder), "sketch.json", top=len(SKETCHES)).json()["hits"]
    return {hit["name"]: hit["id"] for hit in hits}
