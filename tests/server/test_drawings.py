"""Practice: photos to draw from memory, their rank, and drawings that are kept with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from served_gallery import known_sketches, make_gallery

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery
from sketchseek.lab.datasets import open_dataset
from sketchseek.server.app import create_app

SKETCHES = known_sketches()
NAME = "thing-03"
LIVE = "ws://localhost:8000/api/live"
SKETCH: dict[str, Any] = {
    "format": "sketchseek-sketch",
    "version": 1,
    "strokes": [stroke.tolist() for stroke in SKETCHES[NAME].strokes],
}


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gallery(tmp_path_factory.mktemp("served"))


@pytest.fixture
def client(gallery: Path, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(gallery, drawings_dir=tmp_path / "kept" / "drawings")
    with TestClient(app, base_url="http://localhost:8000") as client:
        yield client


def target(client: TestClient) -> dict[str, Any]:
    """The photo of the sketch."""
    for _ in range(1000):
        photo = client.get("/api/practice").json()
        if photo["name"].startswith(NAME):
            return dict(photo)
    raise AssertionError("a photo of twelve never came in a thousand draws")


def test_without_a_directory_there_is_no_practice(gallery: Path) -> None:
    with TestClient(create_app(gallery), base_url="http://localhost:8000") as client:
        assert client.get("/api/practice").status_code == 404
        assert client.post("/api/drawings", json={"photo": "0", "sketch": SKETCH}).status_code in (404, 405)
        with client.websocket_connect(LIVE) as socket:
            assert socket.receive_json()["practice"] is False
            socket.send_json({"type": "target", "seq": 1, "id": "0"})
            assert socket.receive_json()["type"] == "error"


def test_a_drawing_is_kept_with_its_photo_and_the_list_of_photos(client: TestClient, tmp_path: Path) -> None:
    photo = target(client)
    names = {client.post("/api/drawings", json={"photo": photo["id"], "sketch": SKETCH}).json()["saved"] for _ in "ab"}
    folder = tmp_path / "kept" / "drawings"
    lists = list(folder.glob("gallery-*.json"))
    assert len(names) == 2 and len(lists) == 1
    assert {path.name for path in folder.iterdir()} == names | {lists[0].name}
    listed = json.loads(lists[0].read_text())
    assert (listed["format"], listed["version"]) == ("sketchseek-drawings-gallery", 1)
    assert sorted(Path(entry["name"]).stem for entry in listed["photos"]) == sorted(SKETCHES)
    for name in names:
        kept = json.loads((folder / name).read_text())
        assert kept.pop("gallery") == lists[0].stem.removeprefix("gallery-")
        entry = kept.pop("photo")
        assert entry in listed["photos"] and entry["name"] == photo["name"] and Path(entry["path"]).is_file()
        assert kept == SKETCH
    split = open_dataset(f"drawings:{folder}").test
    assert len(split.photos) == len(SKETCHES) and len(split.sketches) == 2
    assert all(split.photos[sketch.photo].name == photo["name"] for sketch in split.sketches)


def test_the_rank_of_the_target_comes_with_the_pen_up(client: TestClient) -> None:
    photo = target(client)
    with client.websocket_connect(LIVE) as socket:
        assert socket.receive_json()["practice"] is True
        socket.send_json({"type": "target", "seq": 1, "id": photo["id"]})
        assert socket.receive_json()["target"] is None  # nothing is drawn
        socket.send_json({"type": "points", "seq": 2, "stroke": 0, "points": SKETCH["strokes"][0]})
        assert socket.receive_json()["target"] is None  # the pen is down
        socket.send_json({"type": "sketch", "seq": 3, "strokes": SKETCH["strokes"]})
        frame = socket.receive_json()
        assert frame["target"] == {"id": photo["id"], "rank": 1}
        last = frame["hits"][-1]["id"]
        socket.send_json({"type": "target", "seq": 4, "id": last})
        assert socket.receive_json()["target"] == {"id": last, "rank": len(SKETCHES)}
        socket.send_json({"type": "target", "seq": 5, "id": "no such photo"})
        assert "no such photo" in socket.receive_json()["message"]
        socket.send_json({"type": "target", "seq": 6, "id": None})
        assert socket.receive_json()["target"] is None


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {"sketch": SKETCH},
        {"photo": "", "sketch": SKETCH, "more": 1},
        {"photo": 7, "sketch": SKETCH},
        {"photo": "00000000-0000-0000-0000-000000000000", "sketch": SKETCH},
        {"photo": "", "sketch": None},
        {"photo": "", "sketch": {"strokes": []}},
        {"photo": "", "sketch": {**SKETCH, "strokes": []}},
        {"photo": "", "sketch": {**SKETCH, "strokes": [[[0, 0, "a", 0]]]}},
        {"photo": "", "sketch": {**SKETCH, "strokes": [[[0, 0, 0, 0], [9e5, 0, 0, 0]]]}},
    ],
)
def test_what_is_no_practice_drawing_is_refused_and_nothing_is_kept(
    client: TestClient, tmp_path: Path, content: Any
) -> None:
    if isinstance(content, dict) and content.get("photo") == "":
        content = content | {"photo": target(client)["id"]}
    response = client.post("/api/drawings", json=content)
    assert response.status_code == 422
    assert response.json()["error"] and "\n" not in response.json()["error"]
    assert list((tmp_path / "kept" / "drawings").iterdir()) == []


def test_other_pages_keep_nothing(client: TestClient, tmp_path: Path) -> None:
    content = {"photo": target(client)["id"], "sketch": SKETCH}
    assert client.post("/api/drawings", json=content, headers={"origin": "http://evil.example"}).status_code == 403
    assert client.post("/api/drawings", content=b"not JSON").status_code == 422
    assert list((tmp_path / "kept" / "drawings").iterdir()) == []


def test_a_directory_with_drawings_of_another_gallery_is_refused(gallery: Path, tmp_path: Path) -> None:
    (tmp_path / f"gallery-{'0' * 64}.json").write_text("{}")
    with pytest.raises(InputError, match=r"another gallery.*--drawings"):
        create_app(gallery, drawings_dir=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--drawings"):
        create_app(gallery, drawings_dir=tmp_path / "file")
    Gallery.open(gallery).close()  # it was not left open
