"""The figures of retrieval by category, against examples counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sketchseek.lab.evaluation.categories import category_figures


def test_right_photos_at_the_first_and_third_place() -> None:
    figures = category_figures(np.array([[0.9, 0.8, 0.7, 0.1]]), ["cat"], ["cat", "dog", "cat", "dog"])
    assert figures["P@1"] == 100
    assert figures["P@10"] == figures["P@10 possible"] == pytest.approx(20)
    assert figures["mAP@all"] == figures["mAP@200"] == pytest.approx(100 * (1 + 2 / 3) / 2)


def test_the_mean_is_over_sketches() -> None:
    similarity = np.array([[0.9, 0.1], [0.9, 0.1]])
    figures = category_figures(similarity, ["cat", "dog"], ["cat", "dog"])
    assert figures["P@1"] == 50 and figures["mAP@all"] == pytest.approx(75)


def test_what_lies_beyond_two_hundred_photos_counts_in_one_only() -> None:
    similarity = -np.arange(300.0)[None]
    of_photos = ["cat", *["dog"] * 298, "cat"]
    figures = category_figures(similarity, ["cat"], of_photos)
    assert figures["mAP@200"] == pytest.approx(50)
    assert figures["mAP@all"] == pytest.approx(100 * (1 + 2 / 300) / 2)


def test_a_sketch_of_no_category_of_the_photos_is_refused() -> None:
    with pytest.raises(ValueError, match="no photo is of the category 'cow'"):
        category_figures(np.zeros((2, 1)), ["cat", "cow"], ["cat"])
