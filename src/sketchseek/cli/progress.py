"""A progress bar with the time left, on stderr so that stdout stays clean for results."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

SECONDS_BETWEEN_LINES = 30  # where there is no terminal
VALIDATION_SHOWN = ("acc@1", "acc@10", "m@B")


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[..., None]]:
    """Show a bar while the block runs; yields ``advance(steps=1)``, to be called as work is done.

    ``total`` is the number of steps, or None where it is not known. On a terminal the bar moves; elsewhere (a log
    file, a pipe) only its last state is printed.
    """
    from rich.console import Console

    bar = _bar(Console(stderr=True))
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


@contextmanager
def training_progress(description: str) -> Iterator[Callable[[int, int, Mapping[str, float]], None]]:
    """Show what training does, its loss and its validation figures; yields ``report(step, steps, values)``.

    On a terminal there is a bar, and a line for everything that the library logs, such as "reading photos". Elsewhere
    there are lines alone: those, each validation, and the state of training every half minute.
    """
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    bar = _bar(console, "{task.fields[figures]}")
    task = bar.add_task(description, total=None, figures="")
    validation = ""
    next_line = 0.0

    def report(step: int, steps: int, values: Mapping[str, float]) -> None:
        nonlocal validation, next_line
        measured = {name: values[f"validation {name}"] for name in VALIDATION_SHOWN if f"validation {name}" in values}
        if measured:
            validation = ", validation " + ", ".join(f"{name} {value:.1f}" for name, value in measured.items())
        figures = f"loss {values['loss']:.4g}{validation}"
        bar.update(task, completed=step, total=steps, figures=figures)
        if not console.is_terminal and (measured or time.monotonic() >= next_line or step == steps):
            next_line = time.monotonic() + SECONDS_BETWEEN_LINES
            console.print(f"{description}: step {step} of {steps}, {figures}")

    logged = _LoggedLines(console)
    logger = logging.getLogger("sketchseek")
    level = logger.level
    logger.addHandler(logged)
    logger.setLevel(logging.INFO)
    try:
        with bar if console.is_terminal else nullcontext():
            yield report
    finally:
        logger.removeHandler(logged)
        logger.setLevel(level)


def _bar(console: Console, *texts: str) -> Progress:
    """A bar with the steps done, the time so far and the time left; ``texts`` are templates of further columns."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    return Progress(*bar, *times, *map(TextColumn, texts), console=console)


class _LoggedLines(logging.Handler):
    """Prints what is logged, a line each, above a bar that moves on the same console."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        self.console.print(record.getMessage(), markup=False)
