"""Photos and thumbnails as responses that a browser can show and keep."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from fastapi import HTTPException, Request
from fastapi.responses import FileResponse, Response
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.formats import IMAGE_FORMATS
from sketchseek.gallery import Gallery, StoredPhoto
from sketchseek.model.preprocess import read_photo


def photo_response(path: Path, request: Request) -> Response:
    """The photo file, or a JPEG of it where browsers cannot show it. Raises 404 where it is gone or no photo any more.

    A browser may keep it but asks whether it has changed: after another gallery was served at the same address, an id
    means another photo.
    """
    try:
        stat = path.stat()
        headers = _headers(f"{path} {stat.st_mtime_ns} {stat.st_size}".encode())
        if _has(request, headers):
            return Response(status_code=304, headers=headers)
        with Image.open(path) as image:  # reads the head of the file only
            known = IMAGE_FORMATS.get(image.format or "")
        if known and known.media_type:
            return FileResponse(path, media_type=known.media_type, headers=headers)
        photo = read_photo(path)
    except (OSError, Image.DecompressionBombError, InputError):
        raise _gone(path) from None
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=90)
    return Response(buffer.getvalue(), media_type="image/jpeg", headers=headers)


def thumbnail_response(gallery: Gallery, photo: StoredPhoto, request: Request) -> Response:
    """The thumbnail of a photo. Raises 404 where there is none yet and the photo is gone or no photo any more."""
    try:
        jpeg = gallery.thumbnail(photo)
    except InputError:
        raise _gone(photo.path) from None
    headers = _headers(jpeg)
    if _has(request, headers):
        return Response(status_code=304, headers=headers)
    return Response(jpeg, media_type="image/jpeg", headers=headers)


def _headers(identity: bytes) -> dict[str, str]:
    tag = hashlib.sha256(identity).hexdigest()[:32]
    return {"Cache-Control": "private, no-cache", "ETag": f'"{tag}"'}


def _has(request: Request, headers: dict[str, str]) -> bool:
    return headers["ETag"] in request.headers.get("if-none-match", "")


def _gone(path: Path) -> HTTPException:
    return HTTPException(
        404, f"{path.name} has moved or is no photo any more; run 'sketchseek index' on its folder again"
    )
