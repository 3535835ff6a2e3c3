"""Search by an uploaded drawing, by words, or by a photo of the gallery."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from sketchseek.gallery import Gallery
from sketchseek.model.preprocess import read_photo
from sketchseek.search.limits import LIMITS
from sketchseek.search.live_search import hit_entry
from sketchseek.search.protocol import SimilarAnswer
from sketchseek.search.searcher import Hit
from sketchseek.search.uploads import read_upload
from sketchseek.server.reading import Reader
from sketchseek.server.routes.photos import stored_photo
from sketchseek.server.worker import SearchWorker

Top: TypeAlias = Annotated[int, Form(ge=1, le=LIMITS.top)]
Text: TypeAlias = Annotated[str, Form(max_length=LIMITS.words)]
AsFramed: TypeAlias = Annotated[bool, Form()]
Weight: TypeAlias = Annotated[float, Form(ge=0, le=1)]  # of the text: 0 the drawing alone, 1 the words alone


def search_routes(gallery: Gallery, worker: SearchWorker, reader: Reader) -> APIRouter:
    """Routes that search a gallery."""
    router = APIRouter()

    @router.post("/api/search", response_class=JSONResponse)
    async def search(
        sketch: UploadFile | None = None,
        text: Text = "",
        weight: Weight = 0.5,
        top: Top = LIMITS.results,
        as_framed: AsFramed = False,
    ) -> Response:
        """The photos closest to an uploaded drawing (our JSON, SVG or an image), to words, or to both.

        The drawing may lie anywhere on its sheet, in any size, unless the sheet is the photo's frame (``as_framed``).
        ``strokes`` are those of the drawing, on the unit canvas; null for an image and for words alone. ``remark`` says
        which of the words the model does not know; one that knows none of them refuses.
        """
        drawing, strokes = None, "null"
        if sketch is not None:
            content = await sketch.read()
            drawing, strokes = await reader.read(len(content), read_upload, content, sketch.filename or "drawing")
        found = await worker.search(lambda searcher: searcher.search(drawing, top, text, weight, as_framed))
        # The strokes are JSON already: writing a large drawing here would keep all other pages waiting.
        answer = json.dumps(_found(*found, worker.searcher.remark(text)))
        return Response(f'{answer[:-1]}, "strokes": {strokes}}}', media_type="application/json")

    @router.post("/api/photos/{photo_id}/similar", response_model=None)
    async def similar(photo_id: str, text: Text = "", weight: Weight = 0.5, top: Top = LIMITS.results) -> SimilarAnswer:
        """The photos most like one of the gallery, itself included, fused with words where there are any."""
        pixels = await run_in_threadpool(lambda: read_photo(stored_photo(gallery, photo_id).path, gallery.model.size))
        found = await worker.search(lambda searcher: searcher.search_photo(pixels, top, text, weight))
        return _found(*found, worker.searcher.remark(text))

    @router.get("/api/names")
    def names() -> dict[str, list[str]]:
        """The names that the model knows, where it knows no other words; else none."""
        return {"names": list(gallery.model.names or [])}

    return router


def _found(hits: Sequence[Hit], seconds: float, remark: str) -> SimilarAnswer:
    return {"hits": [hit_entry(hit) for hit in hits], "milliseconds": round(seconds * 1000, 1), "remark": remark}
