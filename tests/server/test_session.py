"""A drawing session over WebSocket, on a real gallery."""

from __future__ import annotations

import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from api_client import LIVE, NAME, SKETCH, SKETCHES, as_json, upload
from banded_model import make_banded_model
from fastapi.testclient import TestClient
from served_gallery import make_confident_model, make_gallery
from starlette.websockets import WebSocketDisconnect

from sketchseek.search.limits import Limits
from sketchseek.search.live_search import Answer, LiveSearch
from sketchseek.search.session import Job
from sketchseek.server.app import create_app
from sketchseek.server.routes.live import MAX_REFUSALS
from sketchseek.strokes.sketch import Sketch


def draw(socket: Any, sketch: Sketch, seq: int = 0) -> list[dict[str, Any]]:
    """Send a sketch stroke by stroke in small pieces; the results frames up to the one for the last pen-up."""
    frames: list[dict[str, Any]] = []
    for number, stroke in enumerate(sketch.strokes):
        for start in range(0, len(stroke), 10):
            seq += 1
            piece = stroke[start : start + 10].tolist()
            socket.send_json({"type": "points", "seq": seq, "stroke": number, "points": piece})
        seq += 1
        socket.send_json({"type": "end", "seq": seq, "stroke": number})
    while not frames or frames[-1]["seq"] < seq:
        frames.append(socket.receive_json())
        assert frames[-1]["type"] == "results"
    return frames


@pytest.fixture
def socket(client: TestClient) -> Iterator[Any]:
    with client.websocket_connect(LIVE) as socket:
        assert socket.receive_json()["type"] == "hello"
        yield socket


def test_the_server_says_hello_with_what_it_serves(client: TestClient) -> None:
    with client.websocket_connect(LIVE) as socket:
        hello = socket.receive_json()
    assert hello["photos"] == len(SKETCHES)
    assert hello["gallery"]["name"] == "gallery"
    assert hello["limits"] == asdict(Limits())
    assert hello["gallery"]["model"] == client.get("/api/health").json()["model"]


def test_a_sketch_finds_its_photo_live(socket: Any) -> None:
    frames = draw(socket, SKETCH)
    last = frames[-1]
    assert last["pen_down"] is False
    assert last["hits"][0]["name"].startswith(NAME)
    assert [hit["rank"] for hit in last["hits"]] == list(range(1, len(SKETCHES) + 1))
    assert (last["hits"][0]["width"], last["hits"][0]["height"]) == (256, 256)
    assert "path" not in last["hits"][0]
    assert [frame["frame"] for frame in frames] == list(range(1, len(frames) + 1))
    assert [frame["seq"] for frame in frames] == sorted({frame["seq"] for frame in frames})


def test_as_many_photos_come_as_are_asked_for(socket: Any) -> None:
    found = draw(socket, SKETCH)[-1]["hits"]
    for seq, count in ((1000, 3), (1001, 200)):
        socket.send_json({"type": "top", "seq": seq, "count": count})
        assert socket.receive_json()["hits"] == found[:count]


def test_an_empty_drawing_has_no_hits(socket: Any) -> None:
    draw(socket, SKETCH)
    socket.send_json({"type": "sketch", "seq": 1000, "strokes": []})
    frame = socket.receive_json()
    assert (frame["seq"], frame["hits"], frame["pen_down"]) == (1000, [], False)


def test_a_drawing_sent_anew_ranks_as_the_same_drawing_drawn(client: TestClient, socket: Any) -> None:
    drawn = draw(socket, SKETCH)[-1]["hits"]
    with client.websocket_connect(LIVE) as other:
        other.receive_json()
        other.send_json({"type": "sketch", "seq": 1, "strokes": [stroke.tolist() for stroke in SKETCH.strokes]})
        assert other.receive_json()["hits"] == drawn


def test_the_same_sketch_ranks_the_same_everywhere(client: TestClient, gallery: Path, tmp_path: Path) -> None:
    for sketch in list(SKETCHES.values())[:4]:
        uploaded = upload(client, as_json(sketch, tmp_path), "sketch.json").json()["hits"]
        with client.websocket_connect(LIVE) as socket:
            socket.receive_json()
            live = draw(socket, sketch)[-1]["hits"]
        assert live == uploaded
        # The gallery is open in the app; a second one of the same photos would rank alike, the app's own is asked here.
        searched = client.app.state.searcher.search(sketch, len(uploaded))  # type: ignore[attr-defined]
        assert [(hit.id, hit.rank, hit.score) for hit in searched] == [
            (hit["id"], hit["rank"], hit["score"]) for hit in uploaded
        ]


def test_lines_that_add_no_pixel_are_answered_with_the_same_photos(socket: Any) -> None:
    drawn = draw(socket, SKETCH)[-1]["hits"]
    again = Sketch((SKETCH.strokes[0],))
    socket.send_json({"type": "points", "seq": 1000, "stroke": 90, "points": again.points.tolist()})
    socket.send_json({"type": "end", "seq": 1001, "stroke": 90})
    while (frame := socket.receive_json())["seq"] < 1001:
        pass
    assert frame["hits"] == drawn


def test_a_model_without_more_to_say_says_no_more(socket: Any) -> None:
    socket.send_json({"type": "regions", "seq": 1, "on": True})
    socket.receive_json()  # of the empty sheet
    frame = draw(socket, SKETCH, seq=2)[-1]
    assert (frame["confidence"], frame["target"], frame["regions"]) == (None, None, None)


def test_a_calibrated_model_says_how_sure_it_is(tmp_path: Path) -> None:
    app = create_app(make_gallery(tmp_path, make_model=make_confident_model))
    with TestClient(app, base_url="http://localhost:8000") as client, client.websocket_connect(LIVE) as socket:
        socket.receive_json()
        frame = draw(socket, SKETCH)[-1]
        scores = [hit["score"] for hit in frame["hits"]]
        margin = (scores[0] - scores[1]) / np.std(scores)
        assert frame["confidence"] == pytest.approx(1 / (1 + np.exp(-3 * margin)), abs=1e-3)
        socket.send_json({"type": "sketch", "seq": 1000, "strokes": []})
        assert socket.receive_json()["confidence"] is None


def test_regions_that_decided_come_while_they_are_wanted(tmp_path: Path) -> None:
    app = create_app(make_gallery(tmp_path, make_model=make_banded_model))
    with TestClient(app, base_url="http://localhost:8000") as client, client.websocket_connect(LIVE) as socket:
        assert socket.receive_json()["regions"] is True
        assert draw(socket, SKETCH)[-1]["regions"] is None
        socket.send_json({"type": "regions", "seq": 1000, "on": True})
        frame = socket.receive_json()
        regions = frame["regions"]
        assert regions["shape"] == [4, 8, 8] and len(regions["hits"]) == len(frame["hits"])
        for hit in regions["hits"]:
            assert len(hit["strength"]) == 4 and max(hit["strength"]) == 1 and min(hit["strength"]) >= 0
            assert sum(strength > 0 for strength in hit["strength"]) <= 3
        bands = np.frombuffer(b64decode(regions["sketch"]), np.uint8).reshape(4, 8, 8)
        assert bands[1, 2:4].min() == 255 and bands[1, :2].max() == bands[1, 4:].max() == 0
        assert regions["hits"][-1]["maps"] == regions["sketch"]
        socket.send_json({"type": "regions", "seq": 1001, "on": False})
        assert socket.receive_json()["regions"] is None


def test_rubbish_is_answered_with_an_error_and_the_session_goes_on(socket: Any) -> None:
    rubbish = ["not json", "[1, 2]", '{"type": "points"}', "[" * 5000, '{"type": 3, "seq": 1}', "\x00"]
    for text in rubbish:
        socket.send_text(text)
        answer = socket.receive_json()
        assert answer["type"] == "error" and "\n" not in answer["message"]
    socket.send_bytes(b"\xff\x00")
    assert "binary" in socket.receive_json()["message"]
    assert draw(socket, SKETCH)[-1]["hits"][0]["name"].startswith(NAME)


def test_who_sends_nothing_but_rubbish_is_shown_out(socket: Any) -> None:
    for _ in range(MAX_REFUSALS):
        socket.send_text("rubbish")
    with pytest.raises(WebSocketDisconnect) as left:
        for _ in range(MAX_REFUSALS + 1):
            assert socket.receive_json()["type"] == "error"
    assert left.value.code == 1008


def test_while_a_search_runs_only_the_newest_drawing_waits(
    client: TestClient, socket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_end = threading.Event(), threading.Event()
    searched: list[int] = []

    def slowly(self: LiveSearch, job: Job) -> Answer:
        searched.append(job.seq)
        began.set()
        assert may_end.wait(60)
        return Answer()

    monkeypatch.setattr(LiveSearch, "answer", slowly)
    point = [0.5, 0.5, 0.0, 0.5]
    socket.send_json({"type": "points", "seq": 1, "stroke": 0, "points": [point]})
    assert began.wait(60)
    for seq in range(2, 40, 2):
        socket.send_json({"type": "points", "seq": seq, "stroke": seq, "points": [point]})
        socket.send_json({"type": "end", "seq": seq + 1, "stroke": seq})
    socket.send_text("rubbish")  # its answer shows that all before it has been read
    assert socket.receive_json()["type"] == "error"
    assert client.get("/api/health").status_code == 200  # nobody else is held up
    may_end.set()
    first, second = socket.receive_json(), socket.receive_json()
    assert (first["seq"], first["pen_down"]) == (1, True)
    assert (second["seq"], second["frame"], second["pen_down"]) == (39, 2, False)
    assert searched == [1, 39]


def test_pages_take_turns_and_do_not_share_a_drawing(client: TestClient) -> None:
    others = list(SKETCHES)[:3]
    with ExitStack() as stack:
        sockets = [stack.enter_context(client.websocket_connect(LIVE)) for _ in others]
        for socket in sockets:
            socket.receive_json()
        for socket, name in zip(sockets, others, strict=True):
            strokes = [stroke.tolist() for stroke in SKETCHES[name].strokes]
            socket.send_json({"type": "sketch", "seq": 1, "strokes": strokes})
        for socket, name in zip(sockets, others, strict=True):
            assert socket.receive_json()["hits"][0]["name"].startswith(name)
