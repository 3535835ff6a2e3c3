"""A gallery gets another model: beside the old index, in one step, with nothing lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from local_model import make_local_model
from photos_on_disk import counts, index_folder, kept_thumbnails, make_photo
from tiny_model import make_tiny_model

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery, StoredPhoto, ingest, reencode
from sketchseek.model import Model


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> list[Model]:
    """One whose matcher is exact, and one that keeps features of photos."""
    folder = tmp_path_factory.mktemp("others")
    return [Model.load(make_tiny_model(folder / "tiny", seed=1)), Model.load(make_local_model(folder / "local"))]


def stored(gallery: Gallery) -> dict[str, StoredPhoto]:
    return {photo.id: photo for photo in gallery.photos()}


def assert_same_as_made_with(model: Model, gallery: Gallery, photos: Path, elsewhere: Path) -> None:
    """The gallery finds what one does that was made with the model."""
    query = np.random.default_rng(0).normal(size=32).astype(np.float32)
    with Gallery.create(elsewhere, model) as made:
        ingest(made, [photos])
        assert gallery.scores(query) == pytest.approx(made.scores(query))
        ids = list(stored(made))
        for name, values in made.features(ids).items():
            np.testing.assert_array_equal(gallery.features(ids)[name], values)


def test_it_is_what_a_gallery_made_with_that_model_is(
    gallery: Gallery, photos: Path, tmp_path: Path, others: list[Model]
) -> None:
    shutil.copy2(photos / "a.jpg", photos / "copy.jpg")
    ingest(gallery, [photos])
    thumbnails = [gallery.thumbnail(photo) for photo in gallery.photos()]
    before, old = stored(gallery), index_folder(gallery)
    for number, other in enumerate(others):
        told: list[tuple[int, int]] = []
        assert reencode(gallery, other, lambda done, total, told=told: told.append((done, total))) == 5  # type: ignore[misc]
        assert told[-1] == (5, 5)
        assert gallery.model.hash == other.hash and stored(gallery) == before
        assert_same_as_made_with(other, gallery, photos, tmp_path / f"made-{number}")
        gallery.close()
        with Gallery.open(gallery.folder, other) as again:  # as the next command finds it
            assert stored(again) == before and index_folder(again) != old
            assert len(kept_thumbnails(again)) == len(thumbnails)
        gallery = Gallery.open(gallery.folder)
    make_photo(photos / "new.png", 60)
    assert counts(ingest(gallery)) == (1, 6, 0, 0, 0)
    gallery.close()


def test_the_old_model_is_searched_until_all_are_done(gallery: Gallery, photos: Path, others: list[Model]) -> None:
    ingest(gallery, [photos])
    query = np.ones(32, np.float32)
    before = gallery.scores(query)

    def progress(_: int, __: int) -> None:
        assert gallery.scores(query) == before

    reencode(gallery, others[0], progress)
    assert gallery.scores(query) != before


def test_what_failed_changes_nothing(gallery: Gallery, photos: Path, others: list[Model]) -> None:
    ingest(gallery, [photos])
    before, index = stored(gallery), index_folder(gallery)

    def stop(_: int, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reencode(gallery, others[0], stop)
    (photos / "b.png").unlink()
    (photos / "b.png").symlink_to("b.png")  # neither gone nor readable
    (photos / "a.jpg").rename(photos / "moved.jpg")
    with pytest.raises(InputError, match=r"b\.png: .* \(1 such photos, nothing was changed\)"):
        reencode(gallery, others[0])
    assert index_folder(gallery) == index and stored(gallery).keys() == before.keys()
    assert reencode(gallery, others[0], prune=True) == 4
    assert sorted(photo.name for photo in gallery.photos()) == ["c.webp", "d.JPEG", "e.gif", "moved.jpg"]


def test_photos_that_are_offline_are_not_lost(gallery: Gallery, photos: Path, others: list[Model]) -> None:
    ingest(gallery, [photos])
    photos.rename(photos.with_name("unplugged"))
    assert ingest(gallery).offline == 5
    with pytest.raises(InputError, match=r"5 photos are offline .* --prune"):
        reencode(gallery, others[0])
    photos.with_name("unplugged").rename(photos)
    assert counts(ingest(gallery)) == (0, 5, 0, 0, 0) and reencode(gallery, others[0]) == 5


def test_an_index_that_was_left_behind_is_deleted(gallery: Gallery, photos: Path) -> None:
    ingest(gallery, [photos])
    index = index_folder(gallery)
    gallery.close()
    shutil.copytree(index, gallery.folder / "index-00000000")
    os.makedirs(gallery.folder / "index-00000001" / "model")
    with Gallery.open(gallery.folder) as again:
        assert index_folder(again) == index and len(again) == 5
