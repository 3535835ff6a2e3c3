"""Practice: photos to draw from memory, and the drawings that are kept."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from sketchseek.errors import InputError
from sketchseek.search.limits import LIMITS
from sketchseek.server.practice_drawings import PracticeDrawings
from sketchseek.strokes.sketch_json import decode_json


def practice_routes(drawings: PracticeDrawings) -> APIRouter:
    """Routes that offer photos of a gallery and keep drawings of them."""
    router = APIRouter()

    @router.get("/api/practice")
    def practice() -> dict[str, Any]:
        """A random photo, to be drawn from memory."""
        photo = drawings.random_photo()
        return {"id": photo.id, "name": photo.name, "width": photo.width, "height": photo.height}

    @router.post("/api/drawings")
    async def keep(request: Request) -> dict[str, str]:
        """Keep the drawing in the body, ``{"photo": id, "sketch": our JSON}``."""
        body = await request.body()
        if len(body) > LIMITS.message:
            raise InputError(f"the drawing: more than {LIMITS.message:,} bytes; simplify it")
        return {"saved": await run_in_threadpool(lambda: drawings.save(decode_json(body, "the drawing")))}

    return router
