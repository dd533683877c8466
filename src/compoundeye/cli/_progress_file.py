"""How far a job is, in a file: for programs that started it, such as the console. `COMPOUNDEYE_PROGRESS` names it."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

SECONDS_BETWEEN_WRITES = 0.5
SECONDS_OF_RATE = 30.0
"""The rate is that of the last half minute: a job that slows down does not hide it behind a quick beginning."""


class ProgressFile:
    """A JSON object, whole at any moment: label, unit, done, total, rate (a second, null at first), said, time."""

    def __init__(self, path: Path, label: str, unit: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._label, self._unit, self._clock = path, label, unit, clock
        self._samples = deque[tuple[float, int]]()
        self._last: tuple[int, int | None, str] | None = None
        self._wrote: float | None = None

    def tell(self, done: int, total: int | None, said: str = "") -> None:
        """Note how far the job is; it is written about twice a second."""
        self._last = (done, total, said)
        if self._wrote is None or self._clock() - self._wrote >= SECONDS_BETWEEN_WRITES:
            self.flush()

    def flush(self) -> None:
        """Write what was told last. A full disk is for the job itself to complain of."""
        if self._last is None:
            return
        now, (done, total, said) = self._clock(), self._last
        self._wrote = now
        self._samples.append((now, done))
        while len(self._samples) > 2 and now - self._samples[1][0] >= SECONDS_OF_RATE:
            self._samples.popleft()
        value = {
            "label": self._label,
            "unit": self._unit,
            "done": done,
            "total": total,
            "rate": self._rate(),
            "said": said,
            "time": round(time.time(), 3),
        }
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        with suppress(OSError):
            part.write_text(json.dumps(value), encoding="utf-8")
            os.replace(part, self._path)

    def _rate(self) -> float | None:
        (first, before), (last, done) = self._samples[0], self._samples[-1]
        return (done - before) / (last - first) if last > first else None


def progress_file(label: str, unit: str) -> ProgressFile | None:
    """The file that the environment asks for; None if it asks for none."""
    path = os.environ.get("COMPOUNDEYE_PROGRESS")
    return ProgressFile(Path(path), label, unit) if path else None
