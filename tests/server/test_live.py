"""The live session without a network: what it takes, what it refuses, and when it searches."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from api_client import LIVE
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from sketchseek.search.limits import LIMITS, Limits, line_lengths
from sketchseek.search.live_search import Answer, results_frame
from sketchseek.search.session import LiveSession
from sketchseek.server.reading import LARGE
from sketchseek.server.routes.live import Pace
from sketchseek.strokes import Sketch, ink, placed

LINE = [[0.1, 0.2, 0.0, 0.5], [0.3, 0.4, 16.0, 0.5]]
MORE = [[0.5, 0.6, 32.0, 0.5]]
OTHER = [[0.8, 0.2, 48.0, 0.5], [0.7, 0.9, 64.0, 0.5]]


def points(seq: int, stroke: int, what: Any = LINE) -> str:
    return json.dumps({"type": "points", "seq": seq, "stroke": stroke, "points": what})


def end(seq: int, stroke: int) -> str:
    return json.dumps({"type": "end", "seq": seq, "stroke": stroke})


def sketch(seq: int, strokes: Any) -> str:
    return json.dumps({"type": "sketch", "seq": seq, "strokes": strokes})


def session(*frames: str) -> LiveSession:
    new = LiveSession()
    for frame in frames:
        assert new.receive(frame) is None
    return new


def shows(new: LiveSession, strokes: list[list[list[float]]]) -> bool:
    """Whether the next search is of exactly these strokes."""
    job = new.begin(0.0)
    sketch = Sketch.from_arrays(strokes)
    assert job.length == pytest.approx(line_lengths(sketch.strokes)[1])
    return np.array_equal(job.ink, ink(sketch)) if strokes and job.ink is not None else not strokes and job.ink is None


def test_points_of_one_number_are_one_stroke_and_a_new_number_begins_another() -> None:
    new = session(points(1, 0), points(2, 0, MORE), end(3, 0), points(4, 1, OTHER))
    assert shows(new, [LINE + MORE, OTHER])
    assert shows(session(points(1, 0), points(2, 1, MORE)), [LINE, MORE])


def test_a_drawing_sent_anew_takes_the_place_of_what_was_there() -> None:
    new = session(points(1, 0), end(2, 0), points(3, 1), sketch(4, [MORE]), points(5, 2, OTHER))
    assert shows(new, [MORE, OTHER])
    assert shows(session(points(1, 0), sketch(2, [])), [])


def test_a_search_says_what_it_has_seen_and_is_numbered() -> None:
    new = session(points(4, 0))
    first = new.begin(0.0)
    assert (first.seq, first.frame, first.pen_down) == (4, 1, True)
    new.receive(end(9, 0))
    second = new.begin(0.0)
    assert (second.seq, second.frame, second.pen_down) == (9, 2, False)
    frame = results_frame(second, Answer(), 0.0142)
    assert frame == {
        "type": "results",
        "seq": 9,
        "frame": 2,
        "pen_down": False,
        "milliseconds": 14.2,
        "hits": [],
        "confidence": None,
        "target": None,
        "regions": None,
        "remark": "",
        "placement": {"scale": 1.0, "x": 0.0, "y": 0.0},
    }


def test_nothing_is_due_until_something_changes() -> None:
    new = LiveSession()
    assert new.due_in(0.0) is None
    new.receive(points(1, 0))
    assert new.due_in(0.0) == 0.0
    new.begin(0.0)
    assert new.due_in(5.0) is None


@pytest.mark.parametrize(("milliseconds", "apart"), [(100, 200), (30, 60), (15, 30), (1, 20)])
def test_while_the_pen_is_down_a_search_begins_when_the_last_has_ended_and_it_has_rested(
    milliseconds: int, apart: int
) -> None:
    new = session(points(1, 0))
    begun: list[int] = []
    for now in range(1000):
        assert new.receive(points(2 + now, 0, MORE)) is None
        if begun and now == begun[-1] + milliseconds:
            new.ended(now / 1000)
        if (not begun or now >= begun[-1] + milliseconds) and new.due_in(now / 1000) == 0:
            new.begin(now / 1000)
            begun.append(now)
    assert set(np.diff(begun)) <= {apart, apart + 1}  # a sum of floats may be above the millisecond


def test_pen_up_is_searched_at_once_and_a_rest_follows_again() -> None:
    new = session(points(1, 0))
    new.begin(10.0)
    new.ended(10.05)
    new.receive(points(2, 0, MORE))
    assert new.due_in(10.06) == pytest.approx(0.04)
    new.receive(end(3, 0))
    assert new.due_in(10.06) == 0.0
    new.begin(10.06)
    new.ended(10.11)
    new.receive(points(4, 1))
    assert new.due_in(10.12) == pytest.approx(0.04)
    new.receive(sketch(5, []))
    assert new.due_in(10.12) == 0.0


def test_what_became_outdated_during_a_search_is_never_searched() -> None:
    new = session(points(1, 0))
    new.begin(0.0)
    new.receive(end(2, 0))
    new.receive(points(3, 1))
    new.receive(end(4, 1))
    job = new.begin(0.1)
    assert job.seq == 4
    assert new.due_in(9.0) is None


def test_what_else_is_asked_for_is_asked_with_every_search_and_answered_at_once() -> None:
    new = LiveSession(practice=True)
    assert new.receive(points(1, 0)) is None
    new.begin(0.0)
    assert new.receive('{"type": "regions", "seq": 2, "on": true}') is None
    assert new.receive('{"type": "target", "seq": 3, "id": "some-photo"}') is None
    assert new.due_in(0.01) == 0.0
    job = new.begin(0.01)
    assert (job.regions, job.target, job.pen_down) == (True, "some-photo", True)
    assert job.ink is not None and np.array_equal(job.ink, ink(Sketch.from_arrays([LINE])))
    new.receive('{"type": "regions", "seq": 4, "on": false}')
    new.receive('{"type": "target", "seq": 5, "id": null}')
    job = new.begin(0.02)
    assert (job.regions, job.target) == (False, None)


def test_a_small_drawing_is_searched_large_unless_the_sheet_is_the_photos_frame() -> None:
    zigzag = [[0.1 + 0.02 * i, 0.2 + 0.2 * (i % 2), 16.0 * i, 0.5] for i in range(12)]
    drawing = Sketch.from_arrays([zigzag])
    large = placed(drawing)
    new = session(points(1, 0, zigzag))
    job = new.begin(0.0)
    assert isinstance(large, Sketch) and job.ink is not None and np.array_equal(job.ink, ink(large))
    assert job.placement.scale > 2 and job.length == pytest.approx(line_lengths(large.strokes)[1])
    assert new.receive('{"type": "framed", "seq": 2, "on": true}') is None
    assert new.due_in(0.01) == 0.0
    job = new.begin(0.01)
    assert job.ink is not None and np.array_equal(job.ink, ink(drawing))
    assert job.placement.scale == 1 and job.length == pytest.approx(line_lengths(drawing.strokes)[1])


@pytest.mark.parametrize("photo", ["7", '"' + "x" * 101 + '"', "[]"])
def test_a_target_is_an_id_and_only_where_one_may_practise(photo: str) -> None:
    assert LiveSession(practice=True).receive(f'{{"type": "target", "seq": 1, "id": {photo}}}') is not None
    assert LiveSession().receive('{"type": "target", "seq": 1, "id": "some-photo"}') is not None


REFUSED = {
    "not JSON": "points",
    "deeply nested": "[" * 100_000,
    "not an object": "[]",
    "no type": '{"seq": 5}',
    "unknown type": '{"type": "hello", "seq": 5}',
    "no seq": '{"type": "end", "stroke": 0}',
    "seq seen before": points(2, 0),
    "seq not whole": '{"type": "end", "seq": 5.5, "stroke": 0}',
    "seq is true": '{"type": "end", "seq": true, "stroke": 0}',
    "seq beyond all counts": '{"type": "end", "seq": 1e300, "stroke": 0}',
    "no stroke": '{"type": "points", "seq": 5, "points": [[0, 0, 0, 0]]}',
    "negative stroke": points(5, -1),
    "stroke that has ended": points(5, 0),
    "end of a stroke that has ended": end(5, 0),
    "end of a stroke that never began": end(5, 7),
    "no points": points(5, 1, []),
    "points that are none": points(5, 1, "rubbish"),
    "points of two numbers": points(5, 1, [[0.1, 0.2]]),
    "points of different lengths": points(5, 1, [[0.1, 0.2, 0.3, 0.4], [0.1]]),
    "numbers as text": points(5, 1, [["0.1", "0.2", "0.3", "0.4"]]),
    "null": points(5, 1, [[None, 0, 0, 0]]),
    "NaN": points(5, 1, [[float("nan"), 0, 0, 0]]),
    "infinity": points(5, 1, [[0, 0, float("inf"), 0]]),
    "numbers beyond float": points(5, 1, [[10**400, 0, 0, 0]]),
    "far off the canvas": points(5, 1, [[99.0, 0, 0, 0]]),
    "deep points": points(5, 1, [[[0, 0, 0, 0]]]),
    "regions neither on nor off": '{"type": "regions", "seq": 5, "on": 1}',
    "as framed or not": '{"type": "framed", "seq": 5}',
    "no photo": '{"type": "top", "seq": 5, "count": 0}',
    "more photos than are given": '{"type": "top", "seq": 5, "count": 201}',
    "strokes that are none": sketch(5, 3),
    "a stroke without points": sketch(5, [[]]),
}


@pytest.mark.parametrize("frame", REFUSED.values(), ids=REFUSED.keys())
def test_what_the_page_does_not_send_is_refused_in_one_line_and_changes_nothing(frame: str) -> None:
    new = session(points(1, 0), end(2, 0))
    new.begin(0.0)
    answer = new.receive(frame)
    assert answer is not None and answer["type"] == "error"
    assert answer["message"] and "\n" not in answer["message"]
    assert new.due_in(9.0) is None
    assert shows(new, [LINE])
    assert new.receive(points(6, 1)) is None


def test_a_refusal_names_the_frame_it_is_about() -> None:
    answer = LiveSession().receive('{"type": "end", "seq": 7, "stroke": 3}')
    assert answer is not None and answer["seq"] == 7
    answer = LiveSession().receive("rubbish")
    assert answer is not None and answer["seq"] is None


def test_a_drawing_has_limits() -> None:
    new = LiveSession(limits=Limits(strokes=2, points=6))
    for frame in (points(1, 0), end(2, 0), points(3, 1), points(4, 1, OTHER)):
        assert new.receive(frame) is None
    too_many_points, too_many_strokes = new.receive(points(5, 1, MORE)), new.receive(points(6, 2, MORE))
    assert too_many_points is not None and "6 points" in too_many_points["message"]
    assert too_many_strokes is not None and "2 strokes" in too_many_strokes["message"]
    assert new.receive(sketch(7, [MORE] * 3)) is not None
    assert shows(new, [LINE, LINE + OTHER])
    assert new.receive(sketch(8, [])) is None
    assert new.receive(points(9, 2)) is None


def test_ink_has_a_limit_because_it_costs_memory() -> None:
    across = [[0.0, 0.0, 0.0, 0.5], [1.0, 0.0, 0.0, 0.5]] * 2000
    new = session(points(1, 0, across))
    answer = new.receive(points(2, 0, across))
    assert answer is not None and "canvas widths" in answer["message"]


def test_a_huge_frame_is_not_even_read() -> None:
    answer = LiveSession().receive(" " * (LIMITS.message + 1))
    assert answer is not None and "longer" in answer["message"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["type", "seq", "stroke", "points", "strokes"]), inner, max_size=5)
        ),
        max_leaves=20,
    )
)
def test_no_frame_breaks_the_session(frame: Any) -> None:
    new = session(points(0, 0))
    for text in (json.dumps(frame), json.dumps({"type": "points", "seq": 1, "stroke": 0, "points": frame})):
        answer = new.receive(text)
        assert answer is None or answer["type"] == "error"
    assert new.begin(0.0).ink is not None


coordinate = st.floats(-0.2, 1.2).map(lambda value: round(value, 4))
pieces = st.lists(st.tuples(coordinate, coordinate, st.just(0.0), st.just(0.5)), min_size=1, max_size=6)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("points"), pieces),
            st.tuples(st.just("stroke"), pieces),
            st.tuples(st.sampled_from(["end", "undo", "redo", "search"]), st.none()),
            st.tuples(st.just("erase"), st.integers(0, 5)),
        ),
        max_size=20,
    )
)
def test_the_ink_that_grew_is_that_of_the_whole_drawing_after_any_steps(steps: list[tuple[str, Any]]) -> None:
    new, number, seq = LiveSession(), -1, 0
    strokes: list[list[Any]] = []  # the last one is open while ``is_open``
    is_open = False
    past: list[list[list[Any]]] = []
    future: list[list[list[Any]]] = []

    def send(frame: str) -> None:
        assert new.receive(frame) is None

    def replace(anew: list[list[Any]]) -> None:
        nonlocal strokes, is_open
        strokes, is_open = list(anew), False
        send(sketch(seq, strokes))

    for step, value in steps:
        seq += 1
        if step == "points" and is_open:
            strokes[-1] = strokes[-1] + value
            send(points(seq, number, value))
        elif step in ("points", "stroke"):
            past, future = [*past, list(strokes)], []
            number, is_open = number + 1, True
            strokes.append(value)
            send(points(seq, number, value))
        elif step == "end" and is_open:
            is_open = False
            send(end(seq, number))
        elif step == "undo" and past:
            future.append(strokes)
            replace(past.pop())
        elif step == "redo" and future:
            past.append(strokes)
            replace(future.pop())
        elif step == "erase" and value < len(strokes):
            past, future = [*past, list(strokes)], []
            replace(strokes[:value] + strokes[value + 1 :])
        elif step == "search":
            assert shows(new, strokes)
    assert shows(new, strokes)


def test_a_search_keeps_its_ink_while_the_drawing_grows() -> None:
    new = session(points(1, 0))
    job = new.begin(0.0)
    assert new.receive(points(2, 0, OTHER)) is None
    assert job.ink is not None and np.array_equal(job.ink, ink(Sketch.from_arrays([LINE])))


def test_lengths_are_those_of_the_lines_and_not_of_the_way_between_them() -> None:
    lines = [
        np.array(line) for line in ([[0.0, 0.0], [0.3, 0.4]], [[0.9, 0.9]], [[0.5, 0.5], [0.5, 0.25], [0.25, 0.25]])
    ]
    assert line_lengths(lines) == pytest.approx((0.4 + 0.5, 0.5 + 0.5))
    assert line_lengths([np.array([[0.9, 0.9]])]) == line_lengths([]) == (0, 0)


def test_a_page_that_keeps_the_searches_busy_gets_no_more_than_half_of_their_time() -> None:
    new, now, searching = LiveSession(), 100.0, 0.0
    for seq in range(1, 1001):  # a whole drawing again and again, each search of which takes 0.2 seconds
        assert new.receive(sketch(seq, [LINE])) is None
        wait = new.due_in(now)
        assert wait is not None
        if wait > 0:
            now += 0.01
            continue
        new.begin(now)
        now += 0.2
        new.ended(now)
        searching += 0.2
    assert searching / (now - 100) < 0.65
    assert new.due_in(now + 3) == 0


def test_undoing_quickly_is_answered_at_once() -> None:
    new, now = LiveSession(), 100.0
    for seq in range(1, 11):
        assert new.receive(sketch(seq, [LINE])) is None and new.due_in(now) == 0
        new.begin(now)
        now += 0.02
        new.ended(now)


def test_a_page_may_send_the_largest_drawing_at_once_and_then_a_megabyte_a_second() -> None:
    pace = Pace()
    assert pace.wait(LIMITS.message, 0.0) == 0
    assert pace.wait(1_000_000, 1.0) == 0
    assert pace.wait(500_000, 1.0) == pytest.approx(0.5)
    slow = Pace()
    assert all(slow.wait(100, frame / 120) == 0 for frame in range(10_000))  # a page of 120 frames a second


def test_a_large_drawing_is_read_in_another_process(client: TestClient) -> None:
    strokes = [[[x / 2000, 0.1, 0, 0.5], [x / 2000, 0.9, 1, 0.5]] for x in range(1000)]
    with client.websocket_connect(LIVE) as socket:
        socket.receive_json()
        assert len(sketch(1, strokes)) > LARGE
        socket.send_text(sketch(1, strokes))
        assert socket.receive_json()["seq"] == 1
        socket.send_text(sketch(2, strokes * 3))
        assert "at most 2,000 strokes" in socket.receive_json()["message"]
