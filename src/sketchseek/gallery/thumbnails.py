"""Thumbnails of photos."""

from __future__ import annotations

import io

from PIL import Image

SIDE = 320  # pixels on the longer side of a thumbnail, unless the photo has fewer
_QUALITY = 80


def thumbnail_jpeg(photo: Image.Image) -> bytes:
    """The thumbnail of a photo as the bytes of a JPEG file. ``photo`` is RGB and upright, of any size."""
    if max(photo.size) > SIDE:
        share = SIDE / max(photo.size)
        size = (max(1, round(photo.width * share)), max(1, round(photo.height * share)))
        photo = photo.resize(size, Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
