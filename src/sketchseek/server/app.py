"""The app: search by an uploaded sketch, photos and thumbnails by id, health, the live session and the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from fastapi import FastAPI, Form, HTTPException, Request, Response, UploadFile, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as AnyHTTPException

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery, StoredPhoto
from sketchseek.model.preprocess import read_photo
from sketchseek.search.limits import LIMITS
from sketchseek.search.live_search import LiveSearch, hit_entry
from sketchseek.search.protocol import HelloFrame
from sketchseek.search.searcher import Drawing, Hit, Searcher
from sketchseek.search.session import Job
from sketchseek.server.drawings import PracticeDrawings
from sketchseek.server.guard import Guard
from sketchseek.server.live import live_session
from sketchseek.server.photos import photo_response, thumbnail_response
from sketchseek.server.worker import SearchWorker
from sketchseek.strokes.ink import ink
from sketchseek.strokes.load import load_drawing
from sketchseek.strokes.sketch import Sketch
from sketchseek.strokes.sketch_json import decode_json
from sketchseek.version import VERSION

WEB = Path(__file__).parent / "web"
HERE = ("127.0.0.1", "::1", "localhost")  # where a server is for this machine alone
MOST = 200  # hits that one search may ask for

Top: TypeAlias = Annotated[int, Form(ge=1, le=MOST)]
Text: TypeAlias = Annotated[str, Form(max_length=LIMITS.words)]
Weight: TypeAlias = Annotated[float, Form(ge=0, le=1)]  # of the text: 0 the drawing alone, 1 the words alone

# A first search loads what is loaded on first use, so that the first stroke is answered as fast as the next.
WARM_UP = ink(Sketch.from_arrays([[[0.2, 0.2], [0.8, 0.8]]]))


def create_app(gallery_dir: Path, host: str = "127.0.0.1", drawings_dir: Path | None = None) -> FastAPI:
    """The app on one gallery. ``host`` is the name it is told to listen on, let in beside addresses and local names.
    With ``drawings_dir`` the page offers to practise, and keeps drawings there.

    Raises InputError where the gallery cannot be opened, or drawings cannot be kept.
    """
    gallery = Gallery.open(gallery_dir)
    try:
        drawings = None if drawings_dir is None else PracticeDrawings(drawings_dir, gallery)
    except InputError:
        gallery.close()
        raise
    searcher = Searcher(gallery)
    words = "words" if gallery.model.has_words else ""
    LiveSearch(searcher).answer(Job(WARM_UP, seq=0, frame=0, pen_down=True, words=words))
    worker = SearchWorker(searcher)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        worker.close()
        gallery.close()

    # The interactive documentation of FastAPI would load scripts from elsewhere.
    app = FastAPI(
        title="Sketchseek",
        version=VERSION,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.searcher = searcher
    app.add_middleware(Guard, host=host)
    _say_errors_in_one_line(app)

    @app.websocket("/api/live")
    async def live(websocket: WebSocket) -> None:
        hello: HelloFrame = {
            "type": "hello",
            "gallery": {"name": gallery_dir.name, "model": gallery.model.hash},
            "photos": len(gallery),
            "regions": searcher.has_regions,
            "practice": drawings is not None,
            "words": gallery.model.has_words,
            "limits": asdict(LIMITS),
        }
        await live_session(websocket, worker, hello)

    @app.post("/api/search")
    async def search(
        sketch: UploadFile | None = None, text: Text = "", weight: Weight = 0.5, top: Top = LIMITS.results
    ) -> dict[str, Any]:
        """The photos closest to an uploaded sketch (our JSON, SVG or a picture), to words, or to both.

        ``strokes`` are those that were read, on the unit canvas; null for a picture and for words alone.
        """
        drawing = None
        if sketch is not None:
            drawing = await run_in_threadpool(_parse, await sketch.read(), sketch.filename or "drawing")
        hits, seconds = await worker.search(lambda searcher: searcher.search(drawing, top, text, weight))
        strokes = [stroke.tolist() for stroke in drawing.strokes] if isinstance(drawing, Sketch) else None
        return {**_hits_json(hits, seconds), "strokes": strokes}

    def stored(photo_id: str) -> StoredPhoto:
        found = gallery.photo(photo_id)
        if found is None:
            raise HTTPException(404, "the gallery has no such photo")
        return found

    @app.get("/api/photos/{photo_id}", response_class=Response)
    def photo(photo_id: str, request: Request) -> Response:
        return photo_response(stored(photo_id).path, request)

    @app.get("/api/photos/{photo_id}/thumbnail", response_class=Response)
    def thumbnail(photo_id: str, request: Request) -> Response:
        return thumbnail_response(gallery, stored(photo_id), request)

    @app.post("/api/photos/{photo_id}/similar")
    async def similar(
        photo_id: str, text: Text = "", weight: Weight = 0.5, top: Top = LIMITS.results
    ) -> dict[str, Any]:
        """The photos most like one of the gallery, itself among them, and words where there are any."""
        pixels = await run_in_threadpool(lambda: read_photo(stored(photo_id).path, gallery.model.size))
        return _hits_json(*await worker.search(lambda searcher: searcher.search_photo(pixels, top, text, weight)))

    @app.get("/api/photos/{photo_id}/place")
    def place(photo_id: str) -> dict[str, str]:
        """Where the photo lies: told where only this machine is served."""
        if host not in HERE:
            raise HTTPException(404, "this server is open to other machines, and tells no paths")
        return {"path": str(stored(photo_id).path)}

    if drawings is not None:

        @app.get("/api/practice")
        def practice() -> dict[str, Any]:
            """A photo to draw from memory."""
            photo = drawings.random_photo()
            return {"id": photo.id, "name": photo.name, "width": photo.width, "height": photo.height}

        @app.post("/api/drawings")
        async def keep(request: Request) -> dict[str, str]:
            """Keep ``{"photo": id, "sketch": our JSON}``."""
            body = await request.body()
            return {"saved": await run_in_threadpool(lambda: drawings.save(decode_json(body, "the drawing")))}

    @app.get("/api/health")
    def health() -> dict[str, Any]:
        return {"status": "ok", "version": app.version, "photos": len(gallery), "model": gallery.model.hash}

    app.mount("/", StaticFiles(directory=WEB, html=True))
    return app


def _hits_json(hits: Sequence[Hit], seconds: float) -> dict[str, Any]:
    return {"hits": [hit_entry(hit) for hit in hits], "milliseconds": round(seconds * 1000, 1)}


def _parse(data: bytes, name: str) -> Drawing:
    drawing = load_drawing(data, name)
    if isinstance(drawing, Sketch):
        LIMITS.check_sketch(drawing)
    return drawing


def _say_errors_in_one_line(app: FastAPI) -> None:
    """Every refusal is ``{"error": "one line"}``."""

    @app.exception_handler(InputError)
    async def bad_input(_: Request, error: InputError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 422)

    @app.exception_handler(RequestValidationError)
    async def bad_request(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return JSONResponse({"error": f"{first['loc'][-1]}: {first['msg']}"}, 422)

    @app.exception_handler(AnyHTTPException)
    async def refused(_: Request, error: AnyHTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
