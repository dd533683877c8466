"""The runs of a folder, a row each."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from compoundeye.runs._error import RunError
from compoundeye.runs._folder import RunFolder
from compoundeye.runs._metrics import Line, series


@dataclass(frozen=True, slots=True)
class RunRow:
    """What a person asks first of a run."""

    name: str
    state: str
    """"running", "done", "failed", "interrupted", "killed" or "unknown"."""
    step: int
    """Steps done, as far as told."""
    steps: int | None
    loss: float | None
    """Of training, as told last."""
    accuracy: float | None
    """Best of all validations, 0 to 1."""
    started: datetime | None
    seconds: float | None
    """Spent at work, over all attempts; of one that was killed up to its last checkpoint."""
    corpus: str
    """Each corpus and its version."""
    model: str
    path: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return asdict(self)


def list_runs(parent: str | os.PathLike[str]) -> list[RunRow]:
    """Every run in a folder of runs, the one that began last first.

    Raises:
        RunError: there is no such folder.
    """
    place = Path(parent).expanduser()
    if not place.is_dir():
        raise RunError(f"there is no folder {place}: `eye train` makes it, or say where runs are with --runs")
    rows = [row_of(RunFolder.open(path.parent)) for path in place.glob("*/settings.json")]
    return sorted(rows, key=lambda row: (-(row.started.timestamp() if row.started else math.inf), row.name))


def row_of(run: RunFolder) -> RunRow:
    """The row of one run."""
    status, lines = run.status(), run.metrics()
    try:
        settings: Mapping[str, Any] = run.settings()
    except RunError:  # one spoilt run does not hide the others
        settings = {}
    _, losses = series(lines, "train", "loss")
    _, accuracies = series(lines, "validation", "accuracy")
    started = status.get("started")
    return RunRow(
        name=run.name,
        state=str(status["state"]),
        step=max(int(status.get("step") or 0), last_step(lines)),
        steps=status.get("steps"),
        loss=losses[-1] if losses else None,
        accuracy=max((one for one in accuracies if not math.isnan(one)), default=None),
        started=datetime.fromtimestamp(started, UTC) if started else None,
        seconds=status.get("seconds"),
        corpus=", ".join(corpus_of(one) for one in corpora(settings)),
        model=str(_at(settings, "model", "name") or ""),
        path=str(run.path),
    )


def last_step(lines: Sequence[Line]) -> int:
    """The furthest step that was told."""
    return max((line.step for line in lines), default=0)


def corpora(settings: Mapping[str, Any], section: str = "data") -> list[Mapping[str, Any]]:
    """The corpora of a section of settings: "data" or "validation"."""
    found = _at(settings, section, "corpora")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def corpus_of(source: Mapping[str, Any]) -> str:
    """A corpus by its folder's name and version."""
    name, version = Path(str(source.get("path", ""))).name, source.get("version")
    return name if version is None else f"{name} v{version}"


def _at(settings: Mapping[str, Any], *keys: str) -> Any:
    value: Any = settings
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
