"""What commands ask of the gallery while it is served: with a token that only its owner can read."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from threading import Event
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery
from sketchseek.search.tasks import TASKS
from sketchseek.server.keeper import Keeper, Stopped
from sketchseek.server.worker import SearchWorker

_CHANGES = ("index", "remove")


def task_routes(gallery: Gallery, worker: SearchWorker, keeper: Keeper, token: str) -> APIRouter:
    """The route by which commands have the server do their work."""
    router = APIRouter(include_in_schema=False)

    @router.post("/api/tasks/{task}")
    async def run(task: str, request: Request) -> StreamingResponse:
        """Run a task of ``search.tasks``; answers lines of JSON: ``progress`` any number of times, then ``answer`` or
        ``error``.
        """
        said = request.headers.get("authorization", "")
        if not hmac.compare_digest(said.encode(), f"Bearer {token}".encode()):
            raise HTTPException(403, "only the owner of the gallery may ask for this")
        if task not in TASKS:
            raise HTTPException(404, f"there is no task {task!r}")
        return StreamingResponse(answer(task, await request.json()), media_type="application/x-ndjson")

    async def answer(task: str, request: dict[str, Any]) -> AsyncIterator[str]:
        lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        loop, stopped = asyncio.get_running_loop(), Event()

        def progress(done: int, total: int) -> None:
            loop.call_soon_threadsafe(lines.put_nowait, {"progress": [done, total]})

        async def work() -> dict[str, Any]:
            try:
                if task in _CHANGES:
                    done = await keeper.change(lambda g, report: TASKS[task](g, report, **request), progress, stopped)
                elif task == "search":
                    done = await worker.run(lambda: TASKS[task](gallery, None, **request))
                else:
                    done = await run_in_threadpool(lambda: TASKS[task](gallery, None, **request))
                    done |= {"reading": keeper.state.reading, "served": True}
                return {"answer": done}
            except (InputError, OSError) as error:
                return {"error": " ".join(str(error).split())}
            except Stopped:
                return {"error": "the server was ended; what it had done so far is kept"}

        working = asyncio.create_task(work())
        working.add_done_callback(lambda _: lines.put_nowait(None))
        try:
            while (line := await lines.get()) is not None:
                yield json.dumps(line) + "\n"
            yield json.dumps(working.result()) + "\n"
        finally:
            stopped.set()

    return router
