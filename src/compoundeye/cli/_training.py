"""How far a training is: a bar on a terminal, otherwise a line now and then; on stderr, and in a file if named."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from compoundeye.cli._progress import SECONDS_BETWEEN_LINES
from compoundeye.cli._progress_file import progress_file
from compoundeye.train import Moment

Tell = Callable[[Moment], None]


@contextmanager
def training_progress() -> Iterator[Tell]:
    """Show loss, pictures a second, utilisation and time left while the block runs."""
    file = progress_file("train", "steps")
    with _shown() as show:
        if file is None:
            yield show
            return

        def tell(moment: Moment) -> None:
            show(moment)
            file.tell(moment.step, moment.steps, _figures(moment))

        try:
            yield tell
        finally:
            file.flush()


@contextmanager
def _shown() -> Iterator[Tell]:
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("train"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("train", total=None, said="")

        def tell(moment: Moment) -> None:
            if moment.doing == "validate":
                bar.console.print(described(moment))
            else:
                bar.update(task, completed=moment.step, total=moment.steps, said=_figures(moment))

        yield tell


def described(moment: Moment) -> str:
    """One line: how far, how well, how fast, how long yet."""
    head = f"{moment.doing}: step {moment.step:,} of {moment.steps:,}, {_figures(moment)}"
    if moment.doing == "validate" or not moment.rate:
        return head
    left = (moment.steps - moment.step) * moment.batch / moment.rate
    minutes, seconds = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    return head + (f", {hours} h {minutes:02} min left" if hours else f", {minutes}:{seconds:02} min left")


def _figures(moment: Moment) -> str:
    shown = [f"{name} {value:.4g}" for name, value in moment.figures.items() if name not in ("pictures", "unread")]
    if moment.rate:
        shown.append(f"{moment.rate:,.0f} pictures/s")
    if moment.utilisation is not None:
        shown.append(f"MFU {moment.utilisation:.1%}")
    return ", ".join(shown)


def _lines() -> Tell:
    said = 0.0

    def tell(moment: Moment) -> None:
        nonlocal said
        now = time.monotonic()
        if moment.doing != "validate" and now - said < SECONDS_BETWEEN_LINES and moment.step < moment.steps:
            return
        said = now
        print(described(moment), file=sys.stderr, flush=True)

    return tell
