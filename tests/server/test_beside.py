"""Commands beside a running server, which does their work: its gallery is never refused, and pages see what changed."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_client import NAME, SKETCH, as_json
from local_model import make_local_model
from photos_on_disk import make_photo
from served_gallery import make_gallery, served
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from sketchseek.cli import main
from sketchseek.gallery import Gallery
from sketchseek.model import Model
from sketchseek.search.running_server import RunningServer

SECONDS = 60  # within which an answer comes, on a busy machine


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    return make_gallery(tmp_path)


@pytest.fixture
def address(gallery: Path) -> Iterator[str]:
    with served(gallery) as address:
        yield address


def run(capsys: pytest.CaptureFixture[str], *command: object) -> Any:
    assert main([*map(str, command), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def draw(page: ClientConnection) -> None:
    """Draw the sketch, and wait until its photo is the first one found."""
    page.send(json.dumps({"type": "sketch", "seq": 0, "strokes": [stroke.tolist() for stroke in SKETCH.strokes]}))
    wait_for_hits(page, lambda names: names[0] == f"{NAME}.tif")


def wait_for_hits(page: ClientConnection, are_right: Callable[[list[str]], bool]) -> None:
    """Until the names of the photos found are right; each telling of a change may bring an answer."""
    while True:
        frame = json.loads(page.recv(timeout=SECONDS))
        if frame["type"] == "results" and are_right([hit["name"] for hit in frame["hits"]]):
            return


def test_commands_work_beside_the_server(
    address: str, gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--gallery", gallery)
    with connect(address.replace("http", "ws") + "/api/live", proxy=None) as page:
        assert json.loads(page.recv(timeout=SECONDS))["photos"] == 12
        draw(page)
        (tmp_path / "photos" / f"{NAME}.tif").rename(tmp_path / "photos" / "renamed.tif")
        added = make_photo(tmp_path / "more" / "new.jpg", 50)
        done = run(capsys, "index", added.parent, *at)
        assert (done["added"], done["photos"]) == (1, 13)
        wait_for_hits(page, lambda names: "new.jpg" in names)  # nothing was drawn since
        done = run(capsys, "index", *at)
        assert (done["moved"], done["unchanged"]) == (1, 12)
        wait_for_hits(page, lambda names: names[0] == "renamed.tif")
        (tmp_path / "sketch.json").write_bytes(as_json(SKETCH, tmp_path))
        assert run(capsys, "search", tmp_path / "sketch.json", *at)[0]["name"] == "renamed.tif"
        assert run(capsys, "remove", added, *at)["removed"] == 1
        wait_for_hits(page, lambda names: "new.jpg" not in names)
        status = run(capsys, "status", *at)
        assert (status["served"], status["photos"], status["left_out"]) == (True, 12, [str(added)])
    assert main(["index", "absent", "--gallery", str(gallery)]) == 2
    assert "absent: no such file or folder" in capsys.readouterr().err


def test_a_served_gallery_gets_another_model(
    address: str, gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at, live = ("--gallery", gallery), address.replace("http", "ws") + "/api/live"
    other = Model.load(make_local_model(tmp_path / "other"))
    with connect(live, proxy=None) as page:
        old = json.loads(page.recv(timeout=SECONDS))["gallery"]["model"]
        assert old == httpx.get(f"{address}/api/health").json()["model"] != other.hash
        draw(page)
        assert run(capsys, "index", "--model", other.folder, "--dry-run", *at)["encoded"] == 12
        assert httpx.get(f"{address}/api/health").json()["model"] == old
        done = run(capsys, "index", "--model", other.folder, *at)
        assert (done["encoded"], done["unchanged"], done["photos"]) == (12, 12, 12)
        with pytest.raises(ConnectionClosed):
            wait_for_hits(page, lambda names: False)
        assert page.close_code == 1012
    with connect(live, proxy=None) as page:  # as the page does
        assert json.loads(page.recv(timeout=SECONDS))["gallery"]["model"] == other.hash
        draw(page)
    assert run(capsys, "status", *at)["model"] == other.hash
    assert run(capsys, "index", "--model", other.folder, *at)["encoded"] == 0


def test_only_the_owner_of_the_gallery_may_ask(address: str, gallery: Path) -> None:
    told = gallery / "server.json"
    assert stat.S_IMODE(told.stat().st_mode) == 0o600
    for token in (b"", b"Bearer guess", b"Bearer \xe9"):
        answer = httpx.post(f"{address}/api/tasks/status", json={}, headers={b"Authorization": token})
        assert answer.status_code == 403 and str(gallery) not in answer.text


def test_a_server_that_was_killed_is_not_waited_for(
    tmp_path: Path, gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(gallery) as address:
        kept = shutil.copy(gallery / "server.json", tmp_path)
        assert RunningServer.of(gallery) is not None and address in Path(kept).read_text()
    assert not (gallery / "server.json").exists()
    shutil.copy(kept, gallery)
    assert not run(capsys, "status", "--gallery", gallery)["served"]


def test_a_server_that_cannot_be_told_apart_is_not_asked(gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(gallery):
        said = json.loads((gallery / "server.json").read_text())
        (gallery / "server.json").write_text(json.dumps({**said, "version": "0.0"}))
        assert main(["status", "--gallery", str(gallery)]) == 2
        assert "restart the server" in capsys.readouterr().err


def test_what_was_indexed_beside_the_server_is_there_afterwards(
    gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(gallery):
        for seed in range(20, 40):
            make_photo(tmp_path / "more" / f"{seed}.jpg", seed, size=(64, 48))
        assert run(capsys, "index", tmp_path / "more", "--gallery", gallery)["added"] == 20
    with Gallery.open(gallery) as again:
        assert len(again) == 32
