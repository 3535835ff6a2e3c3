"""Features of a matcher that is not exact, kept beside the vectors."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from local_model import make_local_model
from photos_on_disk import counts, index_folder, make_photo

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery, ingest
from sketchseek.gallery import features as features_module
from sketchseek.gallery.vectors import Vectors
from sketchseek.model import Model
from sketchseek.model.preprocess import read_photo


@pytest.fixture(scope="module")
def local_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model whose matcher is not exact."""
    return Model.load(make_local_model(tmp_path_factory.mktemp("models") / "local"))


@pytest.fixture
def local_gallery(tmp_path: Path, local_model: Model) -> Iterator[Gallery]:
    with Gallery.create(tmp_path / "local-gallery", local_model) as opened:
        yield opened


def assert_features_are_those_of_the_files(gallery: Gallery) -> None:
    photos = list(gallery.photos())
    pixels = [read_photo(photo.path, gallery.model.size) for photo in photos]
    expected = gallery.model.encode_photos(np.stack(pixels))["cells"].astype(np.float16)
    found = gallery.features([photo.id for photo in photos])
    assert list(found) == ["cells"] and found["cells"].dtype == np.float32
    np.testing.assert_allclose(found["cells"], expected, rtol=2e-3)
    cells = dict(zip((photo.id for photo in photos), found["cells"], strict=True))
    assert sum(len(ids) for ids, _ in gallery.all_features()) == len(photos)
    for ids, features in gallery.all_features():
        np.testing.assert_array_equal(features["cells"], np.stack([cells[photo] for photo in ids]))


def test_an_exact_matcher_needs_no_features(gallery: Gallery, photos: Path) -> None:
    ingest(gallery, [photos])
    assert not (index_folder(gallery) / "features.f16").exists()
    assert gallery.features([next(gallery.photos()).id]) == {} and not list(gallery.all_features())


def test_features_are_kept_beside_the_vectors(
    local_gallery: Gallery, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(local_gallery, [photos])
    monkeypatch.setattr(features_module, "READ_TOGETHER", 300)
    assert_features_are_those_of_the_files(local_gallery)
    assert (index_folder(local_gallery) / "features.f16").stat().st_size == 16 + 5 * 64 * 2
    with pytest.raises(KeyError):
        local_gallery.features(["00000000-0000-0000-0000-000000000000"])
    local_gallery.close()
    with Gallery.open(local_gallery.folder) as again:
        assert_features_are_those_of_the_files(again)


def test_features_follow_their_photos_and_garbage_is_dropped(local_gallery: Gallery, photos: Path) -> None:
    ingest(local_gallery, [photos])
    file = index_folder(local_gallery) / "features.f16"
    for seed in range(50, 54):
        make_photo(photos / "a.jpg", seed, size=(300 + seed, 300))
        make_photo(photos / "b.png", seed + 10, size=(300 + seed, 300))
        assert counts(ingest(local_gallery, [photos])) == (0, 3, 2, 0, 0)
        assert_features_are_those_of_the_files(local_gallery)
        assert file.stat().st_size <= 16 + 5 * 8 + 2 * 5 * 64 * 2
    (photos / "e.gif").unlink()
    make_photo(photos / "f.png", 60)
    ingest(local_gallery, [photos])
    assert_features_are_those_of_the_files(local_gallery)
    local_gallery.delete([photo.id for photo in local_gallery.photos()])
    local_gallery.flush()
    assert file.stat().st_size == 16
    assert counts(ingest(local_gallery, [photos])) == (5, 0, 0, 0, 0)
    assert_features_are_those_of_the_files(local_gallery)


def test_a_full_disk_commits_no_photo_without_features(
    local_gallery: Gallery, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(local_gallery, [photos])
    before = (index_folder(local_gallery) / "features.f16").read_bytes()
    for index in range(20):
        make_photo(tmp_path / "more" / f"{index}.png", 20 + index)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="the disk is full, 5 photos are indexed"):
            ingest(local_gallery, [tmp_path / "more"])
    assert (index_folder(local_gallery) / "features.f16").read_bytes() == before
    with monkeypatch.context() as patch:  # features that were written, but not their points
        patch.setattr(Vectors, "put", full)
        with pytest.raises(InputError, match="the disk is full, 5 photos are indexed"):
            ingest(local_gallery, [tmp_path / "more"])
    assert_features_are_those_of_the_files(local_gallery)
    assert counts(ingest(local_gallery, [tmp_path / "more", photos])) == (20, 5, 0, 0, 0)
    assert_features_are_those_of_the_files(local_gallery)


@pytest.mark.skipif(os.name == "nt", reason="kills with a signal")
def test_features_without_a_point_do_no_harm_after_a_kill(tmp_path: Path, local_model: Model) -> None:
    for index in range(40):
        make_photo(tmp_path / "many" / f"{index:02}.jpg", index, size=(64, 48))
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from sketchseek.gallery import Gallery, ingest; from sketchseek.model import Model\n"
        "from sketchseek.gallery.vectors import Vectors\n"
        "model, folder, photos = map(Path, sys.argv[1:])\n"
        "put, batches = Vectors.put, []\n"
        "def die(*arguments):\n"
        "    batches.append(1)\n"
        "    if len(batches) == 3:\n"
        "        with next(folder.glob('index-*/features.f16')).open('ab') as file: file.write(bytes(99))\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    put(*arguments)\n"
        "Vectors.put = die\n"
        "ingest(Gallery.create(folder, Model.load(model)), [photos])\n"
    )
    command = [sys.executable, "-c", code, *map(str, (local_model.folder, tmp_path / "gallery", tmp_path / "many"))]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    with Gallery.open(tmp_path / "gallery") as gallery:
        assert len(gallery) == 16
        assert_features_are_those_of_the_files(gallery)
        assert counts(ingest(gallery, [tmp_path / "many"])) == (24, 16, 0, 0, 0)
        assert_features_are_those_of_the_files(gallery)


def test_damaged_features_are_named(local_gallery: Gallery, photos: Path) -> None:
    ingest(local_gallery, [photos])
    ids = [photo.id for photo in local_gallery.photos()]
    local_gallery.close()
    file = index_folder(local_gallery) / "features.f16"
    file.write_bytes(file.read_bytes()[:-300])
    with (
        Gallery.open(local_gallery.folder) as gallery,
        pytest.raises(InputError, match=r"features.f16: damaged .* index again"),
    ):
        gallery.features(ids)
    file.unlink()
    with pytest.raises(InputError, match=r"features.f16: damaged .* index again"):
        Gallery.open(local_gallery.folder)
    Vectors.open(index_folder(local_gallery) / "vectors", "euclid").close()  # nothing holds them
