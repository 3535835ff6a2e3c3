"""Photos and thumbnails over HTTP."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from api_client import SKETCH, as_json, photo_ids, upload
from fastapi.testclient import TestClient
from PIL import Image
from served_gallery import make_gallery

from sketchseek.server.app import create_app


def test_every_photo_comes_in_a_format_that_browsers_show(client: TestClient, tmp_path: Path) -> None:
    for name, photo in photo_ids(client, tmp_path).items():
        response = client.get(f"/api/photos/{photo}")
        shown = Image.open(io.BytesIO(response.content))
        assert shown.size == (256, 256)
        assert response.headers["content-type"] == Image.MIME[shown.format or ""]
        assert (response.headers["content-type"] == "image/tiff") is False, name
        small = client.get(f"/api/photos/{photo}/thumbnail")
        assert small.headers["content-type"] == "image/jpeg"
        assert max(Image.open(io.BytesIO(small.content)).size) <= 320


def test_a_photo_that_has_not_changed_is_not_sent_again(client: TestClient, tmp_path: Path) -> None:
    photo = next(iter(photo_ids(client, tmp_path).values()))
    for path in (f"/api/photos/{photo}", f"/api/photos/{photo}/thumbnail"):
        first = client.get(path)
        assert "no-cache" in first.headers["cache-control"]
        again = client.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "photo",
    [
        "0",
        "00000000-0000-0000-0000-000000000000",
        "..%2F..%2Fgallery.json",
        "%2Fetc%2Fpasswd",
        "../gallery.json",
        "%00",
    ],
)
@pytest.mark.parametrize("what", ["", "/thumbnail"])
def test_what_is_not_in_the_gallery_is_not_served(client: TestClient, photo: str, what: str) -> None:
    response = client.get(f"/api/photos/{photo}{what}")
    assert response.status_code == 404
    assert set(response.json()) == {"error"}


def test_a_photo_that_has_moved_is_404_and_says_what_to_do(tmp_path: Path) -> None:
    folder = make_gallery(tmp_path, count=2)
    with TestClient(create_app(folder), base_url="http://localhost") as client:
        (tmp_path / "photos" / "thing-00.png").unlink()
        (tmp_path / "photos" / "thing-01.jpg").write_text("no photo any more")
        hits = upload(client, as_json(SKETCH, tmp_path), "sketch.json").json()["hits"]
        assert len(hits) == 2
        for hit in hits:
            for what in ("", "/thumbnail"):
                response = client.get(f"/api/photos/{hit['id']}{what}")
                assert response.status_code == 404
                assert "sketchseek index" in response.json()["error"] and "\n" not in response.json()["error"]


def test_thumbnails_that_are_asked_for_together_are_all_whole(tmp_path: Path) -> None:
    with TestClient(create_app(make_gallery(tmp_path)), base_url="http://localhost") as client:
        wanted = [f"/api/photos/{photo}/thumbnail" for photo in photo_ids(client, tmp_path).values()] * 4
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(client.get, wanted))
    by_photo: dict[str, set[bytes]] = {}
    for path, answer in zip(wanted, answers, strict=True):
        assert answer.status_code == 200
        by_photo.setdefault(path, set()).add(answer.content)
    assert all(len(contents) == 1 for contents in by_photo.values())
    for (content,) in by_photo.values():
        Image.open(io.BytesIO(content)).load()
