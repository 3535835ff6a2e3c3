"""Finding faces in a photo."""

from __future__ import annotations

from pathlib import Path
from threading import local
from typing import Any, NamedTuple, Protocol

import numpy as np
from PIL import Image

SEARCHED = 640  # pixels of the longer side in which faces are looked for
SMALLEST = 0.06  # of the longer side; smaller faces are not looked for


class Box(NamedTuple):
    """A face in pixels of the image, from forehead to chin."""

    left: float
    top: float
    right: float
    bottom: float


class Detector(Protocol):
    """What a detector of one's own must do; it is called from several threads at once."""

    def __call__(self, image: Image.Image) -> list[Box]:
        """The faces in an RGB image."""
        ...


class HaarDetector:
    """The cascade of Viola and Jones (CVPR 2001) that comes inside the opencv package: frontal faces, no download."""

    def __init__(self) -> None:
        self._own = local()  # a cascade may not be used by two threads at once
        self._load()

    def __call__(self, image: Image.Image) -> list[Box]:
        scale = min(1.0, SEARCHED / max(image.size))
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        gray = np.asarray(image.convert("L").resize(size, Image.Resampling.BILINEAR))
        smallest = round(SMALLEST * max(size))
        found = self._load().detectMultiScale(gray, scaleFactor=1.1, minNeighbors=5, minSize=(smallest, smallest))
        return [Box(x / scale, y / scale, (x + w) / scale, (y + h) / scale) for x, y, w, h in np.array(found).tolist()]

    def _load(self) -> Any:
        if not hasattr(self._own, "cascade"):
            import cv2

            path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
            self._own.cascade = cv2.CascadeClassifier(str(path))
        return self._own.cascade
