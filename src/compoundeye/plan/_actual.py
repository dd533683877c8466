"""Plan and reality side by side: what a run took, measured from its own folder, beside what was planned for it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from pathlib import Path
from statistics import median
from typing import Any

from compoundeye.capacity import Cluster, Term, accelerator_of
from compoundeye.capacity import cluster as cluster_of
from compoundeye.plan._search import Candidate, candidate
from compoundeye.records import EyeError
from compoundeye.runs import Line, RunFolder
from compoundeye.train import Settings

_ASIDE = ("waiting", "validating", "saving")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a run."""

    key: str
    """Dotted: ``time.step``."""
    unit: str
    planned: float | None
    """None: the plan does not say."""
    measured: float | None
    """None: the run does not tell."""
    source: str
    """Where the measured figure is from."""

    @property
    def ratio(self) -> float | None:
        """Measured over planned."""
        return self.measured / self.planned if self.measured is not None and self.planned else None


@dataclass(frozen=True, slots=True)
class Actual:
    """A run, done or going on, beside its plan."""

    run: str
    state: str
    step: int
    steps: int | None
    processes: int
    accelerator: str
    rows: tuple[Row, ...]
    remarks: tuple[str, ...]
    """What keeps the two from being compared fully."""
    planned_terms: tuple[Term, ...] = ()

    def terms(self) -> tuple[Term, ...]:
        """Where each figure is from: those of the plan, then those of the run."""
        told = [
            Term(f"actual.{row.key}", row.measured, row.unit, "", "measured", row.source)
            for row in self.rows
            if row.measured is not None
        ]
        return (*self.planned_terms, *told)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            **{key: getattr(self, key) for key in ("run", "state", "step", "steps", "processes", "accelerator")},
            "rows": [
                {
                    "key": row.key,
                    "unit": row.unit,
                    "planned": row.planned,
                    "measured": row.measured,
                    "ratio": row.ratio,
                    "source": row.source,
                }
                for row in self.rows
            ],
            "remarks": list(self.remarks),
        }


def actual(run: str | os.PathLike[str], cluster: Cluster | None = None) -> Actual:
    """Lay a run beside the plan of what it was told to do, on the hardware that it ran on.

    Args:
        run: its folder.
        cluster: what it ran on; by the accelerators' names in its environment.json if not given.

    Raises:
        RunError: there is no such run.
        EyeError: nothing was told yet, or the accelerators are not known.
    """
    folder = RunFolder.open(run)
    status, lines = folder.status(), folder.metrics()
    told = [line for line in lines if line.split == "train"]
    if not told:
        raise EyeError(f"{folder.path} has told of no step yet: wait for one, or lower log_every in its recipe")
    settings = Settings.model_validate(folder.settings())
    processes = int(status.get("processes") or 1)
    cluster = cluster or cluster_of(_accelerator(folder.path), processes)
    if cluster.accelerators != processes:
        raise EyeError(f"{folder.path} ran on {processes} processes, and the plan is for {cluster.accelerators}")
    remarks: list[str] = []
    plan = _planned(settings, folder.classes(), cluster, remarks)
    rows = _rows(settings, told, status, plan)
    if all(row.measured is None for row in rows if row.key == "memory.peak"):
        remarks.append("only on a GPU does a run tell its memory")
    return Actual(
        run=folder.name,
        state=str(status["state"]),
        step=max(line.step for line in told),
        steps=status.get("steps"),
        processes=processes,
        accelerator=cluster.node.accelerator.name,
        rows=tuple(rows),
        remarks=tuple(remarks),
        planned_terms=() if plan is None else (*plan.memory.terms(), *plan.time.terms()),
    )


def _accelerator(path: Path) -> str:
    """Name of what a run ran on, by its environment.json."""
    try:
        names = json.loads((path / "environment.json").read_text(encoding="utf-8"))["accelerators"]
    except (OSError, ValueError, KeyError):
        raise EyeError(f"{path} does not say what it ran on: give --gpu") from None
    if not names:
        return "cpu"
    if (found := accelerator_of(names[0])) is None:
        raise EyeError(f"nothing is known of {names[0]}, on which {path} ran: give --gpu, or describe it in a file")
    return found.name


def _planned(
    settings: Settings, classes: tuple[str, ...] | None, cluster: Cluster, remarks: list[str]
) -> Candidate | None:
    try:
        if not classes and settings.task.kind in ("classify", "margin"):
            raise EyeError("the run does not say how many classes it tells apart")
        return candidate(settings, len(classes or ()), cluster, settings.plan)
    except EyeError as error:
        remarks.append(f"nothing is planned: {error}")
        return None


def _rows(settings: Settings, lines: Sequence[Line], status: dict[str, Any], plan: Candidate | None) -> list[Row]:
    batch = settings.data.batch
    own, whole = _step_seconds(lines, batch)
    took = None if plan is None else plan.time.total
    steps, log = status.get("steps"), "metrics.jsonl"
    memory = _highest(lines, "memory")
    mfu = _middle(lines, "mfu")
    if mfu is None and plan is not None and own:
        mfu = plan.time.mfu * plan.time.total / own
    rows = [
        Row("time.step", "s", took, own, f"{log}: median of seconds aside from waiting, validating and saving"),
        Row("time.step.waiting", "s", None, _each(lines, "waiting"), f"{log}: waiting, mean of a step"),
        Row("pictures", "pictures/s", _per(batch, took), _per(batch, whole), f"{log}: with waiting, without the rest"),
        Row("mfu", "1", None if plan is None else plan.time.mfu, mfu, f"{log}: mfu, or the plan's FLOPs over the time"),
        Row("memory.peak", "bytes", None if plan is None else float(plan.memory.peak), memory, f"{log}: memory"),
        Row("time.whole", "s", _times(took, steps), _seconds(status), "status.json: seconds, over all attempts"),
    ]
    for name in _ASIDE:
        rows.append(Row(f"share.{name}", "1", None, _share(lines, name), f"{log}: {name} over seconds"))
    told = sum(line.numbers.get("seconds", 0.0) for line in lines)
    if told and (seconds := _seconds(status)):
        rest = max(seconds - told, 0.0) / seconds
        rows.append(
            Row("share.started_and_repeated", "1", None, rest, "status.json seconds that no kept line tells of")
        )
    return rows


def _step_seconds(lines: Sequence[Line], batch: int) -> tuple[float | None, float | None]:
    """Seconds of a step of its own, and with waiting for pictures: medians over what was told."""
    own, whole = [], []
    for before, line in pairwise(lines):
        steps, numbers = line.step - before.step, line.numbers
        if "seconds" in numbers:
            spent = numbers["seconds"] - numbers.get("validating", 0.0) - numbers.get("saving", 0.0)
            own.append((spent - numbers.get("waiting", 0.0)) / steps)
            whole.append(spent / steps)
        elif rate := numbers.get("pictures_per_second"):
            whole.append(batch / rate)
    return median(own) if own else None, median(whole) if whole else None


def _values(lines: Sequence[Line], name: str) -> list[float]:
    return [value for line in lines if not isnan(value := line.numbers.get(name, float("nan")))]


def _highest(lines: Sequence[Line], name: str) -> float | None:
    return max(_values(lines, name), default=None)


def _middle(lines: Sequence[Line], name: str) -> float | None:
    values = _values(lines, name)
    return median(values) if values else None


def _share(lines: Sequence[Line], name: str) -> float | None:
    whole = sum(_values(lines, "seconds"))
    return sum(_values(lines, name)) / whole if whole else None


def _each(lines: Sequence[Line], name: str) -> float | None:
    """Mean of a step, the first line left out: pictures of a start are waited for longer."""
    values = _values(lines[1:], name)
    steps = lines[-1].step - lines[0].step
    return sum(values) / steps if values and steps else None


def _seconds(status: dict[str, Any]) -> float | None:
    found = status.get("seconds")
    return None if found is None else float(found)


def _per(number: float, seconds: float | None) -> float | None:
    return number / seconds if seconds else None


def _times(seconds: float | None, steps: Any) -> float | None:
    return seconds * int(steps) if seconds is not None and steps else None
