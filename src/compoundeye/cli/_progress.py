"""How far a job is: a bar on a terminal, otherwise a line now and then; on stderr, and in a file if one is named."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from compoundeye.cli._progress_file import progress_file
from compoundeye.records import Progress

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress(label: str, *, unit: str = "pictures", stream: TextIO | None = None) -> Iterator[Progress]:
    """Show how far a job is while the block runs.

    Example: ``with progress("ingest") as tell: ingest(sources, corpus, progress=tell)``
    """
    file = progress_file(label, unit)
    with _shown(label, unit, stream or sys.stderr) as show:
        if file is None:
            yield show
            return

        def tell(done: int, total: int | None) -> None:
            show(done, total)
            file.tell(done, total)

        try:
            yield tell
        finally:
            file.flush()


@contextmanager
def _shown(label: str, unit: str, stream: TextIO) -> Iterator[Progress]:
    if stream.isatty():
        with _bar(label, unit, stream) as tell:
            yield tell
    else:
        yield lines(label, unit=unit, write=lambda text: print(text, file=stream, flush=True))


def lines(
    label: str, *, unit: str, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> Progress:
    """A `Progress` that writes a line about every ten seconds: a log stays short and still tells the rate."""
    began = said = clock()
    at_start: int | None = None

    def tell(done: int, total: int | None) -> None:
        nonlocal said, at_start
        # A job that goes on begins above zero: what was done before is no work of this run.
        at_start = done if at_start is None else at_start
        now = clock()
        if now - said < SECONDS_BETWEEN_LINES:
            return
        said = now
        write(describe(label, unit, done, total, rate=(done - at_start) / (now - began)))

    return tell


def describe(label: str, unit: str, done: int, total: int | None, *, rate: float) -> str:
    """One line: how far, how fast (items a second), how long yet."""
    if total is None:
        return f"{label}: {done:,} {unit}, {rate:,.0f}/s"
    share = f"{done / total:.0%}" if total else "100%"
    left = f", {_spoken((total - done) / rate)} left" if rate > 0 else ""
    return f"{label}: {done:,} of {total:,} {unit} ({share}), {rate:,.0f}/s{left}"


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@contextmanager
def _bar(label: str, unit: str, stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Task, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Rate(TextColumn):
        """Items a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f} {unit}/s")

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(""),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(file=stream)) as bars:
        task = bars.add_task(label, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
