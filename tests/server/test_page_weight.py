"""The page is light."""

from __future__ import annotations

from fastapi.testclient import TestClient

from sketchseek.server.app import WEB

MOST = 150_000  # bytes over the wire
MOST_WHOLE = 200_000  # bytes of its files, as nothing compresses them for the reader of their source


def test_the_page_weighs_little(client: TestClient) -> None:
    files = [path for path in WEB.iterdir() if not path.name.endswith(".d.ts")]  # those only the type checker reads
    sent = 0
    for path in files:
        with client.stream("GET", f"/{path.name}", headers={"accept-encoding": "gzip"}) as response:
            assert response.status_code == 200
            sent += sum(map(len, response.iter_raw()))
    assert sent < MOST
    assert sent < sum(path.stat().st_size for path in files) < MOST_WHOLE
