"""How FVLP hears words: its tokens, the text tower, and which words of a photo a training step is given."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import torch.nn.functional as F
from tiny_fvlp import tiny

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Split
from sketchseek.lab.methods.fvlp.network import build
from sketchseek.lab.methods.fvlp.objective import phases, random_parts, training_pairs
from sketchseek.lab.methods.fvlp.words import CaptionTokenizer
from sketchseek.lab.training.loop import Phase


class Given(Exception):
    """What a training step gave the network; its arguments are the network's."""


def given(phase: Phase, step: int) -> tuple[Any, ...]:
    """Ink, photos, tokens, whole texts, identity and meaning of a step."""

    def refuse(*inputs: Any) -> None:
        raise Given(*inputs)

    network: Any = refuse
    batch = phase.batch(step, torch.device("cpu"))
    torch.manual_seed(step)
    with pytest.raises(Given) as stopped:
        phase.loss(network, batch, 0.0)
    return stopped.value.args


def test_unknown_words_are_read_by_their_parts() -> None:
    words = CaptionTokenizer(vocabulary=400, length=12)
    words.fit(["a red chair", "A blue chair. (old)"])
    assert words.tokenizer is not None
    tokens = words.tokenizer.encode('The RED "chairs" are~old!').tokens
    assert tokens[:7] == ["[CLS]", "t", "##h", "##e", "red", "chair", "##s"]
    assert tokens[-1] == "[SEP]" and len(tokens) == 12  # cut
    assert words.tokens(["red", ""]).tolist()[1][2:] == [0] * 10  # padded
    assert "[UNK]" not in words.tokenizer.encode("zq7 'quoted'").tokens


def test_the_words_a_network_learnt_are_in_its_state() -> None:
    words = CaptionTokenizer(vocabulary=100, length=8)
    words.fit(["one two three"] * 3 + ["four"])
    other = CaptionTokenizer(vocabulary=100, length=8)
    with pytest.raises(InputError, match="learnt no words"):
        other.tokens(["one"])
    other.load_state_dict(words.state_dict())
    assert torch.equal(other.tokens(["two four", "fourteen"]), words.tokens(["two four", "fourteen"]))


def test_of_too_many_words_the_frequent_ones_are_kept_and_enc_has_its_own_row() -> None:
    words = CaptionTokenizer(vocabulary=200, length=8)
    words.fit(["often", *(f"word{i:03d}" for i in range(300)), "often"])
    assert words.tokenizer is not None
    assert words.tokenizer.get_vocab_size() == 199
    assert "often" in words.tokenizer.get_vocab()


def test_a_text_tower_that_begins_anew_tells_texts_apart(train_split: Split) -> None:
    torch.manual_seed(0)
    network = build(tiny({"size": "64"})).eval()
    network.words.fit([photo.caption for photo in train_split.photos])
    with torch.no_grad():
        found = network.text(network.words.tokens(["a red shape with 3 corners", "a blue shape with 6 corners"]))
    assert F.cosine_similarity(found[0], found[1], dim=0) < 0.95  # 0.9998 with BERT's first weights


def test_training_says_the_same_in_other_words(train_split: Split) -> None:
    """One photo's caption has two paraphrases; all three are heard, and no other photo's."""
    photos = [replace(p, caption=f"name{i}") for i, p in enumerate(train_split.photos)]
    photos[0] = replace(photos[0], paraphrases=("uno", "eins"))
    split = replace(train_split, photos=tuple(photos))
    config = tiny()
    network = build(config)
    (phase,) = phases(config, network, training_pairs(config, [split], seed=0))
    heard: dict[int, set[str]] = {}
    for step in range(60):
        _, _, tokens, _, identity, meaning = given(phase, step)
        assert torch.equal(identity[:, None] == identity, meaning[:, None] == meaning)
        assert network.tokenizer is not None
        for row, photo in zip(tokens.tolist(), identity.tolist(), strict=True):
            heard.setdefault(photo, set()).add(network.tokenizer.decode(row).split()[1])  # after [CLS]
    assert heard == {i: {f"name{i}"} for i in range(1, 24)} | {0: {"name0", "uno", "eins"}}


def test_half_of_the_texts_are_heard_in_part() -> None:
    """A part is a run of the text's tokens, with [CLS] before it and [SEP] after it; every run is heard."""
    text = [2, 10, 11, 12, 3, 0, 0]
    torch.manual_seed(0)
    heard = Counter(map(tuple, random_parts(torch.tensor([text] * 2000)).tolist()))
    runs = [(first, end) for first in range(1, 4) for end in range(first + 1, 5)]
    padded = [tuple([2, *text[first:end], 3] + [0] * (5 - end + first)) for first, end in runs]
    assert set(heard) == set(padded)
    of_length = [sum(n for part, n in heard.items() if part.index(3) == 1 + k) / 2000 for k in (1, 2, 3)]
    expected = [(3**-0.5) / 2, ((2 / 3) ** 0.5 - 3**-0.5) / 2, 0.5 + (1 - (2 / 3) ** 0.5) / 2]
    assert of_length == pytest.approx(expected, abs=0.04)
    full = torch.tensor([[2, *range(10, 15), 3]] * 50)
    assert all(row[0] == 2 and row.count(3) == 1 for row in random_parts(full).tolist())
    assert random_parts(torch.tensor([[2, 3, 0], [2, 7, 3]])).tolist() == [[2, 3, 0], [2, 7, 3]]


@pytest.mark.parametrize("partial", [True, False])
def test_parts_are_contrasted_and_whole_texts_matched(partial: bool, train_split: Split) -> None:
    config = replace(tiny(), partial_words=partial)
    network = build(config)
    photos = tuple(replace(photo, caption="one two three four") for photo in train_split.photos)
    split = replace(train_split, photos=photos)
    (phase,) = phases(config, network, training_pairs(config, [split], seed=0))
    _, _, tokens, whole, _, _ = given(phase, step=0)
    assert torch.equal(whole, network.words.tokens(["one two three four"] * len(whole)))
    assert torch.equal(tokens, whole) != partial
