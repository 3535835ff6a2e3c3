"""A small model, a gallery of it and a folder of photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from photos_on_disk import make_photo
from tiny_model import make_tiny_model

from sketchseek.gallery import Gallery
from sketchseek.model import Model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model.load(make_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def gallery(tmp_path: Path, model: Model) -> Iterator[Gallery]:
    with Gallery.create(tmp_path / "gallery", model) as opened:
        yield opened


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for index, name in enumerate(["a.jpg", "b.png", "deep/er/c.webp", "deep/d.JPEG", "e.gif"]):
        make_photo(folder / name, index)
    return folder
