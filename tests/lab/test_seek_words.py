"""Seek with kinds knows the names of its categories and of ImageNet's classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from sketchseek.errors import InputError
from sketchseek.lab.encoder import TorchEncoder
from sketchseek.lab.export import _graphs, _trace
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.seek.network import WORDS_CAP, WORDS_WEIGHT
from sketchseek.matching.fusion import fuse_features

LABELS = ["cup", "squiggle", "zebra", "n02391049", "n03063599", "n02504458"]  # zebra, coffee mug, African elephant
SIZE = 64


def network() -> Any:
    torch.manual_seed(0)
    changes = {"kinds": 8, "vector": 24, "recogniser": "timm/mobilenetv3_small_050"}
    config = replace(get_method("seek").config("bench"), size=SIZE, small_size=SIZE, recogniser_tap="act2", **changes)
    return get_method("seek").build(config).eval()


@pytest.fixture(scope="module")
def trained() -> Any:
    built = network()
    built.names.begin(LABELS, {"squiggle"})
    return built


def unit(vectors: torch.Tensor) -> torch.Tensor:
    return F.normalize(vectors, dim=-1)


def test_a_word_is_the_mean_of_what_it_stands_for(trained: Any) -> None:
    encoder = TorchEncoder(trained, SIZE)
    assert encoder.names is not None and encoder.query == "sketch" and encoder.fusion == "added"
    vectors = unit(trained.names.vectors.detach())
    words = encoder.encode_text(["elephants", "a zebra", "coffee mug", "mug", "zebra, elephant"])["words"]
    assert words.shape == (5, 24) and (words[:, :16] == 0).all()
    zebra = unit(vectors[2] + vectors[3])  # the category's and the class's
    cup = unit(vectors[0] + vectors[4])
    expected = torch.stack([vectors[5], zebra, vectors[4], cup, unit(zebra + vectors[5])])
    assert np.allclose(unit(torch.from_numpy(words[:, 16:])), expected, atol=1e-5)
    with pytest.raises(InputError, match="does not know 'squiggle'"):  # of which no photo was seen
        encoder.encode_text(["squiggle"])


def test_its_cosine_with_the_kind_is_added_to_the_similarity_of_a_sketch(trained: Any) -> None:
    encoder = TorchEncoder(trained, SIZE)
    ink = np.zeros((2, SIZE, SIZE), np.uint8)
    ink[0, 8:40, 16:20] = ink[1, 30:34, 4:60] = 255
    photos = encoder.encode_photos(np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8))
    sketches, word = encoder.encode_sketches(list(ink)), encoder.encode_text(["zebra"])
    cosine = unit(torch.from_numpy(photos["global"][:, 16:])) @ unit(torch.from_numpy(word["words"][0, 16:]))
    alone = encoder.matcher.similarity(sketches, photos)
    for weight, times in ((0.5, 1.0), (0.75, 3.0)):
        words = {name: np.repeat(values, 2, axis=0) for name, values in word.items()}
        fused = encoder.matcher.similarity(fuse_features(sketches, words, weight, encoder.fusion), photos)
        assert np.allclose(fused, alone + times * WORDS_WEIGHT * cosine.clamp(max=WORDS_CAP).numpy(), atol=1e-4)
    assert np.allclose(encoder.matcher.similarity(word, photos), WORDS_WEIGHT * cosine.numpy(), atol=1e-4)


def test_the_exported_graph_encodes_any_number_of_texts(trained: Any) -> None:
    encode, examples = _graphs(trained, SIZE)["text"]
    graph, _ = _trace(trained, encode, examples)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    for texts in (["zebra"], ["mug", "zebra, elephant", "elephants"]):
        tokens = trained.tokenizer.tokens(texts)
        expected = TorchEncoder(trained, SIZE).encode_text(texts)["words"]
        assert np.allclose(session.run(["words"], {"tokens": tokens})[0], expected, atol=1e-5)


def test_names_are_saved_with_the_weights_and_there_are_none_before_training(trained: Any) -> None:
    fresh = network()
    with pytest.raises(InputError, match="train it first"):
        TorchEncoder(fresh, SIZE).encode_text(["zebra"])
    fresh.load_state_dict(trained.state_dict())
    texts = ["zebra", "mug"]
    expected = TorchEncoder(trained, SIZE).encode_text(texts)["words"]
    assert np.array_equal(TorchEncoder(fresh, SIZE).encode_text(texts)["words"], expected)
    assert list(fresh.tokenizer) == list(trained.tokenizer)
