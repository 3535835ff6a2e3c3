"""The server over HTTP and WebSocket, on a real gallery."""

from __future__ import annotations

import io
import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from banded_model import make_banded_model
from fastapi.testclient import TestClient
from PIL import Image
from served_gallery import known_sketches, make_confident_model, make_gallery
from starlette.websockets import WebSocketDisconnect

from sketchseek.gallery import Gallery
from sketchseek.search.answer import Answer, LiveSearch
from sketchseek.search.live import Job
from sketchseek.search.searcher import Searcher
from sketchseek.server.app import WEB, create_app
from sketchseek.server.live import MAX_REFUSALS
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.sketch import Sketch
from sketchseek.strokes.sketch_json import write_json

SKETCHES = known_sketches()
LIVE = "ws://localhost:8000/api/live"
NAME, SKETCH = "thing-03", SKETCHES["thing-03"]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gallery(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def client(gallery: Path) -> Iterator[TestClient]:
    with TestClient(create_app(gallery), base_url="http://localhost:8000") as client:
        yield client


def as_json(sketch: Sketch, folder: Path) -> bytes:
    write_json(sketch, folder / "sketch.json")
    return (folder / "sketch.json").read_bytes()


def upload(client: TestClient, content: bytes, name: str, **fields: Any) -> Any:
    return client.post("/api/search", files={"sketch": (name, content)}, data=fields)


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


# --- the live session ---


def test_the_server_says_hello_with_what_it_serves(client: TestClient) -> None:
    with client.websocket_connect(LIVE) as socket:
        hello = socket.receive_json()
    assert hello["photos"] == len(SKETCHES)
    assert hello["gallery"]["name"] == "gallery"
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


# --- search by upload ---


def test_an_upload_gives_its_strokes_back_and_as_many_hits_as_asked(client: TestClient, tmp_path: Path) -> None:
    answer = upload(client, as_json(SKETCH, tmp_path), "sketch.json", top=3).json()
    assert len(answer["hits"]) == 3
    assert answer["hits"][0]["name"].startswith(NAME)
    np.testing.assert_array_equal(np.concatenate(answer["strokes"]), SKETCH.points)


def test_a_picture_of_a_sketch_is_read(client: TestClient) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.where(rasterise(SKETCH), 0, 255).astype(np.uint8)).save(buffer, "PNG")
    answer = upload(client, buffer.getvalue(), "scan.png").json()
    assert answer["strokes"] is None
    assert len(answer["hits"]) == len(SKETCHES)


def test_an_svg_is_read(client: TestClient) -> None:
    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><path d="M10 10 L90 90" stroke="black"/></svg>'
    )
    answer = upload(client, svg, "line.svg").json()
    assert len(answer["hits"]) == len(SKETCHES)
    assert len(answer["strokes"]) == 1


FAR = {"format": "sketchseek-sketch", "version": 1, "strokes": [[[0, 0, 0, 0], [9e5, 0, 0, 0]]]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.json", b""),
        ("broken.json", b'{"format": "sketch'),
        ("other.json", b'{"strokes": []}'),
        ("malformed.svg", b"<svg><path d='M 0 0 L'"),
        ("broken.png", b"\x89PNG\r\n\x1a\n rubbish"),
        ("text.txt", b"a chair, please"),
        ("far.json", json.dumps(FAR).encode()),
    ],
)
def test_a_bad_upload_is_422_in_one_line(client: TestClient, name: str, content: bytes) -> None:
    response = upload(client, content, name)
    assert response.status_code == 422
    assert set(response.json()) == {"error"}
    assert response.json()["error"] and "\n" not in response.json()["error"]


@pytest.mark.parametrize("top", [0, -1, 100_000, "many"])
def test_a_bad_top_is_422_in_one_line(client: TestClient, tmp_path: Path, top: Any) -> None:
    response = upload(client, as_json(SKETCH, tmp_path), "sketch.json", top=top)
    assert response.status_code == 422
    assert response.json()["error"].startswith("top")


def test_an_upload_that_is_too_large_is_not_read(client: TestClient) -> None:
    response = client.post("/api/search", content=b"", headers={"content-length": str(2**30)})
    assert response.status_code == 413
    assert "MiB" in response.json()["error"]


# --- photos ---


def photo_ids(client: TestClient, folder: Path) -> dict[str, str]:
    hits = upload(client, as_json(SKETCH, folder), "sketch.json", top=len(SKETCHES)).json()["hits"]
    return {hit["name"]: hit["id"] for hit in hits}


def test_every_photo_comes_in_a_format_that_browsers_show(client: TestClient, tmp_path: Path) -> None:
    for name, photo in photo_ids(client, tmp_path).items():
        response = client.get(f"/api/photos/{photo}")
        shown = Image.open(io.BytesIO(response.content))
        assert shown.size == (256, 256)
        assert response.headers["content-type"] == Image.MIME[shown.format or ""]
        assert (response.headers["content-type"] == "image/tiff") is False, name
        small = client.get(f"/api/photos/{photo}/thumbnail")
        assert small.headers["content-type"] == "image/jpeg"
        assert max(Image.open(io.BytesIO(small.content)).size) <= 320


def test_a_photo_that_has_not_changed_is_not_sent_again(client: TestClient, tmp_path: Path) -> None:
    photo = next(iter(photo_ids(client, tmp_path).values()))
    for path in (f"/api/photos/{photo}", f"/api/photos/{photo}/thumbnail"):
        first = client.get(path)
        assert "no-cache" in first.headers["cache-control"]
        again = client.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "photo",
    [
        "0",
        "00000000-0000-0000-0000-000000000000",
        "..%2F..%2Fgallery.json",
        "%2Fetc%2Fpasswd",
        "../gallery.json",
        "%00",
    ],
)
@pytest.mark.parametrize("what", ["", "/thumbnail"])
def test_what_is_not_in_the_gallery_is_not_served(client: TestClient, photo: str, what: str) -> None:
    response = client.get(f"/api/photos/{photo}{what}")
    assert response.status_code == 404
    assert set(response.json()) == {"error"}


def test_a_photo_that_has_moved_is_404_and_says_what_to_do(tmp_path: Path) -> None:
    folder = make_gallery(tmp_path, count=2)
    with TestClient(create_app(folder), base_url="http://localhost") as client:
        (tmp_path / "photos" / "thing-00.png").unlink()
        (tmp_path / "photos" / "thing-01.jpg").write_text("no photo any more")
        hits = upload(client, as_json(SKETCH, tmp_path), "sketch.json").json()["hits"]
        assert len(hits) == 2
        for hit in hits:
            for what in ("", "/thumbnail"):
                response = client.get(f"/api/photos/{hit['id']}{what}")
                assert response.status_code == 404
                assert "sketchseek index" in response.json()["error"] and "\n" not in response.json()["error"]


def test_thumbnails_that_are_asked_for_together_are_all_whole(tmp_path: Path) -> None:
    with TestClient(create_app(make_gallery(tmp_path)), base_url="http://localhost") as client:
        wanted = [f"/api/photos/{photo}/thumbnail" for photo in photo_ids(client, tmp_path).values()] * 4
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(client.get, wanted))
    by_photo: dict[str, set[bytes]] = {}
    for path, answer in zip(wanted, answers, strict=True):
        assert answer.status_code == 200
        by_photo.setdefault(path, set()).add(answer.content)
    assert all(len(contents) == 1 for contents in by_photo.values())
    for (content,) in by_photo.values():
        Image.open(io.BytesIO(content)).load()


# --- health, page, doors ---


def test_health(client: TestClient) -> None:
    health = client.get("/api/health").json()
    assert health["status"] == "ok"
    assert health["photos"] == len(SKETCHES)


def test_a_path_is_told_on_this_machine_alone(client: TestClient, gallery: Path, tmp_path: Path) -> None:
    photo = photo_ids(client, tmp_path)["thing-00.png"]
    assert client.get(f"/api/photos/{photo}/place").json() == {"path": str(gallery.parent / "photos" / "thing-00.png")}
    assert client.get("/api/photos/0/place").status_code == 404
    with TestClient(create_app(make_gallery(tmp_path, count=2), "0.0.0.0"), base_url="http://127.0.0.1") as other:
        hits = upload(other, as_json(SKETCH, tmp_path), "sketch.json").json()["hits"]
        response = other.get(f"/api/photos/{hits[0]['id']}/place")
        assert response.status_code == 404 and str(tmp_path) not in response.text


def test_the_page_is_there_and_asks_nothing_of_other_hosts(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name in sorted(path.name for path in WEB.iterdir()):
        response = client.get(f"/{name}")
        assert response.status_code == 200
        foreign = response.text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in foreign and "https://" not in foreign


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", ""]
)
def test_a_name_of_somebody_elses_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/health", headers={"host": host}).status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(LIVE, headers={"host": host}):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "192.168.1.20:9000"])
def test_addresses_and_local_names_are_let_in(client: TestClient, host: str) -> None:
    assert client.get("/api/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:9999", "http://localhost:8000.evil.example"]
)
def test_other_pages_are_refused(client: TestClient, tmp_path: Path, origin: str) -> None:
    headers = {"origin": origin}
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(LIVE, headers=headers):
        pass
    files = {"sketch": ("sketch.json", as_json(SKETCH, tmp_path))}
    assert client.post("/api/search", files=files, headers=headers).status_code == 403


def test_the_own_page_is_let_in(client: TestClient) -> None:
    with client.websocket_connect(LIVE, headers={"origin": "http://localhost:8000"}) as socket:
        assert socket.receive_json()["type"] == "hello"


def test_a_gallery_in_use_is_refused(client: TestClient, gallery: Path) -> None:
    from sketchseek.errors import InputError

    with pytest.raises(InputError, match="in use"):
        Searcher(Gallery.open(gallery))


def test_while_a_search_runs_only_the_newest_drawing_waits(
    client: TestClient, socket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_end = threading.Event(), threading.Event()
    searched: list[int] = []

    def slowly(self: LiveSearch, job: Job) -> Answer:
        searched.append(len(job.sketch))
        began.set()
        assert may_end.wait(10)
        return Answer()

    monkeypatch.setattr(LiveSearch, "answer", slowly)
    point = [0.5, 0.5, 0.0, 0.5]
    socket.send_json({"type": "points", "seq": 1, "stroke": 0, "points": [point]})
    assert began.wait(10)
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
    assert searched == [1, 20]


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
