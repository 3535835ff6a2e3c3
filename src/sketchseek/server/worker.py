"""Searches in a thread of their own, one at a time, so that the event loop is never blocked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sketchseek.search.live_search import Answer, LiveSearch
from sketchseek.search.searcher import Hit, Searcher
from sketchseek.search.session import Job

Found = TypeVar("Found")


class SearchWorker:
    """Searches for all pages. One thread suffices: a single search already uses every core."""

    def __init__(self, searcher: Searcher) -> None:
        self.searcher = searcher
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")
        # Pages wait for this lock, not in the executor's queue, so that each takes its newest drawing at its turn.
        self._turn = asyncio.Lock()

    async def search(self, search: Callable[[Searcher], list[Hit]]) -> tuple[list[Hit], float]:
        """The hits that ``search`` finds, and the seconds it took, without the wait for its turn."""
        async with self._turn:
            return await self._run(lambda: search(self.searcher))

    async def run(self, work: Callable[[], Found]) -> Found:
        """What ``work`` returns, which searches in its own way."""
        async with self._turn:
            return (await self._run(work))[0]

    async def answer(self, begin: Callable[[], Job], page: LiveSearch) -> tuple[Job, Answer, float]:
        """The answer of ``page`` to the job that ``begin`` returns when it is its turn; seconds as for ``search``."""
        async with self._turn:
            job = begin()
            answer, seconds = await self._run(lambda: page.answer(job))
            return job, answer, seconds

    async def _run(self, work: Callable[[], Found]) -> tuple[Found, float]:
        def run() -> tuple[Found, float]:
            with self.searcher.gallery.steady:
                started = time.perf_counter()
                return work(), time.perf_counter() - started

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def close(self) -> None:
        self._thread.shutdown()
