"""Configs: a round trip, overrides, and that an unknown key is an error."""

from __future__ import annotations

from typing import Any

import pytest

from sketchseek.errors import InputError
from sketchseek.lab.config import config_hash, from_dict, override, to_dict
from sketchseek.lab.methods import get_method, methods


@pytest.mark.parametrize("slug", list(methods()))
def test_every_preset_survives_the_trip_through_json(slug: str) -> None:
    method = get_method(slug)
    for config in method.presets.values():
        again: Any = from_dict(method.config_type, to_dict(config))
        assert again == config
        assert config_hash(again) == config_hash(config)


@pytest.mark.parametrize("value", [1.5, float("inf"), float("nan")])
def test_a_number_that_is_not_whole_is_refused(value: float) -> None:
    with pytest.raises(InputError, match=r"training\.pairs: .* is not a int"):
        override(get_method("siamese").config("bench"), {"training.pairs": value})


def test_overrides_reach_nested_keys_and_take_text() -> None:
    config = get_method("siamese").config("bench")
    changed = override(
        config, {"training.pairs": "640", "head": "none", "attention": "true", "taps": "features.6,features.13"}
    )
    assert (changed.training.pairs, changed.head, changed.attention) == (640, None, True)
    assert changed.taps == ("features.6", "features.13")
    assert config.training.pairs == 10_240


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("objectve", "triplet", "unknown key 'objectve'"),
        ("training.epoch", "3", "unknown key 'training.epoch'"),
        ("training.epochs", "3", "both say how long"),
        ("training.pairs", "many", "'many' is not a int"),
        ("objective", "contrastive", "not one of triplet"),
        ("training", "3", "a group of keys"),
    ],
)
def test_a_wrong_override_is_named(key: str, value: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        override(get_method("siamese").config("bench"), {key: value})


def test_a_missing_or_left_over_key_of_a_file_is_named() -> None:
    values = to_dict(get_method("siamese").config("bench"))
    kind = get_method("siamese").config_type
    with pytest.raises(InputError, match="unknown key 'colour'"):
        from_dict(kind, values | {"colour": 1})
    del values["pool"]
    with pytest.raises(InputError, match="'pool' is missing"):
        from_dict(kind, values)


def test_every_ablation_row_applies_to_the_bench_preset() -> None:
    for method in methods().values():
        for row in method.rows:
            assert method.config("bench", row) is not None


def test_unknown_methods_presets_and_rows_name_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"registered are .*siamese"):
        get_method("siames")
    with pytest.raises(InputError, match="bench, paper"):
        get_method("siamese").config("quick")
    with pytest.raises(InputError, match="infonce"):
        get_method("siamese").config("bench", "S4")
