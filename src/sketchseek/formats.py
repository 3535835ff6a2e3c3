"""The file formats that Sketchseek reads and writes: image formats, and names and versions of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class ImageFormat(NamedTuple):
    """``media_type`` is None where browsers do not show the format."""

    suffixes: tuple[str, ...]
    media_type: str | None


# Of photos and of drawings that are images, by Pillow's names. Pillow reads more formats, but for some of them it
# starts other programs, and others hold vectors.
IMAGE_FORMATS: Mapping[str, ImageFormat] = {
    "JPEG": ImageFormat((".jpg", ".jpeg", ".jpe", ".jfif"), "image/jpeg"),
    "MPO": ImageFormat((".mpo",), "image/jpeg"),  # several JPEGs in one file, of which the first counts
    "PNG": ImageFormat((".png",), "image/png"),
    "WEBP": ImageFormat((".webp",), "image/webp"),
    "BMP": ImageFormat((".bmp",), "image/bmp"),
    "GIF": ImageFormat((".gif",), "image/gif"),
    "TIFF": ImageFormat((".tif", ".tiff"), None),
    "AVIF": ImageFormat((".avif",), "image/avif"),
    "HEIF": ImageFormat((".heic", ".heif", ".hif"), None),
}
IMAGE_SUFFIXES = frozenset(suffix for image in IMAGE_FORMATS.values() for suffix in image.suffixes)
IMAGE_NAMES = "JPEG, PNG, WebP, HEIC, AVIF, BMP, GIF or TIFF"  # as messages say it

# A drawing as strokes: our own JSON, or SVG.
STROKE_SUFFIXES = frozenset({".json", ".svg"})
SKETCH_FORMAT, SKETCH_VERSION = "sketchseek-sketch", 1

# The photos that the drawings in a folder of practice drawings (`serve --drawings`) were chosen from.
PRACTICE_FORMAT, PRACTICE_VERSION = "sketchseek-drawings-gallery", 1

GALLERY_FORMAT = "sketchseek-gallery-3"
SOURCES_FORMAT = "sketchseek-sources-1"
CLUSTER_FORMAT = "sketchseek-cluster-1"
SEARCH_FORMAT = "sketchseek-search-1"  # how a large gallery is searched, as it was measured
MODEL_FORMAT = "sketchseek-model-1"
