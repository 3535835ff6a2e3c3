"""What the server says of itself, to whom, and whom it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from api_client import LIVE, SKETCH, SKETCHES, as_json, photo_ids, upload
from fastapi.testclient import TestClient
from served_gallery import make_gallery, served
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from sketchseek.gallery import Gallery
from sketchseek.search.searcher import Searcher
from sketchseek.server.app import WEB, create_app


def test_health(client: TestClient) -> None:
    health = client.get("/api/health").json()
    assert health["status"] == "ok"
    assert health["photos"] == len(SKETCHES)


def test_a_path_is_told_on_this_machine_alone(client: TestClient, gallery: Path, tmp_path: Path) -> None:
    photo = photo_ids(client, tmp_path)["thing-00.png"]
    assert client.get(f"/api/photos/{photo}/path").json()["path"] == str(gallery.parent / "photos" / "thing-00.png")
    assert client.get("/api/photos/0/path").status_code == 404
    with TestClient(create_app(make_gallery(tmp_path, count=2), "0.0.0.0"), base_url="http://127.0.0.1") as other:
        hits = upload(other, as_json(SKETCH, tmp_path), "sketch.json").json()["hits"]
        response = other.get(f"/api/photos/{hits[0]['id']}/path")
        assert response.status_code == 404 and str(tmp_path) not in response.text
        assert other.post("/api/following", json={"on": True}).status_code in (404, 405)


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


def test_behind_a_proxy_by_another_name_and_below_a_path(tmp_path: Path) -> None:
    app = create_app(make_gallery(tmp_path, count=2), allow_hosts=["nas.fritz.box"], root_path="/sketch")
    with TestClient(app, base_url="https://nas.fritz.box", follow_redirects=False) as client:
        for path in ("/sketch/api/health", "/api/health"):  # whether or not the proxy takes the path off
            assert client.get(path).status_code == 200
        assert client.get("/sketch").headers["location"] == "/sketch/"
        page = client.get("/sketch/")
        assert page.status_code == 200
        for named in re.findall(r'(?:src|href)="([^"#]+)"', page.text):
            assert not named.startswith("/") and client.get(f"/sketch/{named}").status_code == 200
        # A proxy may put the address that it asks itself in place of the host that the browser asked for.
        headers = {"origin": "https://nas.fritz.box", "host": "127.0.0.1:8000"}
        with client.websocket_connect("/sketch/api/live", headers=headers) as socket:
            assert socket.receive_json()["type"] == "hello"
        assert client.get("/sketch/api/health", headers={"host": "other.fritz.box"}).status_code == 403
        assert client.get("/sketch/api/health", headers={"origin": "https://other.fritz.box"}).status_code == 403


def test_the_own_page_is_let_in(client: TestClient) -> None:
    with client.websocket_connect(LIVE, headers={"origin": "http://localhost:8000"}) as socket:
        assert socket.receive_json()["type"] == "hello"


def test_a_websocket_to_any_other_path_is_refused_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(make_gallery(tmp_path, count=2)) as address:
        for path in ("/", "/api/nothing", "/api/live/more", "/api/search", "/app.js"):
            with pytest.raises(InvalidStatus) as refusal:
                connect(address.replace("http", "ws") + path)
            assert refusal.value.response.status_code == 403
    assert capsys.readouterr().err == ""


def test_a_gallery_in_use_is_refused(client: TestClient, gallery: Path) -> None:
    from sketchseek.errors import InputError

    with pytest.raises(InputError, match="in use"):
        Searcher(Gallery.open(gallery))
