"""Words: captions from attributes, attributes from words, and where data sets keep theirs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED
from hypothesis import given
from hypothesis import strategies as st

from sketchseek.errors import InputError
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.datasets.captions import FaceAttributes, caption

Write = Any

attributes = st.builds(
    FaceAttributes,
    gender=st.sampled_from(["man", "woman", None]),
    hair=st.sampled_from(["brown", "black", "red", "none", "golden", None]),
    smile=st.sampled_from([True, False, None]),
    earring=st.sampled_from([True, False, None]),
    frontal=st.sampled_from([True, False, None]),
)


def test_fs2k_codes() -> None:
    entry = {"hair": 0, "hair_color": 2, "gender": 0, "earring": 1, "smile": 1, "frontal_face": 1, "style": 0}
    assert FaceAttributes.from_fs2k(entry) == FaceAttributes("man", "red", smile=False, earring=False, frontal=False)
    assert FaceAttributes.from_fs2k({"hair": 1, "hair_color": 3, "gender": 1}) == FaceAttributes("woman", "none")
    assert FaceAttributes.from_fs2k({"style": 2, "gender": 7, "hair": [], "smile": None}) == FaceAttributes()


@given(known=attributes, name=st.text(max_size=12), seed=st.integers(0, 3))
def test_a_caption_says_what_is_known_and_nothing_else(known: FaceAttributes, name: str, seed: int) -> None:
    words = caption(known, name, seed)
    assert words == caption(known, name, seed) == words.lower()
    assert "{" not in words and (words == "") == (known == FaceAttributes())
    assert FaceAttributes.from_text(words) == known


def test_wording_varies_from_photo_to_photo() -> None:
    known = FaceAttributes("woman", "golden", smile=True, earring=False, frontal=True)
    captions = Counter(caption(known, f"photo1/image{i:04}") for i in range(200))
    assert len(captions) > 150 and max(map(len, captions)) < 200
    assert caption(known, "a") != caption(known, "a", seed=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jane Roe smiles at the premiere, her long blonde hair and earrings shining", ("woman", "golden", True, True)),
        ("portrait of a bald man, not smiling", ("man", "none", False, None)),
        ("a man and a woman", (None, None, None, None)),
        ("red-haired girl without earrings", ("woman", "red", None, False)),
        ("Red Bull press photo", (None, None, None, None)),
        ("a man with black hair or brown hair", ("man", None, None, None)),
    ],
)
def test_attributes_that_a_text_names(text: str, expected: tuple[Any, ...]) -> None:
    found = FaceAttributes.from_text(text)
    assert (found.gender, found.hair, found.smile, found.earring) == expected


@pytest.mark.parametrize(
    "value", [[], {"hat": True}, {"gender": "cat"}, {"smile": 1}, {"hair": ["red"]}, {"smile": "no"}]
)
def test_attributes_that_are_none(value: Any) -> None:
    with pytest.raises(InputError, match=r"face\.json"):
        FaceAttributes.from_json(value, "face.json")


def test_attributes_in_json() -> None:
    assert FaceAttributes.from_json({"hair": "red", "smile": None}, "x") == FaceAttributes(hair="red")


def test_fs2k_has_captions_of_the_face_alone(tmp_path: Path, picture: Write) -> None:
    for part, style in (("train", 0), ("test", 2)):
        picture(tmp_path / f"photo/photo1/{part}.jpg")
        picture(tmp_path / f"sketch/sketch1/{part}.jpg")
        entry = {"image_name": f"photo1/{part}", "gender": 1, "hair": 0, "hair_color": 1, "style": style}
        (tmp_path / f"anno_{part}.json").write_text(json.dumps([entry]))
    dataset = open_dataset(f"fs2k:{tmp_path}")
    (photo,) = dataset.test.photos
    assert FaceAttributes.from_text(photo.caption) == FaceAttributes("woman", "black")
    (same,) = dataset.train.photos
    assert photo.paraphrases == same.paraphrases and len(set(photo.paraphrases)) > 4
    assert {FaceAttributes.from_text(text) for text in photo.paraphrases} == {FaceAttributes("woman", "black")}
    (tmp_path / "anno_test.json").write_text(json.dumps([{"image_name": "photo1/test", "style": 1}]))
    assert open_dataset(f"fs2k:{tmp_path}").test.photos[0].caption == ""


def test_the_lists_of_fvlp_have_captions(tmp_path: Path, picture: Write) -> None:
    for part, words in (("train", "a face"), ("test", ["another face"])):
        photo, frame = picture(tmp_path / f"{part}.jpg"), picture(tmp_path / "sketch" / f"{part}.png")
        entry = {"photo": photo.name, "photo_id": 0, "sketch_sde": [f"sketch/{frame.name}"], "caption": words}
        (tmp_path / f"fs2ksde_{part}.json").write_text(json.dumps([entry]))
    dataset = open_dataset(f"fs2k-sde1:{tmp_path}")
    assert [part.photos[0].caption for part in (dataset.train, dataset.test)] == ["a face", "another face"]


def test_a_folder_in_the_manner_of_cufs_and_its_words(tmp_path: Path, picture: Write) -> None:
    for name in ("f-005-01", "m-001-01", "m_2", "m"):
        picture(tmp_path / "photos" / f"{name}.jpg")
    for name in ("f-005-01-sz1", "m-001-01", "m_2", "m_3", "x-sz1"):
        picture(tmp_path / "sketches" / f"{name}.jpg")
    (tmp_path / "words.json").write_text(json.dumps({"m": "a man", "gone": "nobody"}))
    dataset = open_dataset(f"folder:{tmp_path}")
    found = {
        s.name: (part.photos[s.photo].name, s.drawer) for part in (dataset.train, dataset.test) for s in part.sketches
    }
    assert found == {
        "f-005-01-sz1": ("f-005-01", "sz1"),
        "m-001-01": ("m-001-01", ""),
        "m_2": ("m_2", ""),
        "m_3": ("m", "3"),
    }
    assert {p.name: p.caption for p in (*dataset.train.photos, *dataset.test.photos)}["m"] == "a man"
    assert len(dataset.problems) == 1 and "x-sz1" in dataset.problems[0]
    for broken in ("[", "[]", '{"m": 3}'):
        (tmp_path / "words.json").write_text(broken)
        with pytest.raises(InputError, match=r"words\.json"):
            open_dataset(f"folder:{tmp_path}")


@pytest.mark.slow
def test_real_faces_all_have_captions(shared: Path) -> None:
    dataset = open_dataset(f"fs2k:{SHARED / 'data' / 'fs2k'}")
    photos = (*dataset.train.photos, *dataset.test.photos)
    assert len(photos) == 2104 and all(photo.caption for photo in photos)
    assert len({photo.caption for photo in photos}) > 1800
