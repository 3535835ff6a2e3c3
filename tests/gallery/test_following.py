"""A gallery follows its photos: moved, copied, deleted, out of reach, and the folders that are remembered."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from photos_on_disk import counts, kept_thumbnails, make_photo

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery, StoredPhoto, forget, ingest, reading
from sketchseek.model import Model
from sketchseek.model.preprocess import decode_photo


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many photos each call of the encoder got."""
    batches: list[int] = []
    real = Model.encode_photos

    def spy(self: Model, pixels: Any, *more: Any) -> Any:
        batches.append(len(pixels))
        return real(self, pixels, *more)

    monkeypatch.setattr(Model, "encode_photos", spy)
    return batches


def stored(gallery: Gallery) -> dict[str, StoredPhoto]:
    return {photo.name: photo for photo in gallery.photos()}


def places(gallery: Gallery) -> list[list[Path]]:
    return sorted([photo.path, *photo.copies] for photo in gallery.photos())


def test_a_renamed_folder_costs_no_encoding_and_keeps_thumbnails(
    gallery: Gallery, photos: Path, encoded: list[int]
) -> None:
    ingest(gallery, [photos])
    thumbnails = {name: gallery.thumbnail(photo) for name, photo in stored(gallery).items()}
    ids = {name: photo.id for name, photo in stored(gallery).items()}
    assert sum(encoded) == 5
    (photos / "deep").rename(photos / "deeper")
    (photos / "a.jpg").rename(photos / "z.jpg")
    report = ingest(gallery)
    assert (report.moved, *counts(report)) == (3, 0, 2, 0, 0, 0)
    renamed = photos.rename(photos.with_name("pictures"))
    report = ingest(gallery, [renamed])
    assert (report.moved, *counts(report)) == (5, 0, 0, 0, 0, 0) and gallery.sources.followed == {renamed}
    assert sum(encoded) == 5 and len(kept_thumbnails(gallery)) == 5
    assert places(gallery) == sorted([path] for path in renamed.rglob("*.*"))
    ids["z.jpg"] = ids.pop("a.jpg")
    assert {name: photo.id for name, photo in stored(gallery).items()} == ids
    shutil.rmtree(renamed)
    assert gallery.thumbnail(stored(gallery)["c.webp"]) == thumbnails["c.webp"]


def test_copies_are_one_photo_with_its_places(gallery: Gallery, photos: Path, encoded: list[int]) -> None:
    shutil.copy2(photos / "a.jpg", photos / "deep" / "copy.jpg")
    report = ingest(gallery, [photos])
    assert (report.added, report.moved, len(gallery), sum(encoded)) == (5, 1, 5, 5)
    (photo,) = (photo for photo in gallery.photos() if photo.copies)
    assert (photo.path, photo.copies) == (photos / "a.jpg", (photos / "deep" / "copy.jpg",))
    assert counts(ingest(gallery)) == (0, 6, 0, 0, 0)
    (photos / "a.jpg").unlink()
    assert ingest(gallery).removed == 0
    assert stored(gallery)["copy.jpg"].id == photo.id and not stored(gallery)["copy.jpg"].copies
    make_photo(photos / "deep" / "copy.jpg", 50)
    assert counts(ingest(gallery)) == (0, 4, 1, 0, 0) and len(gallery) == 5


def test_photos_that_change_places_are_not_encoded_again(gallery: Gallery, photos: Path, encoded: list[int]) -> None:
    ingest(gallery, [photos])
    before = {name: photo.id for name, photo in stored(gallery).items()}
    (photos / "a.jpg").rename(photos / "b")
    make_photo(photos / "a.jpg", 60)
    (photos / "b").rename(photos / "deep" / "a2.jpg")
    (photos / "b.png").rename(photos / "x.png")
    (photos / "e.gif").rename(photos / "b.png")  # a name says nothing of what it is
    (photos / "x.png").rename(photos / "e.gif")
    report = ingest(gallery)
    assert (report.updated, report.moved, report.removed, sum(encoded)) == (1, 3, 0, 6)
    after = {name: photo.id for name, photo in stored(gallery).items()}
    assert (after["a2.jpg"], after["b.png"], after["e.gif"]) == (before["a.jpg"], before["e.gif"], before["b.png"])


def test_an_unplugged_drive_costs_nothing(gallery: Gallery, photos: Path, tmp_path: Path, encoded: list[int]) -> None:
    other = make_photo(tmp_path / "other" / "kept.png", 50).parent
    ingest(gallery, [photos, other])
    away = photos.rename(tmp_path / "away")
    for mount_point_is_there in (False, True):
        if mount_point_is_there:
            photos.mkdir()
        report = ingest(gallery)
        assert (report.removed, report.offline, report.unchanged) == (0, 5, 1)
        assert {name for name, photo in stored(gallery).items() if not photo.offline} == {"kept.png"}
    photos.rmdir()
    away.rename(photos)
    report = ingest(gallery)
    assert (report.offline, *counts(report), sum(encoded)) == (0, 0, 6, 0, 0, 0, 6)
    assert not any(photo.offline for photo in gallery.photos())
    shutil.rmtree(photos)
    ingest(gallery)
    make_photo(photos / "new.jpg", 70)
    for seed in range(80, 95):
        make_photo(photos / f"{seed}.jpg", seed)
    assert ingest(gallery).offline == 5  # however many have come since
    report = ingest(gallery, prune=True)
    assert (report.removed, report.offline, len(gallery)) == (5, 0, 17)


def test_what_was_deleted_is_forgotten_unless_it_was_most(gallery: Gallery, photos: Path) -> None:
    ingest(gallery, [photos])
    (photos / "a.jpg").unlink()
    shutil.rmtree(photos / "deep" / "er")
    assert counts(ingest(gallery)) == (0, 3, 0, 2, 0)
    (photos / "b.png").unlink()
    (photos / "e.gif").unlink()
    report = ingest(gallery)
    assert (report.removed, report.offline, len(gallery)) == (0, 2, 3)


def test_what_cannot_be_read_this_minute_is_kept(gallery: Gallery, photos: Path) -> None:
    for seed in range(60, 70):
        make_photo(photos / f"{seed}.jpg", seed)
    ingest(gallery, [photos])
    away = photos.with_name("away")
    (photos / "a.jpg").rename(away)
    (photos / "a.jpg").symlink_to("a.jpg")  # no such thing can be opened, but it is not gone
    shutil.move(photos / "deep", photos.with_name("deep away"))
    (photos / "deep").symlink_to("deep")
    (photos / "e.gif").unlink()
    (photos / "e.gif").symlink_to(photos / "absent.gif")
    report = ingest(gallery)
    assert (report.removed, report.offline, len(gallery)) == (0, 0, 15)
    assert {skip.path.name for skip in report.skipped} >= {"a.jpg", "e.gif"}


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_run(
    gallery: Gallery, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(gallery, [photos])
    make_photo(photos / "a.jpg", 60)
    real = decode_photo

    def decode(path: Path, size: int) -> Any:
        decoded = real(path, size)
        make_photo(path, 61)
        return decoded

    with monkeypatch.context() as patch:
        patch.setattr(reading, "decode_photo", decode)
        report = ingest(gallery)
    assert counts(report) == (0, 4, 0, 0, 1) and "being written" in report.skipped[0].reason
    assert counts(ingest(gallery)) == (0, 4, 1, 0, 0) and len(gallery) == 5


def test_a_dry_run_says_what_would_happen(gallery: Gallery, photos: Path, encoded: list[int]) -> None:
    ingest(gallery, [photos])
    (photos / "deep" / "d.JPEG").rename(photos / "d.jpg")
    (photos / "b.png").unlink()
    make_photo(photos / "new.jpg", 40)
    make_photo(photos / "a.jpg", 41)
    before = places(gallery)
    foreseen = ingest(gallery, dry_run=True)
    assert places(gallery) == before and sum(encoded) == 5
    report = ingest(gallery)
    assert report == foreseen
    assert (report.moved, *counts(report)) == (1, 1, 2, 1, 1, 0)


def test_sources_are_remembered_and_removed(gallery: Gallery, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="follows no folder yet"):
        ingest(gallery)
    single = make_photo(tmp_path / "single.jpg", 50)
    ingest(gallery, [photos / "deep"])
    ingest(gallery, [photos, single])
    assert gallery.sources.followed == {photos, single}
    make_photo(photos / "new.jpg", 51)
    assert ingest(gallery).added == 1
    assert forget(gallery, [photos / "deep", photos / "a.jpg"]) == 3
    assert counts(ingest(gallery)) == (0, 4, 0, 0, 0) and gallery.sources.followed == {photos, single}
    assert ingest(gallery, [photos / "a.jpg"]).added == 1
    assert gallery.sources.left_out == {photos / "deep"}
    assert forget(gallery, [photos]) == 4
    assert gallery.sources.followed == {single} and not gallery.sources.left_out
    with pytest.raises(InputError, match=r"photos: the gallery has no photo there"):
        forget(gallery, [photos])
    assert [photo.path for photo in gallery.photos()] == [single]
