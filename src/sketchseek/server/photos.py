"""Photos and thumbnails as responses that a browser can show and keep."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from fastapi import HTTPException, Request
from fastapi.responses import FileResponse, Response
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.model.preprocess import read_photo

# What browsers show as it is; anything else that a gallery may hold goes out as JPEG.
BROWSER_FORMATS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}


def photo_response(path: Path, request: Request) -> Response:
    """The photo file, or a JPEG of it where browsers cannot show it. Raises 404 where it is gone or no photo any more.

    A browser may keep it but asks whether it has changed: after another gallery was served at the same address, an id
    means another photo.
    """
    try:
        stat = path.stat()
        tag = hashlib.sha256(f"{path} {stat.st_mtime_ns} {stat.st_size}".encode()).hexdigest()[:32]
        headers = {"Cache-Control": "private, no-cache", "ETag": f'"{tag}"'}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        with Image.open(path) as image:  # reads the head of the file only
            media_type = BROWSER_FORMATS.get(image.format or "")
        if media_type:
            return FileResponse(path, media_type=media_type, headers=headers)
        photo = read_photo(path)
    except (OSError, Image.DecompressionBombError, InputError):
        gone = f"{path.name} has moved or is no photo any more; run 'sketchseek index' on its folder again"
        raise HTTPException(404, gone) from None
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=90)
    return Response(buffer.getvalue(), media_type="image/jpeg", headers=headers)
