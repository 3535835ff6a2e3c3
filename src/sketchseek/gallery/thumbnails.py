"""Small JPEGs of photos, each in a file of its own."""

from __future__ import annotations

import io

from PIL import Image

SIDE = 320  # pixels on the longer side of a thumbnail, unless the photo has fewer
_QUALITY = 80


def thumbnail_jpeg(photo: Image.Image) -> bytes:
    """The JPEG file of a photo's thumbnail. ``photo``: RGB, upright, of any size."""
    if max(photo.size) > SIDE:
        share = SIDE / max(photo.size)
        size = (max(1, round(photo.width * share)), max(1, round(photo.height * share)))
        photo = photo.resize(size, Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
