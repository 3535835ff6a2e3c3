"""One search at a time, in a thread of its own, so that neither the event loop nor another page is held up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sketchseek.search.live import TOP, Job
from sketchseek.search.searcher import Drawing, Hit, Searcher


class SearchWorker:
    """Searches for all pages. One thread is enough: a single search already uses every core."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")
        # Pages wait here rather than in the executor's queue, so that each takes its newest drawing in its turn.
        self._turn = asyncio.Lock()

    async def search(self, drawing: Drawing, top: int) -> tuple[list[Hit], float]:
        """The hits, and the seconds they took once it was this search's turn."""
        async with self._turn:
            return await self._run(drawing, top)

    async def answer(self, begin: Callable[[], Job]) -> tuple[Job, list[Hit], float]:
        """As ``search``, for the job that ``begin`` names when it is its turn."""
        async with self._turn:
            job = begin()
            hits, seconds = await self._run(job.sketch, TOP) if job.sketch.strokes else ([], 0.0)
            return job, hits, seconds

    async def _run(self, drawing: Drawing, top: int) -> tuple[list[Hit], float]:
        started = time.perf_counter()
        hits = await asyncio.get_running_loop().run_in_executor(self._thread, self._searcher.search, drawing, top)
        return hits, time.perf_counter() - started

    def close(self) -> None:
        self._thread.shutdown()
