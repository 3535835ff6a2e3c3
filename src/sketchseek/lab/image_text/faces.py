"""Detect faces in a photo."""

from __future__ import annotations

from pathlib import Path
from threading import local
from typing import Any, NamedTuple, Protocol

import numpy as np
from PIL import Image

SEARCH_SIDE = 640  # pixels; images are reduced to this longer side for detection
SMALLEST_FACE = 0.06  # of the longer side; smaller faces are not detected


class Box(NamedTuple):
    """A face's bounding box in pixels of the image, from forehead to chin."""

    left: float
    top: float
    right: float
    bottom: float


class Detector(Protocol):
    """The interface of a face detector. It is called from several threads at once."""

    def __call__(self, image: Image.Image) -> list[Box]:
        """The faces in an RGB image."""
        ...


class HaarDetector:
    """Detects frontal faces with the Viola-Jones cascade (CVPR 2001) contained in the opencv package."""

    def __init__(self) -> None:
        self._own = local()  # one cascade per thread: it is not thread-safe
        self._load()

    def __call__(self, image: Image.Image) -> list[Box]:
        scale = min(1.0, SEARCH_SIDE / max(image.size))
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        gray = np.asarray(image.convert("L").resize(size, Image.Resampling.BILINEAR))
        smallest = round(SMALLEST_FACE * max(size))
        found = self._load().detectMultiScale(gray, scaleFactor=1.1, minNeighbors=5, minSize=(smallest, smallest))
        return [Box(x / scale, y / scale, (x + w) / scale, (y + h) / scale) for x, y, w, h in np.array(found).tolist()]

    def _load(self) -> Any:
        if not hasattr(self._own, "cascade"):
            import cv2

            path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
            self._own.cascade = cv2.CascadeClassifier(str(path))
        return self._own.cascade
