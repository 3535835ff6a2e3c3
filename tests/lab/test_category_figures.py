"""The figures of category-level retrieval, against a plain form of their definitions and counts by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from sketchseek.lab.evaluation.categories import (
    by_category,
    category_figures,
    category_per_query,
    ranking,
    ranks_of_right,
)
from sketchseek.lab.evaluation.metrics import Figures


def measured(similarity: NDArray[Any], of_sketches: list[str], of_photos: list[str]) -> Figures:
    return category_figures(*ranked(similarity, of_sketches, of_photos))


def ranked(similarity: NDArray[Any], of_sketches: list[str], of_photos: list[str]) -> tuple[NDArray[np.int64], int]:
    """The ranks of the right photos, and the number of photos."""
    right = np.array(of_sketches)[:, None] == np.array(of_photos)
    found = np.take_along_axis(right, ranking(similarity, right), axis=1)
    return ranks_of_right(found, int(right.sum(axis=1).max())), len(of_photos)


def plainly(similarity: NDArray[Any], of_sketches: list[str], of_photos: list[str]) -> dict[str, float]:
    """The definitions, a sketch and a photo at a time."""
    hits: dict[int, list[int]] = {1: [], 10: [], 100: [], 200: []}
    possible, all_precision, precision_200 = [], [], []
    for row, category in zip(similarity, of_sketches, strict=True):
        order = sorted(range(len(row)), key=lambda photo: (-row[photo], of_photos[photo] == category))
        flags = [of_photos[photo] == category for photo in order]
        for k in hits:
            hits[k].append(sum(flags[:k]))
        precisions = [sum(flags[: place + 1]) / (place + 1) for place, right in enumerate(flags) if right]
        early = [sum(flags[: place + 1]) / (place + 1) for place, right in enumerate(flags[:200]) if right]
        possible.append(min(10, sum(flags)))
        all_precision.append(sum(precisions) / sum(flags))
        precision_200.append(sum(early) / min(200, sum(flags)))
    sketches = len(of_sketches)
    figures = {f"P@{k}": 100 * sum(found) / k / sketches for k, found in hits.items() if k <= len(of_photos)}
    figures["P@10_of_possible"] = 100 * sum(hits[10]) / sum(possible)
    means = (100 * sum(values) / sketches for values in (all_precision, precision_200))
    return figures | dict(zip(("mAP@all", "mAP@200"), means, strict=True))


@given(
    st.integers(2, 260).flatmap(
        lambda photos: st.tuples(
            arrays(np.float32, (3, photos), elements=st.integers(0, 40).map(float)),
            arrays(np.int64, photos, elements=st.integers(0, 2)),
        )
    )
)
def test_figures_are_those_of_the_plain_definitions(drawn: tuple[NDArray[Any], NDArray[Any]]) -> None:
    similarity, numbers = drawn
    of_photos = ["cat", "dog", "cup"]
    of_photos = [of_photos[number] for number in numbers]
    of_sketches = (sorted(set(of_photos)) * 3)[:3]  # of categories that have photos
    figures = measured(similarity, of_sketches, of_photos)
    assert {name: value for name, value in figures.items() if value is not None} == pytest.approx(
        plainly(similarity, of_sketches, of_photos)
    )
    assert [name for name, value in figures.items() if value is None] == [
        f"P@{k}" for k in (10, 100, 200) if k > len(of_photos)
    ]


def test_right_photos_at_the_first_and_third_place() -> None:
    figures = measured(np.array([[0.9, 0.8, 0.7, 0.1]]), ["cat"], ["cat", "dog", "cat", "dog"])
    assert figures["P@1"] == figures["P@10_of_possible"] == 100 and figures["P@10"] is None
    assert figures["mAP@all"] == figures["mAP@200"] == pytest.approx(100 * (1 + 2 / 3) / 2)


def test_the_share_of_what_is_possible_counts_photos_not_sketches() -> None:
    of_photos = ["cat"] * 2 + ["dog"] * 18
    similarity = np.stack([-np.arange(20.0), np.arange(20.0)])
    figures = measured(similarity, ["cat", "dog"], of_photos)  # two of two, ten of ten
    assert figures["P@10"] == pytest.approx(60) and figures["P@10_of_possible"] == pytest.approx(100)
    figures = measured(np.abs(similarity), ["cat", "dog"], of_photos)  # none of two, ten of ten
    assert figures["P@10_of_possible"] == pytest.approx(100 * 10 / 12)


def test_what_lies_beyond_two_hundred_photos_counts_in_one_only() -> None:
    figures = measured(-np.arange(300.0)[None], ["cat"], ["cat", *["dog"] * 298, "cat"])
    assert figures["mAP@200"] == pytest.approx(50)  # divided by the two that could be found, not by the one that was
    assert figures["mAP@all"] == pytest.approx(100 * (1 + 2 / 300) / 2)
    assert figures["P@100"] == pytest.approx(1) and figures["P@200"] == pytest.approx(0.5)


def test_more_right_photos_than_two_hundred_count_as_two_hundred() -> None:
    figures = measured(-np.arange(300.0)[None], ["cat"], ["cat"] * 250 + ["dog"] * 50)
    assert figures["mAP@200"] == figures["mAP@all"] == figures["P@200"] == pytest.approx(100)


def test_precision_is_not_interpolated() -> None:
    figures = measured(-np.arange(4.0)[None], ["cat"], ["dog", "cat", "cat", "dog"])
    assert figures["mAP@all"] == pytest.approx(100 * (1 / 2 + 2 / 3) / 2)  # interpolated it would be 2/3


def test_a_tie_counts_against_the_query() -> None:
    ranks, _ = ranked(np.zeros((1, 4)), ["cat"], ["cat", "dog", "cat", "dog"])
    assert ranks.tolist() == [[3, 4]]
    with pytest.raises(ValueError, match="not a number"):
        ranking(np.array([[np.nan]]), np.array([[True]]))


def test_ranks_of_fewer_photos_end_with_zeros() -> None:
    ranks, _ = ranked(-np.arange(5.0)[None].repeat(2, 0), ["cat", "dog"], ["dog", "cat", "dog", "cat", "cat"])
    assert ranks.tolist() == [[2, 4, 5], [1, 3, 0]]


def test_the_mean_over_sketches_is_the_figure() -> None:
    generator = np.random.default_rng(0)
    of_photos = ["cat"] * 4 + ["dog"] * 30
    ranks, gallery = ranked(generator.random((6, 34)), ["cat", "dog"] * 3, of_photos)
    figures = category_figures(ranks, gallery)
    for name, values in category_per_query(ranks, gallery).items():
        assert 100 * values.mean() == pytest.approx(figures[name])


def test_each_category_has_its_figures_and_what_came_first() -> None:
    similarity = np.array([[0.9, 0.5, 0.1], [0.1, 0.5, 0.9], [0.1, 0.9, 0.5]])
    of_sketches, of_photos = ["dog", "cat", "cat"], ["dog", "cat", "cup"]
    ranks, gallery = ranked(similarity, of_sketches, of_photos)
    table = by_category(ranks, gallery, of_sketches, ["dog", "cup", "cat"])
    assert list(table) == ["cat", "dog"]
    assert (table["cat"].sketches, table["cat"].photos, table["cat"].first) == (2, 1, {"cup": 1, "cat": 1})
    assert table["cat"].figures["P@1"] == 50 and table["cat"].figures["mAP@all"] == pytest.approx(75)
    assert table["dog"].figures["P@1"] == 100
