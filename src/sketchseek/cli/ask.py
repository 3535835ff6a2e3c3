"""Ask a gallery to do something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def absolute(path: Path) -> str:
    """A path that a person gave, for a task."""
    from sketchseek.files import as_path

    return str(as_path(path).absolute())


def ask(folder: Path, task: str, progress: Callable[[int, int], None] | None = None, **request: object) -> Any:
    """What a task of ``search.tasks`` answers for the gallery in a folder; the server does it where there is one.

    Raises InputError as the task does.
    """
    from sketchseek.search.running_server import RunningServer

    server = RunningServer.of(folder)
    answer = server and server.ask(task, request, progress)
    if answer is not None:
        return answer

    from sketchseek.gallery import Gallery
    from sketchseek.search.tasks import TASKS

    with Gallery.open(folder) as gallery:
        return TASKS[task](gallery, progress, **request)
