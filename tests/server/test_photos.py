"""Photos and thumbnails over HTTP."""

from __future__ import annotations

import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from api_client import SKETCH, as_json, photo_ids, upload
from fastapi.testclient import TestClient
from photos_on_disk import make_photo
from PIL import ExifTags, Image
from served_gallery import make_gallery
from tiny_model import make_tiny_model

from sketchseek.gallery import Gallery, ingest
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


def test_what_browsers_would_not_show_upright_is_sent_as_jpeg(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    make_photo(folder / "whole.jpg", 1)
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (40, 30), "red").save(folder / "turned.webp", exif=turned)
    (folder / "phone.heic").write_bytes((Path(__file__).parents[1] / "model" / "gradient.heic").read_bytes())
    with Gallery.create(tmp_path / "gallery", make_tiny_model(tmp_path / "model")) as gallery:
        assert ingest(gallery, [folder]).added == 3
        names = {photo.name: photo.id for photo in gallery.photos()}
    with TestClient(create_app(tmp_path / "gallery"), base_url="http://localhost") as client:
        for name, size in (("turned.webp", (30, 40)), ("phone.heic", (60, 90))):
            response = client.get(f"/api/photos/{names[name]}")
            assert response.headers["content-type"] == "image/jpeg"
            assert Image.open(io.BytesIO(response.content)).size == size


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


def test_a_photo_is_downloaded_as_it_is_and_under_its_name(gallery: Path, client: TestClient, tmp_path: Path) -> None:
    for name, photo in photo_ids(client, tmp_path).items():
        response = client.get(f"/api/photos/{photo}/file")
        assert response.content == (gallery.parent / "photos" / name).read_bytes()
        assert response.headers["content-disposition"] == f'attachment; filename="{name}"'


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have file managers of their own")
def test_a_photo_is_shown_in_its_folder_where_there_is_a_desktop(
    gallery: Path, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = next(iter(photo_ids(client, tmp_path).values()))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    refused = client.post(f"/api/photos/{photo}/show")
    assert (refused.status_code, "no desktop" in refused.json()["error"]) == (422, True)

    os.mkfifo(tmp_path / "shown")  # reading waits for the file manager to write
    manager = tmp_path / "xdg-open"
    manager.write_text(f'#!/bin/sh\necho "$1" > {tmp_path / "shown"}\n')
    manager.chmod(0o755)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert client.post(f"/api/photos/{photo}/show").status_code == 200
    assert (tmp_path / "shown").read_text().strip() == str(gallery.parent / "photos")
