"""A model folder with words: what the tokenizer and the graphs say, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_model import make_tiny_model
from worded_model import COLOURS, LENGTH, make_worded_model

from sketchseek.errors import InputError
from sketchseek.model import Model, write_model_config


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model.load(make_worded_model(tmp_path_factory.mktemp("worded") / "model", {"red": "blue"}))


def test_texts_are_encoded_each_for_itself(model: Model) -> None:
    assert model.has_words and model.can_match and (model.fusion, model.query) == ("raw_sum", "both")
    vectors = model.encode_text(["Red", "green chair", "blue", "nothing known", ""])["vector"]
    assert vectors.dtype == np.float32
    assert np.allclose(vectors[:, -3:], [*COLOURS.values(), (0, 0, 0), (0, 0, 0)], atol=1e-5)
    assert np.allclose(model.encode_text(["blue"])["vector"], vectors[2:3])
    assert model.encode_text([])["vector"].shape == (0, vectors.shape[1])


def test_any_text_can_be_asked_for(model: Model) -> None:
    for text in ("red " * 500, "\ud800 red", "\0", "红色的椅子 🪑", " \n\t"):
        assert np.isfinite(model.encode_text([text])["vector"]).all()


def test_words_are_matched_with_photos(model: Model) -> None:
    tokens = np.array(list(COLOURS.values()), np.float32)[:, None]
    assert np.allclose(model.match("red", tokens), [0, 0, 1])
    assert model.match("red", tokens[:0]).shape == (0,)


def test_a_model_without_words_names_itself_and_the_fix(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "model")
    model = Model.load(folder)
    assert not model.has_words and not model.can_match
    with pytest.raises(InputError, match=f"{folder}: .* no words; .* index with"):
        model.encode_text(["red"])


@pytest.mark.parametrize("name", ["text.onnx", "tokenizer.json", "match.onnx"])
def test_what_words_need_is_sealed(tmp_path: Path, name: str) -> None:
    folder = make_worded_model(tmp_path / "model", {})
    with (folder / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(InputError, match=name):
        Model.load(folder)


def reseal(folder: Path, **words: object) -> Model:
    config = json.loads((folder / "config.json").read_text())
    kept = {key: value for key, value in config.items() if key not in ("format", "files", "hash")}
    write_model_config(folder, kept | {"words": config["words"] | words})
    return Model.load(folder)


def test_a_folder_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    folder = make_worded_model(tmp_path / "model")
    with pytest.raises(InputError, match=r"config\.json: fusion 'product'"):
        reseal(folder, fusion="product")
    with pytest.raises(InputError, match=rf"tokenizer\.json: pads to {LENGTH} tokens, not to 9"):
        reseal(folder, fusion="unit_sum", length=9).encode_text(["red"])
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer\.json: cannot be read"):
        reseal(folder, length=LENGTH).encode_text(["red"])
