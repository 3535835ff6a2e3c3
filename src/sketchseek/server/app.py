"""The app: the routes, the page, and errors in one line."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as AnyHTTPException

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery
from sketchseek.search.live_search import LiveSearch
from sketchseek.search.protocol import HealthAnswer
from sketchseek.search.running_server import announced
from sketchseek.search.searcher import Searcher
from sketchseek.search.session import Job
from sketchseek.server.following import Follower
from sketchseek.server.guard import Guard
from sketchseek.server.keeper import Keeper
from sketchseek.server.login import Login
from sketchseek.server.practice_drawings import PracticeDrawings
from sketchseek.server.reading import Reader
from sketchseek.server.routes.following import following_routes
from sketchseek.server.routes.live import live_routes
from sketchseek.server.routes.photos import photo_routes
from sketchseek.server.routes.practice import practice_routes
from sketchseek.server.routes.search import search_routes
from sketchseek.server.routes.tasks import task_routes
from sketchseek.server.worker import SearchWorker
from sketchseek.strokes.ink import ink
from sketchseek.strokes.sketch import Sketch
from sketchseek.version import VERSION

WEB = Path(__file__).parent / "web"
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


def create_app(
    gallery_dir: Path,
    host: str = "127.0.0.1",
    drawings_dir: Path | None = None,
    *,
    address: str | None = None,
    watch: bool = False,
    allow_hosts: Sequence[str] = (),
    root_path: str = "",
    login_token: str | None = None,
) -> FastAPI:
    """The app that serves one gallery.

    ``host`` is the name it listens on; requests for that name and for ``allow_hosts`` are let in beside those for
    addresses and local names. All paths may be given below ``root_path``, as behind a proxy.
    With ``drawings_dir`` the page offers practice, and drawings are kept there. Commands find the server at
    ``address``. With ``watch`` the gallery follows its folders. Where there is a ``login_token``, only who knows it is
    let in.

    Raises InputError where the gallery cannot be opened, or drawings cannot be kept.
    """
    gallery = Gallery.open(gallery_dir)
    try:
        drawings = None if drawings_dir is None else PracticeDrawings(drawings_dir, gallery)
    except InputError:
        gallery.close()
        raise
    searcher = Searcher(gallery)
    _warm_up(searcher)
    worker = SearchWorker(searcher)
    keeper = Keeper(gallery)
    reader = Reader()
    follower = Follower(gallery, keeper)
    token = secrets.token_urlsafe()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await follower.switch(watch)
        with nullcontext() if address is None else announced(gallery_dir, address, token):
            yield
        await follower.switch(False)
        reader.close()
        keeper.close()
        worker.close()
        gallery.close()

    # FastAPI's interactive documentation would load scripts from other hosts.
    app = FastAPI(
        title="Sketchseek",
        version=VERSION,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.searcher = searcher
    if login_token is not None:
        app.add_middleware(Login, token=login_token)
    app.add_middleware(Guard, host=host, allowed=allow_hosts, root=root_path)
    _answer_errors_in_one_line(app)

    proxied = bool(allow_hosts or root_path)  # then others may be behind a connection from this machine
    on_this_machine = host in LOOPBACK_HOSTS and not proxied

    def tells_paths(request: Request) -> bool:
        return on_this_machine or (not proxied and request.client is not None and request.client.host in LOOPBACK_HOSTS)

    live = live_routes(
        gallery_dir.name, gallery, worker, keeper, reader, practice=drawings is not None, switch=on_this_machine
    )
    app.include_router(live)
    app.include_router(search_routes(gallery, worker, reader))
    if on_this_machine:
        app.include_router(following_routes(follower))
    app.include_router(task_routes(gallery, worker, keeper, token))
    app.include_router(photo_routes(gallery, tells_paths))
    if drawings is not None:
        app.include_router(practice_routes(drawings))

    @app.get("/api/health", response_model=None)
    def health() -> HealthAnswer:
        state = keeper.state
        return {
            "status": "ok",
            "version": app.version,
            "photos": state.photos,
            "reading": state.reading,
            "following": state.following,
            "model": gallery.model.hash,
        }

    app.mount("/", GZipMiddleware(StaticFiles(directory=WEB, html=True)))
    return app


def _warm_up(searcher: Searcher) -> None:
    """Search once, which forces lazy loading, so that the first stroke is answered as fast as the next."""
    line = ink(Sketch.from_arrays([[[0.2, 0.2], [0.8, 0.8]]]))
    words = "words" if searcher.gallery.model.has_words else ""
    LiveSearch(searcher).answer(Job(line, seq=0, frame=0, pen_down=True, words=words))


def _answer_errors_in_one_line(app: FastAPI) -> None:
    """The body of every refusal is ``{"error": "one line"}``."""

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
