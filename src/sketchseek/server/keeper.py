"""Changes to the served gallery: one at a time, in a thread of their own, and told to all pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import NamedTuple, TypeVar

from sketchseek.gallery import Gallery
from sketchseek.search.tasks import Progress

_SECONDS_BETWEEN = 2  # two tellings while photos are read; each may make all pages search again

Done = TypeVar("Done")


class Stopped(Exception):
    """Who asked for a change waits for it no longer, or the server ends. What was stored so far is kept."""


class GalleryState(NamedTuple):
    """The number of photos, of files that are being read, and whether the folders are followed."""

    photos: int
    reading: int
    following: bool


class Keeper:
    """Makes changes to a gallery while it is searched. Belongs to one event loop, and is used from there."""

    def __init__(self, gallery: Gallery) -> None:
        self.state = GalleryState(len(gallery), 0, following=False)
        self._gallery = gallery
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="keeper")
        self._told: set[asyncio.Event] = set()
        self._closing = Event()
        gallery.gives_way = True

    async def change(
        self,
        change: Callable[[Gallery, Progress], Done],
        progress: Progress | None = None,
        stopped: Event | None = None,
    ) -> Done:
        """What ``change(gallery, progress)`` returns, once those before it are done.

        ``progress`` is called in the thread of the change. Raises Stopped once ``stopped`` is set or the keeper closed.
        """
        loop = asyncio.get_running_loop()
        next_telling = time.monotonic()

        def go_on() -> None:
            if self._closing.is_set() or (stopped is not None and stopped.is_set()):
                raise Stopped

        def report(done: int, total: int) -> None:
            nonlocal next_telling
            go_on()
            if progress:
                progress(done, total)
            if time.monotonic() >= next_telling:
                next_telling = time.monotonic() + _SECONDS_BETWEEN
                loop.call_soon_threadsafe(self._tell, len(self._gallery), total - done)

        def run() -> Done:
            go_on()
            return change(self._gallery, report)

        try:
            return await loop.run_in_executor(self._thread, run)
        finally:
            self._tell(len(self._gallery), 0)

    @contextmanager
    def telling(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever the state or the photos have changed."""
        event = asyncio.Event()
        self._told.add(event)
        try:
            yield event
        finally:
            self._told.discard(event)

    def set_following(self, following: bool) -> None:
        """Tell the pages whether the folders are followed."""
        self.state = self.state._replace(following=following)
        self._wake()

    def _tell(self, photos: int, reading: int) -> None:
        self.state = self.state._replace(photos=photos, reading=reading)
        self._wake()

    def _wake(self) -> None:
        for event in self._told:
            event.set()

    def close(self) -> None:
        """End the change that is running, at its next step."""
        self._closing.set()
        self._thread.shutdown(cancel_futures=True)
