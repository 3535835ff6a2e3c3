"""Photos and thumbnails as responses a browser can show and keep."""

from __future__ import annotations

import io
from pathlib import Path

from fastapi import HTTPException
from fastapi.responses import FileResponse, Response
from PIL import Image, UnidentifiedImageError

from sketchseek.errors import InputError
from sketchseek.model.preprocess import read_photo

# What browsers show as it is; a TIFF, or anything else that a gallery may hold, goes out as JPEG.
BROWSER_FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif", "BMP": "image/bmp"}

# The page asks for photos under the version of the running server, so that a stored one is never that of another gallery.
KEEP = {"Cache-Control": "private, max-age=86400"}


def photo_response(path: Path) -> Response:
    """The photo as it lies on the disk, or converted where browsers cannot show it; 404 where the file has gone."""
    try:
        with Image.open(path) as image:
            media_type = BROWSER_FORMATS.get(image.format or "")
    except (OSError, UnidentifiedImageError):
        raise HTTPException(404, f"{path.name} has moved or is no longer a photo; run 'sketchseek index' again") from None
    if media_type:
        return FileResponse(path, media_type=media_type, headers=KEEP)
    try:
        photo = read_photo(path)
    except InputError as error:
        raise HTTPException(404, str(error)) from None
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=90)
    return Response(buffer.getvalue(), media_type="image/jpeg", headers=KEEP)
