"""The confidence of one drawing as it grows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketchseek.errors import InputError
from sketchseek.model.confidence import Confidence, ConfidenceTracker

FITTED = Confidence(margin=1.5, stability=0.8, log_ink=1.0, log_gallery=-0.6, intercept=0.5)


def test_it_goes_through_json() -> None:
    assert Confidence.from_json(FITTED.to_json()) == FITTED


@pytest.mark.parametrize("values", [{}, {"margin": 1}, FITTED.to_json() | {"more": 1.0}, [1.0], "x", {"margin": "?"}])
def test_other_coefficients_are_refused(values: object) -> None:
    with pytest.raises(InputError, match=r"confidence: .*train or export"):
        Confidence.from_json(values)  # type: ignore[arg-type]


def test_one_that_was_calibrated_without_the_score_is_read_and_does_without() -> None:
    earlier = {name: value for name, value in FITTED.to_json().items() if name != "score"}
    assert Confidence.from_json(earlier) == FITTED


def test_it_grows_with_the_margin_and_with_what_is_drawn_and_falls_with_the_gallery() -> None:
    def first(scores: list[float], ink: float = 1.0, gallery: int = 100) -> float:
        answer = ConfidenceTracker(FITTED, gallery).update("a", scores, ink)
        assert answer is not None
        return answer

    assert first([0.9, 0.5, 0.4, 0.3]) > first([0.9, 0.8, 0.4, 0.3])
    high = ConfidenceTracker(replace(FITTED, score=2.0), 100).update("a", [0.9, 0.5, 0.4, 0.3], 1.0)
    low = ConfidenceTracker(replace(FITTED, score=2.0), 100).update("a", [0.6, 0.2, 0.1, 0.0], 1.0)
    assert high is not None and low is not None and high > low
    assert first([0.9, 0.5, 0.4], ink=3.0) > first([0.9, 0.5, 0.4], ink=0.5)
    assert first([0.9, 0.5, 0.4], gallery=100) > first([0.9, 0.5, 0.4], gallery=10_000)


def test_the_same_answer_settles_until_another_one_comes_or_lines_are_taken_back() -> None:
    tracker, anew = ConfidenceTracker(FITTED, 100), ConfidenceTracker(FITTED, 100)
    scores = [0.9, 0.7, 0.4]
    tracker.update("a", scores, 1.0)
    stayed = tracker.update("a", scores, 1.5)
    fresh = anew.update("a", scores, 1.5)
    assert stayed is not None and fresh is not None and stayed > fresh
    assert tracker.update("b", scores, 1.5) == fresh
    tracker.update("b", scores, 2.0)
    tracker.update("b", scores, 1.2)  # back to what there was before b
    again = tracker.update("b", scores, 1.5)
    assert again is not None and fresh < again < stayed


def test_nothing_is_said_of_fewer_than_two_photos_and_an_empty_sheet_begins_anew() -> None:
    tracker = ConfidenceTracker(FITTED, 100)
    assert tracker.update(None, [], 0.0) is None
    assert tracker.update("a", [0.4], 0.1) is None
    before = tracker.update("a", [0.9, 0.7, 0.4], 1.0)
    tracker.update(None, [], 0.0)
    assert tracker.update("a", [0.9, 0.7, 0.4], 1.0) == before


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.lists(st.floats(-5, 5), max_size=30), st.floats(0, 1000)), max_size=8
    ),
    st.integers(0, 10**9),
    st.floats(1e-6, 1e3),
)
def test_it_is_a_probability_whatever_the_scores_and_does_not_depend_on_their_unit(
    moments: list[tuple[str, list[float], float]], gallery: int, unit: float
) -> None:
    tracker, scaled = ConfidenceTracker(FITTED, gallery), ConfidenceTracker(FITTED, gallery)
    for best, scores, ink in moments:
        scores = sorted((round(score, 3) for score in scores), reverse=True)
        sure = tracker.update(best, scores, ink)
        again = scaled.update(best, [unit * score for score in scores], ink)
        assert (sure is None) == (len(scores) < 2) == (again is None)
        if sure is not None:
            assert 0 <= sure <= 1
            assert again == pytest.approx(sure, abs=1e-6)
