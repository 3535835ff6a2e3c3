"""Follow the folders of a gallery: what is copied there is found within seconds, and what is deleted is forgotten once
nothing moves any more.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeAlias

from watchfiles import awatch

from sketchseek.errors import InputError
from sketchseek.formats import IMAGE_SUFFIXES
from sketchseek.gallery import Gallery
from sketchseek.gallery.ingest import update_places
from sketchseek.search.tasks import Progress
from sketchseek.server.keeper import Keeper

_DEBOUNCE = 400  # milliseconds that changes are collected
_LOOK = 1_000  # milliseconds between two looks whether a drive was plugged in or out, or the sources changed
_POLL = 30_000  # milliseconds between two looks at all files, where the system tells of no changes

Roots: TypeAlias = dict[Path, tuple[int, int]]


class Follower:
    """Follows the folders while it is switched on. Belongs to one event loop, and is used from there."""

    def __init__(self, gallery: Gallery, keeper: Keeper) -> None:
        self._gallery, self._keeper = gallery, keeper
        self._following: asyncio.Task[None] | None = None

    async def switch(self, on: bool) -> None:
        """Follow the folders from now on, or no longer."""
        if on and self._following is None:
            self._following = asyncio.create_task(_follow(self._gallery, self._keeper))
            self._following.add_done_callback(self._ended)
        elif not on and self._following is not None:
            following, self._following = self._following, None
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        self._keeper.set_following(on)

    def _ended(self, following: asyncio.Task[None]) -> None:
        """Say so where following ended by itself."""
        if not following.cancelled() and (error := following.exception()) is not None:
            print(f"sketchseek: the folders are followed no longer ({error})", file=sys.stderr)
            self._following = None
            self._keeper.set_following(False)


async def _follow(gallery: Gallery, keeper: Keeper) -> None:
    """Bring the gallery up to date whenever files change in what it follows, until cancelled."""
    own = gallery.folder.resolve()
    polling = False
    while True:
        roots = _roots(gallery)
        if not roots:
            await _update(keeper, None, forgets=False)
        while not roots:
            await asyncio.sleep(_LOOK / 1000)
            roots = _roots(gallery)
        vanished: set[Path] | None = None  # files that are to be forgotten; None until all were looked at
        try:
            async for changes in awatch(
                *roots,
                watch_filter=lambda _, path: _may_matter(Path(path), own),
                debounce=_DEBOUNCE,
                rust_timeout=_LOOK,
                yield_on_timeout=True,
                force_polling=polling,
                poll_delay_ms=_POLL,
                ignore_permission_denied=True,
            ):
                if _roots(gallery) != roots:
                    break
                if vanished is None:  # only now, since what changes from here on is told
                    vanished = await _update(keeper, None, forgets=False)
                elif changes:
                    vanished |= await _update(keeper, {Path(path) for _, path in changes}, forgets=False)
                elif vanished:  # nothing has moved for a while
                    await _update(keeper, vanished, forgets=True)
                    vanished = set()
        except FileNotFoundError:  # a drive was plugged out just now
            continue
        except OSError as error:
            if polling:
                raise
            polling = True
            print(f"sketchseek: {error}; looks for changes every {_POLL // 1000} seconds instead", file=sys.stderr)


async def _update(keeper: Keeper, places: set[Path] | None, forgets: bool) -> set[Path]:
    try:
        return await keeper.change(partial(_update_places, places, forgets))
    except InputError as error:
        print(f"sketchseek: {error}", file=sys.stderr)
        return set()


def _update_places(places: set[Path] | None, forgets: bool, gallery: Gallery, progress: Progress) -> set[Path]:
    return update_places(gallery, places, progress, forgets=forgets)


def _roots(gallery: Gallery) -> Roots:
    """The sources that are there, with what tells whether another folder or drive took the place of one."""
    found = {}
    for source in gallery.sources.followed:
        try:
            status = source.stat()
        except OSError:
            continue
        found[source] = (status.st_dev, status.st_ino)
    return found


def _may_matter(path: Path, own: Path) -> bool:
    """Whether a photo may have changed: not so for what lies in the gallery's ``own`` folder, nor for other files; but
    what is gone may have been a folder.
    """
    return not path.is_relative_to(own) and (path.suffix.lower() in IMAGE_SUFFIXES or not path.is_file())
