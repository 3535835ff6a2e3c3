"""The WebSocket of the live session: one task reads what is drawn, another searches, and both share a LiveSession."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import asdict

import anyio
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery
from sketchseek.search.limits import LIMITS
from sketchseek.search.live_search import LiveSearch, results_frame
from sketchseek.search.protocol import ErrorFrame, GalleryFrame, HelloFrame, error_frame
from sketchseek.search.session import LiveSession, prepare_frame
from sketchseek.server.keeper import Keeper
from sketchseek.server.reading import LARGE, Reader
from sketchseek.server.worker import SearchWorker

# The page never sends a frame that is refused; a client with this many in one session is cut off.
MAX_REFUSALS = 20
MAX_SESSIONS = 500
CHARACTERS_A_SECOND = 1_000_000
LEAST_COUNTED = 2_500  # characters that the smallest frame counts as
POLICY_VIOLATION, RESTART, TRY_AGAIN_LATER = 1008, 1012, 1013  # WebSocket close codes


def live_routes(
    name: str,
    gallery: Gallery,
    worker: SearchWorker,
    keeper: Keeper,
    reader: Reader,
    *,
    practice: bool,
    switch: bool,
) -> APIRouter:
    """The route of the live session. ``name`` is the gallery's; ``practice``: whether the page may name a target;
    ``switch``: whether it may switch the following of folders.
    """
    router = APIRouter()
    sessions = 0

    @router.websocket("/api/live")
    async def live(websocket: WebSocket) -> None:
        nonlocal sessions
        await websocket.accept()
        if sessions >= MAX_SESSIONS:
            await websocket.close(TRY_AGAIN_LATER, "too many pages are open")
            return
        hello: HelloFrame = {
            "type": "hello",
            "gallery": {"name": name, "model": gallery.model.hash},
            "photos": keeper.state.photos,
            "following": keeper.state.following if switch else None,
            "regions": worker.searcher.has_regions,
            "practice": practice,
            "words": gallery.model.has_words,
            "limits": asdict(LIMITS),
        }
        sessions += 1
        try:
            await websocket.send_json(hello)
            await _serve(websocket, LiveSession(practice, gallery.model.has_words), worker, keeper, reader)
        except* WebSocketDisconnect:  # the page left while it was being answered
            pass
        finally:
            sessions -= 1

    return router


async def _serve(
    websocket: WebSocket, session: LiveSession, worker: SearchWorker, keeper: Keeper, reader: Reader
) -> None:
    """Serve one page until it leaves, or the gallery gets another model: it connects again then."""
    changed = asyncio.Event()
    close: tuple[int, str] | None = RESTART, "the gallery has another model now"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_answer, websocket, session, changed, worker)
        tasks.start_soon(_tell_of_photos, websocket, session, changed, worker, keeper, tasks.cancel_scope)
        still_there = await _read(websocket, session, changed, reader)
        close = (POLICY_VIOLATION, "too many frames that were refused") if still_there else None
        tasks.cancel_scope.cancel()
    if close is not None:
        await websocket.close(*close)


async def _read(websocket: WebSocket, session: LiveSession, changed: asyncio.Event, reader: Reader) -> bool:
    """Pass the page's frames to the session until the page leaves (False) or was refused too often (True)."""
    refusals = 0
    pace = Pace()
    while refusals < MAX_REFUSALS:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return False
        text = message.get("text")
        await asyncio.sleep(pace.wait(len(text or ""), time.monotonic()))  # meanwhile the client's own frames wait
        refusal = await _apply(text, session, reader)
        if refusal is None:
            changed.set()
        else:
            refusals += 1
            await websocket.send_json(refusal)
    return True


async def _apply(text: str | None, session: LiveSession, reader: Reader) -> ErrorFrame | None:
    """Apply a frame to the session; returned is the refusal, if any."""
    if text is None:
        return error_frame("frame: must be text, not binary")
    if len(text) < LARGE:
        return session.receive(text)
    try:
        return session.apply(await reader.read(len(text), prepare_frame, text))
    except InputError as error:
        return error_frame(str(error))


class Pace:
    """How fast one page may send: a megabyte or 400 frames a second, after what the largest drawing takes."""

    def __init__(self) -> None:
        self._left: float = LIMITS.message
        self._counted = -math.inf

    def wait(self, characters: int, now: float) -> float:
        """Seconds to wait before a frame of so many characters, which was received now, is read."""
        grown = 0.0 if math.isinf(self._counted) else CHARACTERS_A_SECOND * (now - self._counted)
        self._left = min(LIMITS.message, self._left + grown) - max(characters, LEAST_COUNTED)
        self._counted = now
        return max(0.0, -self._left / CHARACTERS_A_SECOND)


async def _answer(websocket: WebSocket, session: LiveSession, changed: asyncio.Event, worker: SearchWorker) -> None:
    """Search whenever the session says that a search is due, and send the results."""
    page = LiveSearch(worker.searcher)
    while True:
        changed.clear()
        due = session.due_in(time.monotonic())
        if due != 0:
            with anyio.move_on_after(due):
                await changed.wait()
            continue
        try:
            job, answer, seconds = await worker.answer(lambda: session.begin(time.monotonic()), page)
        except InputError as error:
            session.ended(time.monotonic())
            await websocket.send_json(error_frame(str(error)))
        else:
            session.ended(time.monotonic())
            await websocket.send_json(results_frame(job, answer, seconds))


async def _tell_of_photos(
    websocket: WebSocket,
    session: LiveSession,
    changed: asyncio.Event,
    worker: SearchWorker,
    keeper: Keeper,
    serving: anyio.CancelScope,
) -> None:
    """Tell the page how many photos there are and are being read, and search again where they have changed; end
    ``serving`` where the model has.
    """
    gallery = worker.searcher.gallery
    model = gallery.model
    told, changes = keeper.state._replace(reading=0), gallery.changes
    with keeper.telling() as news:
        while gallery.model is model:
            if keeper.state != told:
                told = keeper.state
                frame: GalleryFrame = {
                    "type": "gallery",
                    "photos": told.photos,
                    "reading": told.reading,
                    "following": told.following,
                }
                await websocket.send_json(frame)
            if gallery.changes != changes:
                changes = gallery.changes
                session.refresh()
                changed.set()
            await news.wait()
            news.clear()
    serving.cancel()
