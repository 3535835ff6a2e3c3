"""Photos, thumbnails and paths by a photo's id."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery, StoredPhoto
from sketchseek.images import shown_by_browsers
from sketchseek.model.preprocess import decode_photo
from sketchseek.server.showing import show_in_folder

CONVERTED_SIDE = 1024  # pixels on the longer side that a photo is decoded to at least, where browsers need a copy of it


def photo_routes(gallery: Gallery, tells_paths: Callable[[Request], bool]) -> APIRouter:
    """Routes for the photos of a gallery. ``tells_paths``: whether who asks may know where a photo lies on the disk."""
    router = APIRouter()

    @router.get("/api/photos/{photo_id}", response_class=Response)
    def photo(photo_id: str, request: Request) -> Response:
        """The photo, in a format that browsers show."""
        return _photo_response(stored_photo(gallery, photo_id).path, request)

    @router.get("/api/photos/{photo_id}/thumbnail", response_class=Response)
    def thumbnail(photo_id: str, request: Request) -> Response:
        """A small JPEG of the photo."""
        return _thumbnail_response(gallery, stored_photo(gallery, photo_id), request)

    @router.get("/api/photos/{photo_id}/file", response_class=Response)
    def file(photo_id: str) -> Response:
        """The photo's file as it is, to be downloaded under its own name."""
        photo = stored_photo(gallery, photo_id)
        if not photo.path.is_file():
            raise _missing(photo.path)
        return FileResponse(photo.path, media_type="application/octet-stream", filename=photo.path.name)

    def told(photo_id: str, request: Request) -> StoredPhoto:
        if not tells_paths(request):
            raise HTTPException(404, "paths are told on the machine of the server alone")
        return stored_photo(gallery, photo_id)

    @router.post("/api/photos/{photo_id}/show")
    def show(photo_id: str, request: Request) -> dict[str, str]:
        """Show the photo in its folder, on this machine's desktop. 404 for browsers on other machines."""
        path = told(photo_id, request).path
        if not path.is_file():
            raise _missing(path)
        show_in_folder(path)
        return {"shown": str(path)}

    @router.get("/api/photos/{photo_id}/path")
    def path(photo_id: str, request: Request) -> dict[str, Any]:
        """Where the photo and its copies lie on the disk. 404 for browsers on other machines."""
        photo = told(photo_id, request)
        return {"path": str(photo.path), "copies": list(map(str, photo.copies)), "offline": photo.offline}

    return router


def stored_photo(gallery: Gallery, photo_id: str) -> StoredPhoto:
    """The photo of an id. Raises 404 where the gallery has none."""
    found = gallery.photo(photo_id)
    if found is None:
        raise HTTPException(404, "the gallery has no such photo")
    return found


def _photo_response(path: Path, request: Request) -> Response:
    """The photo file, or a JPEG of it where browsers cannot show it. Raises 404 where it is missing or cannot be read.

    Browsers may cache it, but revalidate it each time: another gallery served at the same address has other photos for
    the same ids.
    """
    try:
        stat = path.stat()
        headers = _headers(f"{path} {stat.st_mtime_ns} {stat.st_size}".encode())
        if _is_cached(request, headers):
            return Response(status_code=304, headers=headers)
        if media_type := shown_by_browsers(path):
            return FileResponse(path, media_type=media_type, headers=headers)
        photo = decode_photo(path, CONVERTED_SIDE).image
    except (OSError, InputError):
        raise _missing(path) from None
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=90)
    return Response(buffer.getvalue(), media_type="image/jpeg", headers=headers)


def _thumbnail_response(gallery: Gallery, photo: StoredPhoto, request: Request) -> Response:
    """The thumbnail of a photo. Raises 404 where it is not made yet and the photo is missing or cannot be read."""
    try:
        jpeg = gallery.thumbnail(photo)
    except InputError:
        raise _missing(photo.path) from None
    headers = _headers(jpeg)
    if _is_cached(request, headers):
        return Response(status_code=304, headers=headers)
    return Response(jpeg, media_type="image/jpeg", headers=headers)


def _headers(identity: bytes) -> dict[str, str]:
    tag = hashlib.sha256(identity).hexdigest()[:32]
    return {"Cache-Control": "private, no-cache", "ETag": f'"{tag}"'}


def _is_cached(request: Request, headers: dict[str, str]) -> bool:
    return headers["ETag"] in request.headers.get("if-none-match", "")


def _missing(path: Path) -> HTTPException:
    return HTTPException(
        404, f"{path.name} has moved or is no photo any more; run 'sketchseek index' on its folder again"
    )
