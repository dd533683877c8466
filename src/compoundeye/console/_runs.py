"""The folder of runs as pages need it: read again only where something was written since."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

from compoundeye.console._bounded import Bounded
from compoundeye.console._state import Console, NotFound
from compoundeye.runs import (
    ConfusionMatrix,
    Explanation,
    RunError,
    RunFolder,
    RunRow,
    compare,
    confusion_matrix,
    explain,
    list_runs,
)

MOST_CLASSES = 30
"""Of a matrix: more cells cannot be hit with a finger."""
MOST_MISTAKES = 2_000
"""That are kept by name: more than anybody looks at."""
_ROWS_KEPT, _EXPLAINED_KEPT = 5_000, 16
_WRITTEN = ("settings.json", "status.json", "metrics.jsonl")


@dataclass(frozen=True, slots=True)
class Explained:
    """What the last validation of a run says."""

    said: Explanation
    matrix: ConfusionMatrix


class Runs:
    """All runs of the folder that the console was told. Safe to use from several threads."""

    def __init__(self, console: Console) -> None:
        self.place = Path(console.served.runs).expanduser()
        self._rows: Bounded[RunRow] = Bounded(_ROWS_KEPT, lambda _: 1)
        self._explained: Bounded[Explained] = Bounded(_EXPLAINED_KEPT, lambda _: 1)

    def all(self) -> list[RunRow]:
        """A row each, the one that began last first."""
        rows = [self.row(RunFolder.open(path.parent)) for path in self.place.glob("*/settings.json")]
        return sorted(rows, key=lambda row: (-(row.started.timestamp() if row.started else math.inf), row.name))

    def open(self, name: str) -> RunFolder:
        """A run by its name, which is that of its folder: nothing outside the folder of runs is ever opened.

        Raises:
            NotFound: there is no such run.
        """
        path = self.place / name
        if name in (".", "..") or "/" in name or "\\" in name or "\0" in name or not _is_run(path):
            raise NotFound(f"there is no run of this name in {self.place}")
        return RunFolder.open(path)

    def row(self, run: RunFolder) -> RunRow:
        """The row of one run. One that runs is looked at every time: its process may be gone since."""
        key = (str(run.path), changed(run.path, *_WRITTEN))
        known = self._rows.peek(key)
        if known is not None and known.state != "running":
            return known
        found = _row(run)
        self._rows.put(key, found)
        return found

    def explained(self, run: RunFolder) -> Explained:
        """What the last validation says of classes and pictures.

        Raises:
            NotFound: nothing was validated yet.
            RunError: the table is empty.
        """
        if not (run.path / "validation.parquet").is_file():
            raise NotFound(f"{run.name} has validated nothing yet: set validation.where in its recipe, or wait")

        def read() -> Explained:
            return Explained(explain(run.path, mistakes=MOST_MISTAKES), confusion_matrix(run.path, MOST_CLASSES))

        return self._explained.get((str(run.path), changed(run.path, "validation.parquet")), read)


def changed(path: Path, *names: str) -> Hashable:
    """What is another when one of these files of a folder was written."""
    found = []
    for name in names:
        try:
            status = os.stat(path / name)
        except OSError:
            found.append((0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)


def _is_run(path: Path) -> bool:
    try:
        return (path / "settings.json").is_file()
    except OSError:  # a name longer than file systems have
        return False


def _row(run: RunFolder) -> RunRow:
    try:
        return compare([run.path]).runs[0]
    except RunError:  # its settings are spoilt: the list shows what is left of it
        return next(row for row in list_runs(run.path.parent) if Path(row.path).name == run.path.name)
