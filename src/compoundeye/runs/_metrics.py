"""metrics.jsonl: one line a measurement, written so that a kill costs at most the line that was being written.

A run that goes on from a checkpoint repeats steps. Nothing is erased: lines are only added, and whoever reads takes the
later telling. So a reader at any moment, and one after any kill, sees one sound course of the run.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESUMED = "resumed"
NOTE = "note"
_FIXED = ("split", "step", "position", "time")


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement."""

    split: str
    """"train", "validation", or "note" (something to tell, which stays told)."""
    step: int
    position: int
    """Pictures of the order that were used up to here."""
    time: float
    """Seconds since 1970 (UTC)."""
    numbers: Mapping[str, float]
    """By name; NaN where the measurement was not finite."""
    text: str = ""
    """Of a note."""


def append(path: Path, values: Mapping[str, Any]) -> None:
    """Add a line, in one call to the system: it outlives this process however that ends.

    A torn last line, which only a failure of the machine leaves, is ended first.
    """
    plain = {key: _plain(value) for key, value in values.items()}
    line = json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n"
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        os.write(file, (b"\n" if torn else b"") + line.encode())
    finally:
        os.close(file)


def read_metrics(path: str | os.PathLike[str]) -> list[Line]:
    """The course of a run, from its metrics.jsonl or its folder, in order of writing.

    What a later attempt repeats counts once, as told last: a line that the run resumed at step r takes the place of all
    beyond r, and a line of step s that of those of its split from s on, even if nobody said "resumed". Notes stay.
    Lines that are torn or are no measurements are passed over. No file is no lines.
    """
    place = Path(path)
    place = place / "metrics.jsonl" if place.is_dir() else place
    kept: dict[str, list[tuple[int, Line]]] = {}
    for number, line in enumerate(_lines(place)):
        if line.split != NOTE:
            _supersede(kept, line)
        if line.split != RESUMED:
            kept.setdefault(line.split, []).append((number, line))
    return [line for _, line in sorted((pair for course in kept.values() for pair in course), key=lambda pair: pair[0])]


def _supersede(kept: Mapping[str, list[tuple[int, Line]]], line: Line) -> None:
    for split, course in kept.items():
        if split == NOTE or line.split not in (split, RESUMED):
            continue
        last = line.step if line.split == RESUMED else line.step - 1
        while course and course[-1][1].step > last:
            course.pop()


def series(lines: Iterable[Line], split: str, name: str, axis: str = "step") -> tuple[list[float], list[float]]:
    """One number over "step" or "pictures" (positions), where it was measured: two lists of one length."""
    found = [line for line in lines if line.split == split and name in line.numbers]
    places = [float(line.step if axis == "step" else line.position) for line in found]
    return places, [line.numbers[name] for line in found]


def _lines(path: Path) -> Iterator[Line]:
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return
    with stream:
        for raw in stream:
            line = _parsed(raw)
            if line is not None:
                yield line


def _parsed(raw: bytes) -> Line | None:
    try:
        values = json.loads(raw)
        fixed = str(values["split"]), int(values["step"]), int(values["position"]), float(values["time"])
    except (ValueError, KeyError, TypeError):
        return None
    rest = {key: value for key, value in values.items() if key not in _FIXED}
    text = str(rest.pop(NOTE, ""))
    numbers = {
        key: math.nan if value is None else float(value)
        for key, value in rest.items()
        if value is None or type(value) in (int, float)
    }
    return Line(*fixed, numbers, text)


def _plain(value: Any) -> Any:
    """JSON has no NaN: what is not finite is null."""
    if isinstance(value, str):
        return value
    number = value.item() if hasattr(value, "item") else value
    return number if not isinstance(number, float) or math.isfinite(number) else None
