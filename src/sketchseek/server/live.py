"""The WebSocket of the live session: one task reads what is drawn, one answers, and both share a ``LiveSession``."""

from __future__ import annotations

import asyncio
import time

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from sketchseek.errors import InputError
from sketchseek.search.live_search import LiveSearch, results_frame
from sketchseek.search.protocol import HelloFrame, error_frame
from sketchseek.search.session import LiveSession
from sketchseek.server.worker import SearchWorker

# The page never sends a frame that is refused; whoever sends this many in one session is not the page.
MAX_REFUSALS = 20
ABUSE = 1008  # WebSocket close code: policy violation


async def live_session(websocket: WebSocket, worker: SearchWorker, hello: HelloFrame) -> None:
    """Serve one page until it leaves."""
    await websocket.accept()
    session, changed = LiveSession(hello["practice"], hello["words"]), asyncio.Event()
    try:
        await websocket.send_json(hello)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_answer, websocket, session, changed, worker)
            still_there = await _read(websocket, session, changed)
            tasks.cancel_scope.cancel()
        if still_there:
            await websocket.close(ABUSE, "too many frames that were refused")
    except* WebSocketDisconnect:  # the page left while it was being answered
        pass


async def _read(websocket: WebSocket, session: LiveSession, changed: asyncio.Event) -> bool:
    """Feed the session until the page leaves (False) or has been refused too often (True)."""
    refusals = 0
    while refusals < MAX_REFUSALS:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return False
        text = message.get("text")
        refusal = error_frame("frame: must be text, not binary") if text is None else session.receive(text)
        if refusal is None:
            changed.set()
        else:
            refusals += 1
            await websocket.send_json(refusal)
    return True


async def _answer(websocket: WebSocket, session: LiveSession, changed: asyncio.Event, worker: SearchWorker) -> None:
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
            await websocket.send_json(error_frame(str(error)))
        else:
            await websocket.send_json(results_frame(job, answer, seconds))
