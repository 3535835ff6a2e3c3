"""A gallery whose photos are pictures of known sketches, served over HTTP and WebSocket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from served_gallery import make_gallery

from sketchseek.server.app import create_app


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gallery(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def client(gallery: Path) -> Iterator[TestClient]:
    with TestClient(create_app(gallery), base_url="http://localhost:8000") as client:
        yield client
