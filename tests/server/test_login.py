"""The token that a server open to other machines asks for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from api_client import SKETCH, as_json, photo_ids
from fastapi.testclient import TestClient
from served_gallery import make_gallery
from starlette.websockets import WebSocketDisconnect

from sketchseek.client import Client
from sketchseek.search.running_server import RunningServer
from sketchseek.server.app import create_app
from sketchseek.server.login import REFUSAL
from sketchseek.server.serve import qr_code

TOKEN = "a-token-of-this-run"
PLACE, LIVE = "http://192.168.1.20:8000", "ws://192.168.1.20:8000/api/live"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gallery(tmp_path_factory.mktemp("open"), count=4)


@pytest.fixture(scope="module")
def app(gallery: Path) -> Iterator[TestClient]:
    app = create_app(gallery, "0.0.0.0", address="http://127.0.0.1:8000", root_path="/sketch", login_token=TOKEN)
    with TestClient(app, base_url=PLACE) as client:
        yield client


def visitor(app: TestClient, place: str = PLACE) -> TestClient:
    """A browser without cookies."""
    return TestClient(app.app, base_url=place, follow_redirects=False)


@pytest.mark.parametrize("query", ["", "?token=", "?token=another", f"?token={TOKEN}x", "?token=%ff"])
def test_who_does_not_know_the_token_is_refused_in_one_line(app: TestClient, query: str) -> None:
    client = visitor(app)
    for path in ("/", "/app.js", "/api/names", "/api/openapi.json", "/api/photos/0/thumbnail", "/sketch/api/names"):
        refused = client.get(path + query)
        assert (refused.status_code, refused.json()) == (401, {"error": REFUSAL})
    assert client.post("/api/search" + query, content=b"x").status_code == 401
    assert client.post("/api/tasks/status" + query, json={}).status_code == 403
    with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect(f"{LIVE}{query}") as socket:
        socket.receive_json()
    assert (closed.value.code, closed.value.reason) == (4401, REFUSAL)
    health = client.get("/api/health" + query)
    assert (health.status_code, health.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("below", ["", "/sketch"])
def test_one_visit_with_the_token_lets_a_browser_in(app: TestClient, below: str) -> None:
    client = visitor(app)
    first = client.get(f"{below}/?token={TOKEN}")
    assert first.status_code == 303 and TOKEN not in first.headers["location"]
    assert "HttpOnly" in first.headers["set-cookie"] and "Secure" not in first.headers["set-cookie"]
    page = client.get(f"{below}/")
    assert page.status_code == 200 and TOKEN not in page.text
    assert client.get(f"{below}/api/health").json()["photos"] == 4
    with client.websocket_connect(f"ws://192.168.1.20:8000{below}/api/live") as socket:
        assert socket.receive_json()["type"] == "hello"


def test_a_program_puts_the_token_into_each_address(app: TestClient, tmp_path: Path) -> None:
    client = visitor(app)
    files = {"sketch": ("sketch.json", as_json(SKETCH, tmp_path))}
    assert client.post(f"/api/search?token={TOKEN}", files=files).json()["hits"]
    with client.websocket_connect(f"{LIVE}?token={TOKEN}") as socket:
        assert socket.receive_json()["type"] == "hello"


def test_over_tls_the_cookie_is_kept_from_plain_connections(app: TestClient) -> None:
    first = visitor(app, PLACE.replace("http", "https")).get(f"/?token={TOKEN}")
    assert "Secure" in first.headers["set-cookie"]


def test_paths_are_told_to_this_machine_alone(tmp_path: Path) -> None:
    app = create_app(make_gallery(tmp_path, count=1), "0.0.0.0")
    with TestClient(app, base_url=PLACE, client=("192.168.1.30", 50_000)) as other:
        (photo,) = photo_ids(other, tmp_path).values()
        assert other.get(f"/api/photos/{photo}/path").status_code == 404
        assert other.post(f"/api/photos/{photo}/show").status_code == 404
        own = TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50_000))
        assert str(tmp_path) in own.get(f"/api/photos/{photo}/path").json()["path"]


def test_serve_open_to_others_prints_an_address_with_a_token(tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path, count=1)
    command = [sys.executable, "-m", "sketchseek", "serve", "--gallery", str(gallery), "--port", "0"]
    command += ["--host", "0.0.0.0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        printed = re.search(r"(http://127\.0\.0\.1:\d+)/(\?token=\S+)", process.stdout.readline())
        assert printed is not None
        place, token = printed.groups()
        with urllib.request.urlopen(f"{place}/api/health") as response:
            assert json.load(response) == {"status": "ok"}
        client = Client(f"{place}/{token}")
        assert client.health()["photos"] == 1
        with client.live() as live:
            assert live.hello["photos"] == 1
        server = RunningServer.of(gallery)
        assert server is not None
        answer = server.ask("status", {})
        assert answer is not None and answer["served"]
        process.terminate()
        process.wait(20)
        assert process.stderr.read() == ""
    assert RunningServer.of(gallery) is None and not (gallery / "server.json").exists()


def test_the_qr_code_holds_the_address() -> None:
    place = "http://192.168.178.120:8000/?token=Wm9vYmFyYmF6cXV1eA"
    halves = {" ": (0, 0), "\u2580": (255, 0), "\u2584": (0, 255), "\u2588": (255, 255)}
    rows = [line.removeprefix("\033[40;97m").removesuffix("\033[0m") for line in qr_code(place).split("\n")]
    modules = np.array([[halves[character][half] for character in row] for row in rows for half in (0, 1)], np.uint8)
    picture = np.pad(modules[:-1].repeat(8, 0).repeat(8, 1), 32, constant_values=255)
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == place
