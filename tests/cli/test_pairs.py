"""`sketchseek pairs`: what is kept, what is rejected and why. Faces are drawn, and found by a detector for these."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from sketchseek.cli import main
from sketchseek.lab.datasets import open_dataset

FACE = (200, 40, 40)  # the red square that stands for a face


def red_squares(image: Image.Image) -> list[tuple[int, int, int, int]]:
    """A detector of drawn faces: up to two red squares, one in each half of the image."""
    pixels = np.asarray(image).astype(int)
    mask = (np.abs(pixels - FACE).sum(axis=2) < 60) | (pixels.sum(axis=2) < 90)
    half = image.width // 2
    boxes = []
    for left, part in ((0, mask[:, :half]), (half, mask[:, half:])):
        rows, columns = np.nonzero(part)
        if len(rows) > 50:
            boxes.append((left + columns.min(), rows.min(), left + columns.max() + 1, rows.max() + 1))
    return boxes


def shout(text: str) -> str:
    return f"Look: {text}!"


def photo(faces: int = 1, side: int = 90, size: int = 300, blur: float = 0, seed: int = 0) -> Image.Image:
    generator = np.random.default_rng(seed)
    noise = generator.integers(90, 200, size=(size // 2, size, 3), dtype=np.uint8).repeat(2, axis=0)
    image = Image.fromarray(noise)
    draw = ImageDraw.Draw(image)
    for face in range(faces):
        x, y = 20 + face * size // 2, 60
        draw.rectangle((x, y, x + side, y + side), fill=FACE)
        draw.line((x, y + side // 2, x + side, y + side // 2), fill=(0, 0, 0), width=5)
    return image.filter(ImageFilter.GaussianBlur(blur)) if blur else image


def encoded(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


WOMAN = {"gender": "woman", "smile": True}
FLAT = Image.new("RGB", (300, 300), (88, 88, 88))  # as bright as the face
FLAT.paste(FACE, (0, 0, 150, 300))
PAIRS: dict[str, tuple[bytes, str, Any]] = {
    "good": (encoded(photo(seed=1)), "A smiling woman", None),
    "attributes": (encoded(photo(seed=2)), "Jane Roe, 2019", {"attributes": WOMAN}),
    "described": (encoded(photo(seed=3)), "", {"caption": "Portrait of a bald man"}),
    "again": (encoded(photo(seed=1)), "a man", None),
    "nobody": (encoded(photo(faces=0)), "a woman", None),
    "two": (encoded(photo(faces=2)), "a woman", None),
    "far": (encoded(photo(side=30)), "a woman", None),
    "small": (encoded(photo(size=100, side=30)), "a woman", None),
    "blurred": (encoded(photo(blur=4)), "a woman", None),
    "flat": (encoded(FLAT), "a woman", None),
    "mistaken": (encoded(photo(seed=5)), "a woman", {"attributes": {"gender": "lady"}}),
    "wordless": (encoded(photo(seed=4)), "IMG 2041", None),
    "broken": (b"\x89PNG not at all", "a woman", None),
}
EXPECTED = {
    "no readable image": 1,
    "image too small": 1,
    "no face": 1,
    "several faces": 1,
    "face too small": 1,
    "too little contrast": 1,
    "not sharp": 1,
    "unknown attributes": 1,
    "no caption": 1,
    "seen before": 1,
}


@pytest.fixture(params=["folder", "tar", "shards"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    if request.param == "folder":
        for name, (image, text, about) in PAIRS.items():
            (root / f"{name}.png").write_bytes(image)
            (root / f"{name}.txt").write_text(text)
            if about is not None:
                (root / f"{name}.json").write_text(json.dumps(about))
        return root
    shards = [list(PAIRS)] if request.param == "tar" else [list(PAIRS)[:5], list(PAIRS)[5:]]
    for number, names in enumerate(shards):
        with tarfile.open(root / f"{number:05}.tar", "w") as archive:
            for name in names:
                image, text, about = PAIRS[name]
                for suffix, content in (
                    ("png", image),
                    ("txt", text.encode()),
                    ("json", json.dumps(about or {}).encode()),
                ):
                    member = tarfile.TarInfo(f"{name}.{suffix}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return root / "00000.tar" if request.param == "tar" else root


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def run(source: Path, out: Path, *more: str) -> int:
    return main(["pairs", str(source), "--out", str(out), "--detector", "test_pairs:red_squares", "--json", *more])


def test_good_pairs_are_kept_and_the_others_counted(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(source, tmp_path / "out") == 0
    report = json.loads(capsys.readouterr().out)
    assert report == {"pairs": 13, "kept": 3, "rejected": EXPECTED}
    dataset = open_dataset(f"folder:{tmp_path / 'out'}")
    photos = (*dataset.train.photos, *dataset.test.photos)
    assert len(photos) == 3
    about = json.loads((tmp_path / "out" / "pairs.json").read_text())
    names = {about["sources"][p.name].rpartition("/")[2]: p for p in photos}
    assert set(names) == {"good" if "good" in names else "again", "attributes", "described"}
    assert "woman" in names["attributes"].caption or "female" in names["attributes"].caption
    assert "jane" not in names["attributes"].caption and "smil" in names["attributes"].caption
    assert "man" in names["described"].caption or "male" in names["described"].caption
    with Image.open(names["attributes"].path) as face:
        assert face.size == (164, 164)  # 1.8 sides of the face


def test_what_has_no_image_in_a_shard_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with tarfile.open(tmp_path / "00000.tar", "w") as archive:
        for name, content in (("a.png", PAIRS["good"][0]), ("a.txt", b"a smiling woman"), ("b.txt", b"a man")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    assert run(tmp_path / "00000.tar", tmp_path / "out") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["pairs"], report["kept"], report["rejected"]["no readable image"]) == (2, 1, 1)


def test_the_text_may_be_kept_and_rewritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "source"
    root.mkdir()
    (root / "a.png").write_bytes(PAIRS["good"][0])
    (root / "a.txt").write_text('A "Smiling"  Woman;  (2019) ' + "very " * 80)
    more = ("--captions", "text", "--rewrite", "test_pairs:shout", "--size", "64")
    assert run(root, tmp_path / "out", *more) == 0
    (photo,) = (
        p for part in ("train", "test") for p in getattr(open_dataset(f"folder:{tmp_path / 'out'}"), part).photos
    )
    assert photo.caption.startswith("look a smiling woman 2019 very") and len(photo.caption.split()) == 65
    with Image.open(photo.path) as face:
        assert face.size == (64, 64)


def test_what_cannot_be_used_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "broken.tar").write_bytes(b"no archive" * 200)
    for source, message in (
        (tmp_path / "missing", "no such file"),
        (empty, "no .tar shard and no image"),
        (tmp_path / "broken.tar", "broken.tar"),
    ):
        assert run(source, tmp_path / "out") == 2
        assert message in capsys.readouterr().err
    (empty / "a.png").write_bytes(PAIRS["nobody"][0])
    assert run(empty, tmp_path / "out") == 2
    assert "no pair was kept (1 no face)" in capsys.readouterr().err
    assert run(empty, empty) == 2
    assert main(["pairs", str(empty), "--out", str(tmp_path / "out"), "--rewrite", "nowhere"]) == 2
    assert sorted(p.name for p in tmp_path.iterdir() if "xdg" not in p.name) == ["broken.tar", "empty"]


def test_the_cascade_finds_no_face_where_there_is_none() -> None:
    pytest.importorskip("cv2")
    from sketchseek.lab.image_text.faces import HaarDetector

    assert HaarDetector()(photo(faces=0)) == []


@pytest.mark.slow
def test_the_cascade_finds_most_real_faces(shared: Path) -> None:
    pytest.importorskip("cv2")
    from sketchseek.lab.image_text.faces import HaarDetector

    detector = HaarDetector()
    paths = sorted((shared / "data" / "fs2k" / "photo" / "photo1").iterdir())[::40]
    found = [len(detector(Image.open(path).convert("RGB"))) for path in paths]
    assert sum(count == 1 for count in found) > 0.7 * len(found)
