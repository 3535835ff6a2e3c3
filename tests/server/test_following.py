"""``serve --watch``: photos come, move and go while the gallery is served."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from api_client import NAME, SKETCH, as_json
from photos_on_disk import make_photo
from served_gallery import make_gallery, served
from websockets.sync.client import connect

from sketchseek.cli import main

SECONDS = 60  # within which a change is found, on a busy machine


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served(make_gallery(tmp_path), watch=True) as address:
        yield address


@pytest.fixture
def answers(address: str, tmp_path: Path) -> Callable[[], dict[str, bool]]:
    """The photos in the answers to the sketch now, by their names, and whether each is offline."""
    drawing = as_json(SKETCH, tmp_path)

    def ask() -> dict[str, bool]:
        found = httpx.post(f"{address}/api/search", files={"sketch": ("sketch.json", drawing)}, data={"top": 50})
        return {hit["name"]: hit["offline"] for hit in found.json()["hits"]}

    return ask


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_photos_come_move_and_go(answers: Callable[[], dict[str, bool]], tmp_path: Path, address: str) -> None:
    photos = tmp_path / "photos"
    assert len(answers()) == 12
    shutil.copytree(make_photo(tmp_path / "new" / "a.jpg", 50).parent, photos / "album")
    wait_until(lambda: "a.jpg" in answers())
    (photos / "album").rename(photos / "renamed")
    (photos / f"{NAME}.tif").rename(photos / "renamed" / "moved.tif")
    wait_until(lambda: next(iter(answers())) == "moved.tif")
    found = httpx.post(f"{address}/api/search", files={"sketch": ("s.json", as_json(SKETCH, tmp_path))}).json()
    place = f"{address}/api/photos/{found['hits'][0]['id']}/path"
    moved = {"path": str(photos / "renamed" / "moved.tif"), "copies": [], "offline": False}
    wait_until(lambda: httpx.get(place).json() == moved)
    (photos / "renamed" / "a.jpg").unlink()
    wait_until(lambda: "a.jpg" not in answers())
    wait_until(lambda: len(answers()) == 12)


def test_a_drive_is_plugged_out_and_in(answers: Callable[[], dict[str, bool]], tmp_path: Path, address: str) -> None:
    photos = tmp_path / "photos"
    shown = answers()
    assert not any(shown.values())
    photos.rename(tmp_path / "away")
    wait_until(lambda: answers() == dict.fromkeys(shown, True))
    (tmp_path / "away").rename(photos)
    wait_until(lambda: answers() == shown)


def test_a_folder_named_like_the_gallery_is_followed(tmp_path: Path) -> None:
    gallery, album = make_gallery(tmp_path), tmp_path / "gallery of photos"
    make_photo(album / "first.jpg", 50)
    assert main(["index", str(album), "--gallery", str(gallery)]) == 0
    with served(gallery, watch=True) as address:

        def wait_for_photos(count: int) -> None:
            wait_until(lambda: httpx.get(f"{address}/api/health").json()["photos"] == count)

        # The first may be found by the look at all files at the start, the second only as a change.
        make_photo(tmp_path / "photos" / "third.jpg", 70)
        wait_for_photos(14)
        make_photo(album / "second.jpg", 60)
        wait_for_photos(15)


def test_pages_are_told_where_following_ended_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no watches left")

    monkeypatch.setattr("sketchseek.server.following.awatch", broken)
    with served(make_gallery(tmp_path), watch=True) as address:
        with connect(f"{address.replace('http', 'ws', 1)}/api/live") as page:
            while json.loads(page.recv(timeout=SECONDS))["following"]:
                pass
        assert "followed no longer (no watches left)" in capfd.readouterr().err
