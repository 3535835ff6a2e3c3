"""A gallery from its making to its second, third and interrupted run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photos_on_disk import counts, full_after, index_folder, make_photo
from tiny_model import make_tiny_model

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery, ingest
from sketchseek.model import Model


def test_photos_are_found_read_and_kept(gallery: Gallery, photos: Path) -> None:
    (photos / "notes.txt").write_text("no photo")
    make_photo(photos / ".hidden" / "h.jpg", 9)
    make_photo(photos / "._a.jpg", 9)
    seen: list[tuple[int, int]] = []
    report = ingest(gallery, [photos], lambda done, total: seen.append((done, total)))
    assert counts(report) == (5, 0, 0, 0, 0) and seen[-1] == (5, 5)
    stored = {photo.name: photo for photo in gallery.photos()}
    assert sorted(stored) == ["a.jpg", "b.png", "c.webp", "d.JPEG", "e.gif"] and len(gallery) == 5
    photo = stored["c.webp"]
    assert photo.path == photos / "deep/er/c.webp" and (photo.width, photo.height) == (400, 300)
    assert gallery.photo(photo.id) == photo
    for unknown in ("", "../../etc/passwd", "00000000-0000-0000-0000-000000000000"):
        assert gallery.photo(unknown) is None


def test_a_second_run_opens_only_what_changed(gallery: Gallery, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest(gallery, [photos])
    before = {photo.name: photo.id for photo in gallery.photos()}
    opened: list[str] = []
    real = Path.open

    def spy(path: Path, *more: Any, **named: Any) -> Any:
        if path.is_relative_to(photos):
            opened.append(path.name)
        return real(path, *more, **named)

    monkeypatch.setattr(Path, "open", spy)
    assert counts(ingest(gallery, [photos])) == (0, 5, 0, 0, 0) and opened == []
    make_photo(photos / "a.jpg", 77, size=(120, 200))
    (photos / "b.png").unlink()
    make_photo(photos / "f.bmp", 5)
    assert counts(ingest(gallery, [photos])) == (1, 3, 1, 1, 0) and set(opened) == {"a.jpg", "f.bmp"}
    after = {photo.name: photo for photo in gallery.photos()}
    assert sorted(after) == ["a.jpg", "c.webp", "d.JPEG", "e.gif", "f.bmp"]
    assert after["a.jpg"].id != before["a.jpg"] and after["a.jpg"].height == 200
    assert after["c.webp"].id == before["c.webp"]


def test_what_is_left_out_is_counted_by_kind(gallery: Gallery, photos: Path) -> None:
    for name in ("film.MOV", "film2.mov", "README", ".hidden.jpg"):
        (photos / name).write_text("no photo")
    for folder in ("@eaDir", "deep/@eaDir", "#recycle", ".thumbnails", "$RECYCLE.BIN", "lost+found"):
        make_photo(photos / folder / "x.jpg", 30)
    report = ingest(gallery, [photos])
    assert counts(report) == (5, 0, 0, 0, 0)
    assert report.left_out == {
        ".mov": 2,
        "folders @eaDir": 2,
        "files without a suffix": 1,
        "hidden files": 1,
        "hidden folders": 1,
        "folders #recycle": 1,
        "folders $RECYCLE.BIN": 1,
        "folders lost+found": 1,
    }
    assert ingest(gallery, [photos / "#recycle"]).added == 1  # who names one lets it in


def test_a_jpeg_that_is_cut_off_is_indexed_and_listed(gallery: Gallery, photos: Path) -> None:
    cut = make_photo(photos / "cut.jpg", 8)
    cut.write_bytes(cut.read_bytes()[:-400])
    report = ingest(gallery, [photos])
    assert report.added == 6 and report.cut == (cut,) and not report.skipped


def test_another_folder_is_added_and_a_single_file_too(gallery: Gallery, photos: Path, tmp_path: Path) -> None:
    ingest(gallery, [photos])
    make_photo(tmp_path / "more" / "x.jpg", 20)
    assert counts(ingest(gallery, [tmp_path / "more"])) == (1, 0, 0, 0, 0)
    single = make_photo(tmp_path / "y.jpg", 21)
    assert counts(ingest(gallery, [single, photos, single])) == (1, 5, 0, 0, 0) and len(gallery) == 7


def test_links_that_go_round_end(gallery: Gallery, photos: Path) -> None:
    (photos / "deep" / "loop").symlink_to(photos)
    (photos / "nowhere.jpg").symlink_to(photos / "absent.jpg")
    report = ingest(gallery, [photos])
    assert counts(report) == (5, 0, 0, 0, 1) and report.skipped[0].path == photos / "nowhere.jpg"


def test_its_own_thumbnails_are_no_photos(photos: Path, model: Model) -> None:
    with Gallery.create(photos / "gallery", model) as gallery:
        assert counts(ingest(gallery, [photos])) == (5, 0, 0, 0, 0)
        assert counts(ingest(gallery, [photos])) == (0, 5, 0, 0, 0)


def test_broken_photos_are_reported_and_skipped(gallery: Gallery, photos: Path) -> None:
    ingest(gallery, [photos])
    (photos / "broken.jpg").write_bytes((photos / "a.jpg").read_bytes()[:600])
    (photos / "empty.png").write_bytes(b"")
    (photos / "b.png").write_bytes((photos / "b.png").read_bytes()[:100])  # was good when it was indexed
    report = ingest(gallery, [photos])
    assert counts(report) == (0, 4, 0, 1, 3)
    assert sorted(path.name for path, _ in report.skipped) == ["b.png", "broken.jpg", "empty.png"]
    assert all(reason and "\n" not in reason and str(photos) not in reason for _, reason in report.skipped)


def test_a_name_that_is_no_text_is_skipped(gallery: Gallery, photos: Path) -> None:
    try:
        shutil.copy(photos / "a.jpg", os.fsdecode(os.fsencode(photos) + b"/caf\xe9.jpg"))
    except OSError:
        pytest.skip("this file system takes no such name")
    report = ingest(gallery, [photos])
    assert counts(report) == (5, 0, 0, 0, 1) and "rename" in report.skipped[0].reason


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who runs this may list every folder")
def test_a_folder_that_cannot_be_listed_is_reported_and_its_photos_kept(gallery: Gallery, photos: Path) -> None:
    ingest(gallery, [photos])
    (photos / "deep").chmod(0)
    try:
        report = ingest(gallery, [photos])
    finally:
        (photos / "deep").chmod(0o755)
    assert report.removed == 0 and [path.name for path, _ in report.skipped] == ["deep"] and len(gallery) == 5


def test_nothing_to_index(gallery: Gallery, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: no photos there"):
        ingest(gallery, [tmp_path / "empty"])
    with pytest.raises(InputError, match=r"absent: no such file or folder"):
        ingest(gallery, [tmp_path / "absent"])
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"notes.txt: not a photo"):
        ingest(gallery, [tmp_path / "notes.txt"])
    with pytest.raises(InputError, match=r"the gallery is kept there"):
        ingest(gallery, [gallery.folder])


def test_a_gallery_belongs_to_its_model(gallery: Gallery, photos: Path, tmp_path: Path, model: Model) -> None:
    ingest(gallery, [photos])
    gallery.close()
    other = Model.load(make_tiny_model(tmp_path / "other", seed=1))
    with pytest.raises(InputError, match=r"gallery: is of another model .*; encode its photos anew"):
        Gallery.open(gallery.folder, other)
    with Gallery.open(gallery.folder, model) as again:
        assert len(again) == 5
    shutil.rmtree(index_folder(gallery) / "model")
    shutil.copytree(other.folder, index_folder(gallery) / "model")
    with pytest.raises(InputError, match=r"model: is not the model this gallery was made with"):
        Gallery.open(gallery.folder)


def test_a_gallery_needs_nothing_outside_itself(tmp_path: Path, photos: Path) -> None:
    folder = make_tiny_model(tmp_path / "short-lived")
    with Gallery.create(tmp_path / "gallery", Model.load(folder)) as gallery:
        ingest(gallery, [photos])
    shutil.rmtree(folder)
    (tmp_path / "gallery").rename(tmp_path / "moved")
    with Gallery.open(tmp_path / "moved") as gallery:
        assert counts(ingest(gallery, [photos])) == (0, 5, 0, 0, 0)
        vector = gallery.model.encode_photos(np.zeros((1, 64, 64, 3), np.uint8))["vector"][0]
        assert len(gallery.nearest(vector, 3)) == 3


def test_one_at_a_time(gallery: Gallery) -> None:
    with pytest.raises(InputError, match=r"gallery: in use by another sketchseek process"):
        Gallery.open(gallery.folder)


def test_what_is_no_gallery(tmp_path: Path, model: Model) -> None:
    with pytest.raises(InputError, match=r"absent: no gallery there; make one with `sketchseek index"):
        Gallery.open(tmp_path / "absent")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("dear diary")
    with pytest.raises(InputError, match="not empty"):
        Gallery.create(tmp_path / "full", model)
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["diary.txt"]
    outside = '{"format": "sketchseek-gallery-3", "model": "", "index": "../elsewhere"}'
    for content in ("{", "[]", '{"format": "sketchseek-gallery-9"}', outside):
        (tmp_path / "full" / "gallery.json").write_text(content)
        with pytest.raises(InputError, match=r"gallery.json: "):
            Gallery.open(tmp_path / "full")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        Gallery.create(tmp_path / "file" / "gallery", model)


def test_a_damaged_store_is_named(gallery: Gallery) -> None:
    gallery.close()
    shutil.rmtree(index_folder(gallery) / "vectors")
    with pytest.raises(InputError, match=r"vectors: damaged .* index again"):
        Gallery.open(gallery.folder)


def test_a_full_disk_leaves_a_gallery_that_goes_on(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(40):  # large ones, as their thumbnails are written at once
        make_photo(tmp_path / "many" / f"{index:02}.jpg", index, size=(1000, 600))
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # one worker, so the first batches are stored before it is full
    monkeypatch.setattr(Path, "write_bytes", full_after(25))
    with pytest.raises(InputError, match=r"the disk is full, \d+ photos are indexed; free some space"):
        ingest(gallery, [tmp_path / "many"])
    monkeypatch.undo()
    kept = len(gallery)
    assert 0 < kept <= 24
    assert not list(gallery.folder.rglob("*.part"))
    gallery.close()
    with Gallery.open(gallery.folder) as again:
        assert counts(ingest(again, [tmp_path / "many"])) == (40 - kept, kept, 0, 0, 0)


def test_the_vectors_never_meet_a_full_disk(gallery: Gallery, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 99, 1))
    with pytest.raises(InputError, match="the disk is full, 0 photos are indexed"):
        ingest(gallery, [photos])
    with pytest.raises(InputError, match=r"another: cannot be written \(No space left"):
        Gallery.create(gallery.folder.with_name("another"), gallery.model)


@pytest.mark.skipif(os.name == "nt", reason="kills with a signal")
def test_a_run_that_was_killed_is_completed_by_the_next(tmp_path: Path, model: Model) -> None:
    for index in range(80):
        make_photo(tmp_path / "many" / f"{index:02}.jpg", index, size=(64, 48))
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from sketchseek.gallery import Gallery, ingest; from sketchseek.model import Model\n"
        "model, folder, photos = map(Path, sys.argv[1:])\n"
        "def die(done, total):\n"
        "    if done >= 32: os.kill(os.getpid(), signal.SIGKILL)\n"
        "ingest(Gallery.create(folder, Model.load(model)), [photos], die)\n"
    )
    command = [sys.executable, "-c", code, *map(str, (model.folder, tmp_path / "gallery", tmp_path / "many"))]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    with Gallery.open(tmp_path / "gallery") as gallery:
        assert len(gallery) == 32
        assert counts(ingest(gallery, [tmp_path / "many"])) == (48, 32, 0, 0, 0)
