"""Reads what clients send: large frames and uploads in processes of their own, so that nobody else waits for them."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from sketchseek.errors import InputError

LARGE = 32 * 1024  # bytes or characters; less is read faster than it is sent to another process
AT_ONCE = min(4, os.cpu_count() or 1)  # readings; each may take 300 MB
KEPT_SECONDS = 60.0  # that idle processes are kept, with the memory they hold

Read = TypeVar("Read")


class Reader:
    """Runs functions that read what a client sent, a few at a time: of what is large, at low priority elsewhere."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._processes: ProcessPoolExecutor | None = None
        self._running = 0
        self._idle: asyncio.TimerHandle | None = None

    async def read(self, size: int, function: Callable[..., Read], *arguments: object) -> Read:
        """The result of a function of a module, called with what may be pickled; ``size`` is that of what it reads.

        Raises what the function raises, and InputError where the machine lacks the memory for it.
        """
        async with self._turns:
            if size < LARGE:
                return await run_in_threadpool(function, *arguments)
            loop = asyncio.get_running_loop()
            if self._idle is not None:
                self._idle.cancel()
            self._running += 1
            try:
                return await loop.run_in_executor(self._pool(), function, *arguments)
            except BrokenProcessPool:
                self.close()
                raise InputError("there is not enough memory to read this now; simplify it, or try again") from None
            finally:
                self._running -= 1
                if not self._running:
                    self._idle = loop.call_later(KEPT_SECONDS, self.close)

    def close(self) -> None:
        """End the processes. The next large reading starts them anew."""
        if self._processes is not None:
            self._processes.shutdown(wait=False, cancel_futures=True)
            self._processes = None

    def _pool(self) -> ProcessPoolExecutor:
        if self._processes is None:
            anew = multiprocessing.get_context("spawn")  # a fork would copy the locks of other threads
            self._processes = ProcessPoolExecutor(AT_ONCE, anew, initializer=_stand_back)
        return self._processes


def _stand_back() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all processes of a terminal; the server ends this one
    if hasattr(os, "nice"):
        os.nice(10)
