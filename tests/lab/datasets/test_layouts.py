"""Every layout of every data set, on made-up copies."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sketchseek.errors import InputError
from sketchseek.lab.datasets import CATALOGUE, Dataset, open_dataset, read_dataset, slug_of
from sketchseek.lab.datasets.base import NO_PHOTO
from sketchseek.lab.datasets.traced import with_traced_sketches

Write = Callable[[Path], Path]


def pairs(dataset: Dataset, part: str) -> dict[str, str]:
    """The photo's name of every sketch of a part."""
    split = getattr(dataset, part)
    return {sketch.name: split.photos[sketch.photo].name for sketch in split.sketches}


def counts(dataset: Dataset) -> tuple[int, ...]:
    return tuple(len(p) for s in (dataset.train, dataset.test) for p in (s.photos, s.sketches))


def test_qmul_coordinates(chairv2: Path) -> None:
    dataset = open_dataset(f"ChairV2:{chairv2}")
    assert counts(dataset) == (4, 8, 2, 4) and dataset.problems == ()
    assert pairs(dataset, "train")["d-e_f_A1YX"] == "d-e_f"
    assert pairs(dataset, "test") == {"g_1": "g", "g_A1YX": "g", "h_1_1": "h_1", "h_1_A1YX": "h_1"}
    strokes = dataset.train.sketches[0].strokes
    assert strokes is not None and [len(s) for s in strokes.strokes] == [2, 2]
    assert dataset.variant == ""  # no published release is so small


def test_what_is_unpaired_is_named_and_left_out(chairv2: Path, picture: Write) -> None:
    (chairv2 / "photo" / "g.png").unlink()
    picture(chairv2 / "photo" / "nobody.png")
    dataset = open_dataset(f"chairv2:{chairv2}")
    assert counts(dataset) == (4, 8, 1, 2)
    assert sum("'g' is missing" in p for p in dataset.problems) == 2
    assert sum("nobody.png: photo without a sketch" in p for p in dataset.problems) == 1


def test_shoev2_has_a_file_of_its_own_name(chairv2: Path) -> None:
    with pytest.raises(InputError, match="ShoeV2_Coordinate"):
        open_dataset(f"shoev2:{chairv2}")
    (chairv2 / "ChairV2_Coordinate").rename(chairv2 / "ShoeV2_Coordinate")
    assert counts(open_dataset(f"shoe-v2:{chairv2}")) == (4, 8, 2, 4)


def test_keys_of_no_part_are_named(chairv2: Path) -> None:
    path = chairv2 / "ChairV2_Coordinate"
    content = pickle.loads(path.read_bytes())
    content["/training/a_9"] = np.array([[1.0, 2.0, 1.0]])
    path.write_bytes(pickle.dumps(content, protocol=3))
    dataset = open_dataset(f"chairv2:{chairv2}")
    assert counts(dataset) == (4, 8, 2, 4)
    assert any("'/training/a_9' names neither train nor test" in p for p in dataset.problems)


@pytest.mark.parametrize("slug", ["chairv2", "shoev2", "clothesv1"])
def test_rendered(slug: str, tmp_path: Path, picture: Write) -> None:
    for part, photo in (("train", "00066"), ("train", "x_1"), ("test", "00070")):
        picture(tmp_path / f"{part}B" / f"{photo}.png")
        for designer in ("01", "06"):
            picture(tmp_path / f"{part}A" / f"{photo}_{designer}.png")
    dataset = open_dataset(f"{slug}:{tmp_path}")
    assert counts(dataset) == (2, 4, 1, 2)
    assert pairs(dataset, "train")["x_1_06"] == "x_1"
    assert [s.drawer for s in dataset.test.sketches] == (["1", "6"] if slug == "clothesv1" else ["", ""])


def test_the_published_variant_is_named(tmp_path: Path) -> None:
    for part, photos in (("train", 380), ("test", 120)):
        sketches = {"train": 925, "test": 275}[part]
        for index in range(photos):
            path = tmp_path / f"{part}B" / f"{index:05}.png"
            path.parent.mkdir(exist_ok=True)
            path.touch()
        for index in range(sketches):
            path = tmp_path / f"{part}A" / f"{index % photos:05}_0{index // photos + 1}.png"
            path.parent.mkdir(exist_ok=True)
            path.touch()
    assert open_dataset(f"Clothes-V1:{tmp_path}").variant == "925/275 sketches"


@pytest.mark.parametrize(("sketch_folder", "photo_folder"), [("sketches", "images"), ("sketch", "photo")])
@pytest.mark.parametrize("slug", ["chair", "shoe"])
def test_qmul_v1_is_paired_by_order(
    slug: str, sketch_folder: str, photo_folder: str, tmp_path: Path, picture: Write
) -> None:
    for part, count in (("train", 3), ("test", 2)):
        for index in range(count):
            picture(tmp_path / f"{slug}s" / part / sketch_folder / f"s{index}.png")
            picture(tmp_path / f"{slug}s" / part / photo_folder / f"{index}.jpg")
    for root in (tmp_path, tmp_path / f"{slug}s"):
        dataset = open_dataset(f"{slug}:{root}")
        assert counts(dataset) == (3, 3, 2, 2)
        assert pairs(dataset, "train") == {"s0": "0", "s1": "1", "s2": "2"}
    (tmp_path / f"{slug}s" / "test" / photo_folder / "0.jpg").unlink()
    with pytest.raises(InputError, match="2 sketches and 1 photos"):
        open_dataset(f"{slug}:{tmp_path}")


@pytest.mark.parametrize("parent", ["", "256x256"])
def test_sketchy_original(parent: str, tmp_path: Path, picture: Write) -> None:
    base = tmp_path / parent
    for category in ("airplane", "zebra"):
        for index in range(12):
            # The first photo of the second category has the name of the first photo of the first.
            name = "n0_0" if index == 0 else f"n{category[0]}_{index:02}"
            picture(base / "photo" / "tx_000000000000" / category / f"{name}.jpg")
            for n in (1, 2):
                picture(base / "sketch" / "tx_000000000000" / category / f"{name}-{n}.png")
    dataset = open_dataset(f"sketchy:{tmp_path}")
    assert counts(dataset) == (20, 40, 4, 8)
    assert [p.name for p in dataset.test.photos] == ["airplane/n0_0", "na_10", "zebra/n0_0", "nz_10"]
    assert pairs(dataset, "test")["zebra/n0_0-2"] == "zebra/n0_0"
    assert {s.category for s in dataset.train.sketches} == {"airplane", "zebra"}
    assert all(
        s.category == dataset.test.photos[s.photo].category and s.path is not None and s.category in s.path.parts
        for s in dataset.test.sketches
    )


def test_sketchy_zero_shot(tmp_path: Path, picture: Write) -> None:
    base = tmp_path / "256x256"
    for category, count in (("airplane", 3), ("bat", 2), ("cabin", 3)):
        for index in range(count):
            picture(base / "photo" / "tx_000000000000" / category / f"{category}_{index}.jpg")
            picture(base / "sketch" / "tx_000000000000" / category / f"{category}_{index}-1.png")
    dataset = open_dataset(f"sketchy-unseen:{tmp_path}")
    assert counts(dataset) == (3, 3, 5, 5)
    assert {p.category for p in dataset.test.photos} == {"bat", "cabin"}
    assert dataset.test.within_category and dataset.test.gallery == 3 and not dataset.train.within_category
    assert pairs(dataset, "test")["cabin_2-1"] == "cabin_2"
    shutil.rmtree(base / "photo" / "tx_000000000000" / "airplane")
    with pytest.raises(InputError, match="no photos of seen categories"):
        open_dataset(f"sketchy-unseen:{tmp_path}")


@pytest.mark.parametrize("parent", ["", "fscoco"])
def test_fscoco(parent: str, tmp_path: Path, picture: Write) -> None:
    base = tmp_path / parent
    lifts, draws = [1, 0, 0], [0, 1, 0]
    for drawer, photo in (("1", "000000000012"), ("1", "000000000034"), ("7", "000000000056")):
        picture(base / "images" / drawer / f"{photo}.jpg")
        points = [(0.1, 0.2, 500, draws), (0.2, 0.2, 520, draws), (0.3, 0.2, 540, lifts), (0.5, 0.5, 900, draws)]
        written = [{"coordinates": [x, y], "timestamp": t, "pen_state": state} for x, y, t, state in points]
        (base / "raw_data" / drawer).mkdir(parents=True, exist_ok=True)
        (base / "raw_data" / drawer / f"{photo}.json").write_text(json.dumps(written))
        (base / "text" / drawer).mkdir(parents=True, exist_ok=True)
        (base / "text" / drawer / f"{photo}.txt").write_text("a horse\non grass\n")
    (base / "val_normal.txt").write_text("34\n")
    (base / "val_unseen_user.txt").write_text("000000000056\n")
    usual, unseen = open_dataset(f"FS-COCO:{tmp_path}"), open_dataset(f"fscoco-unseen:{tmp_path}")
    assert counts(usual) == counts(unseen) == (2, 2, 1, 1)
    assert pairs(usual, "test") == {"000000000034": "000000000034"}
    assert [s.drawer for s in unseen.train.sketches] == ["1", "1"] and unseen.test.sketches[0].drawer == "7"
    assert usual.test.photos[0].caption == "a horse on grass"
    strokes = usual.test.sketches[0].strokes
    assert strokes is not None and [s[:, :3].tolist() for s in strokes.strokes] == [
        [[0.1, 0.2, 0], [0.2, 0.2, 20], [0.3, 0.2, 40]],
        [[0.5, 0.5, 400]],
    ]
    (base / "raw_data" / "1" / "000000000012.json").write_text('[{"coordinates": [0.1]}]')
    (problem,) = open_dataset(f"fscoco:{tmp_path}").problems
    assert "000000000012.json: is no drawing of FS-COCO" in problem
    (base / "val_normal.txt").write_text("99\n")
    with pytest.raises(InputError, match="names no photo"):
        open_dataset(f"fscoco:{tmp_path}")


def test_sketchy_reduced(tmp_path: Path, picture: Write) -> None:
    for folder in ("ten/train", "ten/test", "all"):
        for category in ("cup", "shoe"):
            picture(tmp_path / folder / "photo" / category / f"n{category}_{len(folder)}.jpg")
            picture(tmp_path / folder / "sketch" / category / f"n{category}_{len(folder)}-1.png")
    assert counts(open_dataset(f"sketchy-10:{tmp_path / 'ten'}")) == (2, 2, 2, 2)
    assert counts(open_dataset(f"sketchy-125:{tmp_path / 'all'}")) == (2, 2, 0, 0)


def test_fs2k(tmp_path: Path, picture: Write) -> None:
    for folder, number in ((1, 1), (2, 1), (3, 7), (3, 8)):
        picture(tmp_path / f"photo/photo{folder}/image{number:04}.jpg")
        picture(tmp_path / f"sketch/sketch{folder}/sketch{number:04}.{'png' if folder == 2 else 'jpg'}")
    for part, names in (("train", ["photo1/image0001", "photo3/image0007"]), ("test", ["photo2/image0001"])):
        (tmp_path / f"anno_{part}.json").write_text(json.dumps([{"image_name": n, "style": 0} for n in names]))
    dataset = open_dataset(f"FS2K:{tmp_path}")
    assert counts(dataset) == (2, 2, 1, 1)
    assert pairs(dataset, "test") == {"sketch2/sketch0001": "photo2/image0001"}
    assert sum("image0008" in p or "sketch0008" in p for p in dataset.problems) == 2
    (tmp_path / "anno_test.json").write_text('[{"image')
    with pytest.raises(InputError, match=r"anno_test\.json: cannot be read as JSON"):
        open_dataset(f"fs2k:{tmp_path}")


@pytest.mark.parametrize("frames", [True, False])
@pytest.mark.parametrize("parent", ["", "Dataset/1000"])
def test_sde_in_the_layout_of_slfir(parent: str, frames: bool, tmp_path: Path, picture: Write) -> None:
    base = tmp_path / parent
    for part, numbers in (("train", (2, 10, 100)), ("test", (7,))):
        for number in numbers:
            picture(base / "comp" / part / "photo" / f"image{number}.jpg")
            picture(base / "comp" / part / "sketch" / f"sketch{number}.jpg")
            for frame in range(1, 12) if frames else ():
                picture(base / "sketch-seq" / part / f"sketch{number}" / f"{frame}.jpg")
    dataset = open_dataset(f"fs2k-sde1:{tmp_path}")
    assert counts(dataset) == (3, 3, 1, 1)
    assert pairs(dataset, "train") == {"image2": "image2", "image10": "image10", "image100": "image100"}
    sketch = dataset.train.sketches[1]
    assert sketch.path is not None
    if frames:
        assert [f.stem for f in sketch.frames] == [str(i) for i in range(1, 12)]
        assert sketch.path == sketch.frames[-1] and sketch.path.parent.name == "sketch10"
    else:
        assert sketch.frames == () and sketch.path.stem == "sketch10"
    shutil.rmtree(base / "comp" / "train" / "photo")
    with pytest.raises(InputError, match=r"comp/train/photo"):
        open_dataset(f"fs2k-sde1:{tmp_path}")


def test_sde_flat(tmp_path: Path, picture: Write) -> None:
    for part, numbers in (("train", (2, 10)), ("test", (7,))):
        for number in numbers:
            picture(tmp_path / "comp" / part / "photo" / f"image{number:04}.jpg")
            for frame in range(12):
                picture(tmp_path / "sketch" / part / f"sketch{number}_{frame}.png")
    (tmp_path / "comp" / "train" / "photo" / "image0002.jpg").unlink()
    dataset = open_dataset(f"fs2k-sde2:{tmp_path}")
    assert counts(dataset) == (1, 1, 1, 1) and len(dataset.problems) == 1
    sketch = dataset.train.sketches[0]
    assert pairs(dataset, "train") == {"sketch10": "image0010"}
    assert [f.stem for f in sketch.frames] == [f"sketch10_{i}" for i in range(12)]


@pytest.mark.parametrize(("slug", "name"), [("fs2k-sde1", "fs2ksde_{part}.json"), ("fs2k-sde2", "{part}_450.json")])
def test_sde_with_the_lists_of_fvlp(slug: str, name: str, tmp_path: Path, picture: Write) -> None:
    for part in ("train", "test"):
        photo = picture(tmp_path / "photos" / f"{part}.jpg")
        frames = [picture(tmp_path / "sketch" / part / f"{i}.png") for i in (9, 10, 8)]
        entry = {"photo": str(photo.relative_to(tmp_path)), "photo_id": 0, "caption": "a face"}
        lost = {"photo": "photos/lost.jpg", "photo_id": 1, "sketch_sde": ["sketch/lost.png"]}
        listed = [{**entry, "sketch_sde": [str(f.relative_to(tmp_path)) for f in frames]}, lost]
        (tmp_path / name.format(part=part)).write_text(json.dumps(listed))
    dataset = open_dataset(f"{slug}:{tmp_path}")
    assert counts(dataset) == (1, 1, 1, 1)
    assert [f.stem for f in dataset.test.sketches[0].frames] == ["9", "10", "8"]  # the list's order
    assert any("lost.jpg: missing" in p for p in dataset.problems)


def test_quickdraw_has_nothing_to_retrieve(tmp_path: Path) -> None:
    drawing = {"word": "chair", "drawing": [[[0, 200, 300], [0, 100, 600], [0, 10, 30]]]}
    lines = [json.dumps(drawing | {"key_id": str(key)}) + "\n" for key in range(10, 20)]
    (tmp_path / "chair.ndjson").write_text("".join(lines))
    dataset = read_dataset("quickdraw", tmp_path)
    assert counts(dataset) == (0, 4, 0, 6)
    sketch = dataset.train.sketches[0]
    assert sketch.name.startswith("chair/1") and (sketch.category, sketch.photo) == ("chair", NO_PHOTO)
    assert sketch.strokes is not None and np.ptp(sketch.strokes.points[:, 1]) == pytest.approx(190 / 256)
    (tmp_path / "chair.ndjson").write_text("".join(reversed(lines)))
    again = read_dataset("quickdraw", tmp_path)
    assert {s.name for s in again.test.sketches} == {s.name for s in dataset.test.sketches}
    with pytest.raises(InputError, match="no photos"):
        open_dataset(f"quickdraw:{tmp_path}")
    assert counts(open_dataset(f"quickdraw:{tmp_path}", drawings_alone=True)) == (0, 4, 0, 6)
    both = tmp_path / "both"
    for folder, keys in (("simplified", range(10, 20)), ("raw", range(15, 30))):
        (both / folder).mkdir(parents=True)
        (both / folder / "chair.ndjson").write_text(
            "".join(json.dumps(drawing | {"key_id": str(k)}) + "\n" for k in keys)
        )
    together = read_dataset("quickdraw", both)
    assert counts(together) == (0, 14, 0, 6)
    assert {s.name for s in together.test.sketches} == {s.name for s in dataset.test.sketches}
    (tmp_path / "cup.ndjson").write_text("{")
    assert any("cup.ndjson" in p for p in read_dataset("quickdraw", tmp_path).problems)


def test_photos_by_category_keep_a_third_for_drawings_to_search_in(tmp_path: Path, picture: Write) -> None:
    for category in ("cat", "hot dog"):
        for number in range(30):
            picture(tmp_path / category / f"{number}.jpg")
    dataset = with_traced_sketches(open_dataset(f"categories:{tmp_path}"))
    assert len(dataset.train.photos) + len(dataset.test.photos) == 60 and 10 <= len(dataset.test.photos) <= 30
    assert {photo.category for photo in dataset.test.photos} == {"cat", "hot dog"}
    assert len(dataset.train.sketches) == len(dataset.train.photos) and not dataset.test.sketches


def test_sketches_by_category_beside_photos(tmp_path: Path, picture: Write, sketch_json: Write) -> None:
    for category in ("cat", "hot dog"):
        for number in range(30):
            picture(tmp_path / "photo" / category / f"{number}.jpg")
            sketch_json(tmp_path / "sketch" / category / f"anna {number}.json")
    picture(tmp_path / "sketch" / "cat" / "bert.png")
    (tmp_path / "sketch" / "cat" / "broken.json").write_text("{")
    dataset = open_dataset(f"categories:{tmp_path}")
    assert len(dataset.train.photos) + len(dataset.test.photos) == 60
    assert len(dataset.train.sketches) + len(dataset.test.sketches) == 61 and 10 <= len(dataset.test.sketches) <= 30
    assert {(sketch.category, sketch.photo) for sketch in dataset.test.sketches} == {
        ("cat", NO_PHOTO),
        ("hot dog", NO_PHOTO),
    }
    assert len(dataset.problems) == 1 and "broken.json" in dataset.problems[0]


@pytest.mark.parametrize(("photos", "sketches"), [("photos", "sketches"), ("photo", "sketch")])
def test_folder(photos: str, sketches: str, tmp_path: Path, picture: Write, sketch_json: Write) -> None:
    for index in range(40):
        picture(tmp_path / photos / "old" / f"my_{index}.jpg")
    sketch_json(tmp_path / sketches / "old" / "my_3_anna.json")
    picture(tmp_path / sketches / "old" / "my_3_bert.png")
    (tmp_path / sketches / "old" / "my_4_x.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><path d="M 1 1 L 30 40"/></svg>'
    )
    (tmp_path / sketches / "old" / "my_5_x.json").write_text("{}")
    dataset = open_dataset(f"folder:{tmp_path}")
    everything = [*dataset.train.sketches, *dataset.test.sketches]
    assert {s.name: (s.drawer, s.strokes is not None) for s in everything} == {
        "old/my_3_anna": ("anna", True),
        "old/my_3_bert": ("bert", False),
        "old/my_4_x": ("x", True),
    }
    assert len(dataset.train.photos) + len(dataset.test.photos) == 40 and 2 <= len(dataset.test.photos) <= 16
    assert len(dataset.problems) == 1 and "my_5_x.json" in dataset.problems[0]
    again = open_dataset(f"folder:{tmp_path}")
    assert [p.name for p in again.test.photos] == [p.name for p in dataset.test.photos]


def test_folder_with_parts_of_its_own(tmp_path: Path, picture: Write) -> None:
    for part in ("train", "test"):
        picture(tmp_path / part / "photos" / f"{part}.jpg")
        picture(tmp_path / part / "sketches" / f"{part}_1.png")
    assert counts(open_dataset(f"folder:{tmp_path}")) == (1, 1, 1, 1)


def test_folder_of_photos_only(tmp_path: Path, picture: Write) -> None:
    for index in range(3):
        picture(tmp_path / "album" / f"{index}.jpg")
    shutil.copy(tmp_path / "album" / "0.jpg", tmp_path / "album" / "0.jpeg")
    dataset = open_dataset(f"folder:{tmp_path / 'album'}")
    assert len(dataset.train.photos) + len(dataset.test.photos) == 3
    assert not dataset.train.sketches and not dataset.test.sketches
    assert "has the same name" in dataset.problems[0]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no photos"):
        open_dataset(f"folder:{tmp_path / 'empty'}")


def test_names_and_default_folders(chairv2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for slug in CATALOGUE:
        assert slug_of(slug.upper().replace("-", "")) == slug
    assert slug_of("Clothes-V1") == "clothesv1"
    with pytest.raises(InputError, match="no data set 'chairs'; known are chairv2, shoev2, chair, shoe, sketchy"):
        open_dataset("chairs:anywhere")
    with pytest.raises(InputError, match=r"nowhere: no such folder; to get chairv2: http"):
        open_dataset(f"chairv2:{tmp_path / 'nowhere'}")

    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"datasets/chairv2: no such folder; .*http"):
        open_dataset("ChairV2")
    shutil.move(chairv2, tmp_path / "datasets" / "Chair-V2")
    assert counts(open_dataset("ChairV2")) == (4, 8, 2, 4)


def test_a_copy_with_faults_is_logged(chairv2: Path, caplog: pytest.LogCaptureFixture) -> None:
    open_dataset(f"chairv2:{chairv2}")
    assert not caplog.records
    (chairv2 / "photo" / "g.png").unlink()
    open_dataset(f"chairv2:{chairv2}")
    assert "2 files left out; `sketchseek doctor chairv2" in caplog.text
