"""Names that a model knows: which are read in a text, and what is said of the other words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worded_model import COLOURS, NAMES, make_worded_model

from sketchseek.errors import InputError
from sketchseek.model import Model
from sketchseek.model.names import LENGTH, Names, Reading

WORDS = [
    "bicycle", "car", "sports car", "teddy bear", "mouse", "knife", "strawberry", "bus", "dish", "scissors",
    "T-shirt", "jack-o'-lantern", "ball of wool", "Tür", "fireman", "bass", "vélo", "猫", "车", "火车",
]  # fmt: skip
KNOWN = Names({name: number for number, name in enumerate(WORDS, 1)})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Bicycle", ["bicycle"]),
        ("two bicycles, and some mice", ["bicycle", "mouse"]),
        ("sports cars", ["sports car"]),
        ("car sports", ["car"]),
        ("teddybear", ["teddy bear"]),
        ("TEDDY-BEARS", ["teddy bear"]),
        ("knives; strawberries; buses; dishes; firemen", ["knife", "strawberry", "bus", "dish", "fireman"]),
        ("scissor", ["scissors"]),
        ("t shirt tshirts", ["T-shirt"]),
        ("jack o lantern", ["jack-o'-lantern"]),
        ("balls of wool", []),
        ("a ball of wool", ["ball of wool"]),
        ("TÜR Tuer tur", ["Tür"]),
        ("un velo", ["vélo"]),
        ("一只猫和一辆火车", ["猫", "火车"]),
        ("停车场", ["车"]),
        ("bass", ["bass"]),
        ("bas", ["bass"]),
        (" ".join(WORDS), WORDS[:LENGTH]),
        ("", []),
    ],
)
def test_names_are_found_however_they_are_written(text: str, names: list[str]) -> None:
    assert list(KNOWN.read(text).names) == names


def test_other_words_are_told_apart_and_fillers_are_not_worth_telling() -> None:
    assert KNOWN.read("a photo of the red bicycle with a thingamajig, red") == Reading(
        ("bicycle",), ("red", "thingamajig")
    )


def test_the_remark_says_what_is_not_known_and_what_is() -> None:
    assert KNOWN.remark("two bicycles") == ""
    assert KNOWN.remark("red bicycle") == "this model does not know 'red'; it searches by bicycle"
    line = KNOWN.remark("thingamajig")
    assert line == (
        "this model does not know 'thingamajig'; it knows 20 words, for instance bicycle, car, sports car, teddy bear, "
        "mouse"
    )
    assert "for instance bicycle" not in KNOWN.remark("strabery") and "instance strawberry" in KNOWN.remark("strabery")
    assert "'?!'" in KNOWN.remark("?!")


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    reading = KNOWN.read(text)
    remark = KNOWN.remark(text)
    assert len(remark.splitlines()) <= 1
    if reading.names:
        assert KNOWN.tokens([text])[0, 0] > 0
    else:
        with pytest.raises(InputError, match="does not know"):
            KNOWN.tokens([text])


def test_a_model_that_knows_names_encodes_them_and_refuses_other_words(tmp_path: Path) -> None:
    model = Model.load(make_worded_model(tmp_path / "model", names=True))
    assert model.names is not None and list(model.names) == list(NAMES)
    vectors = model.encode_text(["Crimson things", "green", "fire engines"])["vector"]
    assert np.allclose(vectors[:, -3:], [COLOURS["red"], COLOURS["green"], COLOURS["red"]], atol=1e-5)
    assert model.encode_text([])["vector"].shape == (0, vectors.shape[1])
    with pytest.raises(InputError, match=r"does not know 'mauve'; it knows 5 words, for instance red"):
        model.encode_text(["red", "mauve"])


@pytest.mark.parametrize("content", ["[]", '{"red": "one"}', '{"red": 0}', "{"])
def test_names_that_cannot_be_read_are_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "names.json").write_text(content)
    with pytest.raises(InputError, match=r"names\.json: .*export the model again"):
        Names.load(tmp_path / "names.json")


def test_names_are_sealed(tmp_path: Path) -> None:
    folder = make_worded_model(tmp_path / "model", names=True)
    (folder / "names.json").write_text('{"red": 3}')
    with pytest.raises(InputError, match=r"names\.json"):
        Model.load(folder)
