"""Thumbnails: made on demand, kept, and dropped with their photos."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from photos_on_disk import full_after, kept_thumbnails, make_photo
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery, ingest


def test_a_thumbnail_is_made_on_first_demand_and_kept(gallery: Gallery, photos: Path) -> None:
    ingest(gallery, [photos])
    assert not kept_thumbnails(gallery)  # most photos are never looked at
    photo = next(photo for photo in gallery.photos() if photo.name == "c.webp")
    jpeg = gallery.thumbnail(photo)
    with Image.open(io.BytesIO(jpeg)) as thumbnail:
        assert thumbnail.format == "JPEG" and thumbnail.size == (320, 240)
    assert [path.read_bytes() for path in kept_thumbnails(gallery)] == [jpeg]
    photo.path.unlink()
    assert gallery.thumbnail(photo) == jpeg


def test_the_thumbnail_of_a_large_photo_is_ready(gallery: Gallery, tmp_path: Path) -> None:
    large = make_photo(tmp_path / "large.jpg", 3, size=(1200, 800))
    ingest(gallery, [large])
    assert len(kept_thumbnails(gallery)) == 1
    large.unlink()
    with Image.open(io.BytesIO(gallery.thumbnail(next(gallery.photos())))) as thumbnail:
        assert thumbnail.width / thumbnail.height == pytest.approx(1.5, abs=0.03)


def test_a_changed_photo_loses_its_thumbnail_and_a_forgotten_one_too(gallery: Gallery, photos: Path) -> None:
    ingest(gallery, [photos])
    before = {photo.name: gallery.thumbnail(photo) for photo in gallery.photos()}
    assert len(kept_thumbnails(gallery)) == 5
    make_photo(photos / "a.jpg", 77, size=(120, 200))
    make_photo(photos / "e.gif", 78, size=(1200, 800))
    (photos / "b.png").unlink()
    ingest(gallery, [photos])
    assert len(kept_thumbnails(gallery)) == 3  # of c and d as they were, of e because it is large now
    after = {photo.name: gallery.thumbnail(photo) for photo in gallery.photos()}
    assert {name for name in after if after[name] != before[name]} == {"a.jpg", "e.gif"}
    with Image.open(io.BytesIO(after["a.jpg"])) as thumbnail:
        assert thumbnail.size == (120, 200)


def test_a_thumbnail_of_what_is_gone_or_broken_is_refused(gallery: Gallery, photos: Path) -> None:
    ingest(gallery, [photos])
    stored = {photo.name: photo for photo in gallery.photos()}
    (photos / "a.jpg").unlink()
    (photos / "b.png").write_bytes((photos / "b.png").read_bytes()[:100])
    with pytest.raises(InputError, match=r"a.jpg: no such file"):
        gallery.thumbnail(stored["a.jpg"])
    with pytest.raises(InputError, match=r"b.png: "):
        gallery.thumbnail(stored["b.png"])
    assert not kept_thumbnails(gallery)


def test_a_full_disk_keeps_no_thumbnail_but_shows_it(
    gallery: Gallery, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(gallery, [photos])
    monkeypatch.setattr(Path, "write_bytes", full_after(0))
    photo = next(gallery.photos())
    assert Image.open(io.BytesIO(gallery.thumbnail(photo))).size == (320, 240)
    assert not kept_thumbnails(gallery)


def test_many_ask_for_one_thumbnail_at_once(gallery: Gallery, photos: Path) -> None:
    ingest(gallery, [photos])
    for photo in gallery.photos():
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(gallery.thumbnail, [photo] * 16))) == 1
    assert len(kept_thumbnails(gallery)) == 5
