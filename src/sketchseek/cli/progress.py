"""A progress bar with the time left, on stderr so that stdout stays clean for results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[..., None]]:
    """Show a bar while the block runs; yields ``advance(steps=1)``, to be called as work is done.

    ``total`` is the number of steps, or None where it is not known. On a terminal the bar moves; elsewhere (a log
    file, a pipe) only its last state is printed.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task(description, total=total)

        def advance(steps: int = 1) -> None:
            bar.advance(task, steps)

        yield advance


@contextmanager
def reported_progress(description: str) -> Iterator[Callable[[int, int], None]]:
    """As ``progress``, for work that says how far it is: yields ``report(done, total)``. No report, no bar."""
    with ExitStack() as stack:
        advance: Callable[..., None] | None = None
        shown = 0

        def report(done: int, total: int) -> None:
            nonlocal advance, shown
            advance = advance or stack.enter_context(progress(description, total))
            advance(done - shown)
            shown = done

        yield report
