"""Words over HTTP and in the live session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from served_gallery import make_gallery
from worded_model import NAMES, OUTLINES, make_worded_gallery

from sketchseek.search.limits import LIMITS
from sketchseek.search.session import LiveSession
from sketchseek.server.app import create_app
from sketchseek.strokes.sketch_json import write_json

CHAIR = OUTLINES["chair"]
LIVE = "ws://localhost:8000/api/live"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = create_app(make_worded_gallery(tmp_path_factory.mktemp("worded"), {"red": "red", "green": "green"}))
    with TestClient(app, base_url="http://localhost:8000") as client:
        yield client


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Its model knows the names of colours and no other words."""
    app = create_app(make_worded_gallery(tmp_path_factory.mktemp("named"), names=True))
    with TestClient(app, base_url="http://localhost:8000") as client:
        yield client


@pytest.fixture(scope="module")
def wordless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = create_app(make_gallery(tmp_path_factory.mktemp("wordless"), 3))
    with TestClient(app, base_url="http://localhost:8000") as client:
        yield client


@pytest.fixture
def chair(tmp_path: Path) -> dict[str, Any]:
    """A drawing to upload."""
    write_json(CHAIR, tmp_path / "chair.json")
    return {"sketch": ("chair.json", (tmp_path / "chair.json").read_bytes())}


def names(answer: dict[str, Any]) -> list[str]:
    return [hit["name"].removesuffix(".png") for hit in answer["hits"]]


def test_words_and_strokes_meet_in_the_live_session(client: TestClient) -> None:
    with client.websocket_connect(LIVE) as socket:
        assert socket.receive_json()["words"] is True

        def ask(**frame: Any) -> dict[str, Any]:
            socket.send_json(frame)
            return socket.receive_json()

        strokes = [stroke.tolist() for stroke in CHAIR.strokes]
        answer = ask(type="words", seq=1, text="  red ", weight=0.5)
        assert (answer["seq"], set(names(answer)[:3])) == (1, {"red-chair", "red-table", "red-lamp"})
        answer = ask(type="sketch", seq=2, strokes=strokes)
        assert names(answer)[0] == "red-chair" and answer["confidence"] is None
        assert names(ask(type="words", seq=3, text="green", weight=0.5))[0] == "green-chair"
        without = names(ask(type="words", seq=4, text="", weight=0.5))
        assert names(ask(type="words", seq=5, text="green", weight=0)) == without
        assert ask(type="sketch", seq=6, strokes=[])["hits"] != []
        assert ask(type="words", seq=7, text="", weight=0)["hits"] == []


def test_a_model_without_words_says_so(wordless: TestClient, chair: dict[str, Any]) -> None:
    with wordless.websocket_connect(LIVE) as socket:
        assert socket.receive_json()["words"] is False
        socket.send_json({"type": "words", "seq": 1, "text": "red", "weight": 0.5})
        answer = socket.receive_json()
        assert (answer["type"], answer["seq"]) == ("error", 1) and "has no words" in answer["message"]
    for files in (chair, None):
        response = wordless.post("/api/search", data={"text": "red"}, files=files)
        assert response.status_code == 422 and "has no words" in response.json()["error"]


def test_words_that_are_not_known_are_told(knowing: TestClient, client: TestClient, chair: dict[str, Any]) -> None:
    assert knowing.get("/api/names").json() == {"names": list(NAMES)}
    assert client.get("/api/names").json() == {"names": []}
    found = knowing.post("/api/search", data={"text": "mauve red"}, files=chair).json()
    assert names(found)[0] == "red-chair" and found["remark"].endswith("'mauve'; it searches by red")
    assert knowing.post("/api/search", data={"text": "red"}).json()["remark"] == ""
    photo = found["hits"][0]["id"]
    similar = knowing.post(f"/api/photos/{photo}/similar", data={"text": "mauve blue"}).json()
    assert similar["hits"] and "'mauve'" in similar["remark"]
    for path in ("/api/search", f"/api/photos/{photo}/similar"):
        refusal = knowing.post(path, data={"text": "mauve"})
        assert refusal.status_code == 422 and "it knows 5 words" in refusal.json()["error"]
    with knowing.websocket_connect(LIVE) as socket:
        assert socket.receive_json()["words"] is True
        socket.send_json({"type": "words", "seq": 1, "text": "mauve", "weight": 0.5})
        answer = socket.receive_json()
        assert answer["hits"] == [] and "'mauve'; it knows 5 words" in answer["remark"]


BAD = {
    "no text": {"weight": 0.5},
    "text is a number": {"text": 3, "weight": 0.5},
    "too long": {"text": "x" * (LIMITS.words + 1), "weight": 0.5},
    "no weight": {"text": "red"},
    "weight is text": {"text": "red", "weight": "0.5"},
    "weight is true": {"text": "red", "weight": True},
    "below": {"text": "red", "weight": -0.01},
    "above": {"text": "red", "weight": 1.01},
    "no number": {"text": "red", "weight": float("nan")},
}


@pytest.mark.parametrize("frame", BAD.values(), ids=BAD)
def test_bad_words_are_refused_in_one_line_and_change_nothing(frame: dict[str, Any]) -> None:
    session = LiveSession(words=True)
    assert session.receive('{"type": "words", "seq": 1, "text": "blue", "weight": 0.25}') is None
    refusal = session.receive(json.dumps({"type": "words", "seq": 2, **frame}))
    assert refusal is not None and refusal["seq"] == 2 and "\n" not in refusal["message"]
    job = session.begin(0.0)
    assert (job.words, job.weight, job.seq) == ("blue", 0.25, 1)


def test_words_are_due_at_once(client: TestClient) -> None:
    session = LiveSession(words=True)
    session.begin(0.0)
    session.receive('{"type": "words", "seq": 1, "text": "blue", "weight": 1}')
    assert session.due_in(0.0) == 0.0


def test_words_drawings_and_both_over_http(client: TestClient, chair: dict[str, Any]) -> None:
    answer = client.post("/api/search", data={"text": "red", "top": 3}).json()
    assert answer["strokes"] is None and set(names(answer)) == {"red-chair", "red-table", "red-lamp"}
    answer = client.post("/api/search", data={"text": "green"}, files=chair).json()
    assert names(answer)[0] == "green-chair" and len(answer["strokes"]) == len(CHAIR.strokes)
    alone = client.post("/api/search", files=chair).json()
    assert names(client.post("/api/search", data={"text": "red", "weight": 0}, files=chair).json()) == names(alone)


def test_photos_like_one_of_the_gallery(client: TestClient) -> None:
    hits = client.post("/api/search", data={"text": "red"}).json()["hits"]
    photo = next(hit for hit in hits if hit["name"] == "red-lamp.png")["id"]
    similar = names(client.post(f"/api/photos/{photo}/similar", data={"top": 5}).json())
    assert similar[0] == "red-lamp"
    assert set(similar[1:]) == {"red-chair", "red-table", "green-lamp", "blue-lamp"}
    words = {"text": "green", "weight": 0.7}
    assert names(client.post(f"/api/photos/{photo}/similar", data=words).json())[0].startswith("green")
    assert client.post("/api/photos/none/similar", data={"top": 5}).status_code == 404


@pytest.mark.parametrize("data", [{}, {"text": " "}, {"text": "red", "weight": 2}, {"text": "x" * (LIMITS.words + 1)}])
def test_a_search_for_nothing_or_with_bad_words_is_422_in_one_line(client: TestClient, data: dict[str, Any]) -> None:
    response = client.post("/api/search", data=data)
    assert response.status_code == 422
    assert "\n" not in response.json()["error"]
