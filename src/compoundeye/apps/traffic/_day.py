"""What a store holds of a day, or of any time, as a report shows it: flow, occupancy, speeds, events, heat."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.events import EventStore
from compoundeye.records import Event, EyeError

Float64 = npt.NDArray[np.float64]
MEASURES = ("crossing", "flow", "occupancy", "heat", "drift")
"""Kinds that are summed up; others are things that happened, and are listed."""
LISTED = 200
"""Of each kind, the newest."""


@dataclass(slots=True)
class LineDay:
    """One line."""

    into: dict[str, Float64]
    """[intervals] crossings in the direction in, by class."""
    out: dict[str, Float64]
    speeds: Float64
    """[intervals] mean km/h; NaN where none was measured."""

    def totals(self) -> tuple[Counter[str], Counter[str]]:
        """How many of each class went in and out."""
        into, out = (
            Counter({kind: round(values.sum()) for kind, values in way.items()}) for way in (self.into, self.out)
        )
        return into, out


@dataclass(slots=True)
class ZoneDay:
    """One zone."""

    mean: Float64
    """[intervals] people and things at a time; NaN where nothing was told."""
    most: Float64
    visits: int = 0
    dwell_s: float | None = None
    """Mean over the visits that ended."""
    drift: dict[str, Any] | None = None
    """The last comparison of counts with who is inside."""


@dataclass(slots=True)
class StreamDay:
    """One camera."""

    lines: dict[str, LineDay] = field(default_factory=dict)
    zones: dict[str, ZoneDay] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)
    """How many events of each kind that is no measure."""
    listed: list[Event] = field(default_factory=list)
    heat: Float64 | None = None
    """[rows, columns] seconds."""
    picture: str | None = None
    """Path of a snapshot."""


@dataclass(slots=True)
class Day:
    """All cameras, over the same intervals."""

    since: float
    until: float
    every: float
    streams: dict[str, StreamDay]

    @property
    def starts(self) -> list[float]:
        """Of the intervals, Unix s."""
        return [self.since + at * self.every for at in range(intervals(self.since, self.until, self.every))]


def intervals(since: float, until: float, every: float) -> int:
    """How many intervals a time is cut into; the last may be shorter."""
    return max(1, int(np.ceil((until - since) / every - 1e-9)))


def day(store: EventStore, since: float, until: float, every: float, stream: str | None = None) -> Day:
    """Sum up what began from ``since`` to ``until``.

    Raises:
        EyeError: the store cannot be read, or holds nothing of that time.
    """
    found = Day(since, until, every, {})
    streams = defaultdict[str, StreamDay](StreamDay)
    asked: dict[str, Any] = {"app": "traffic", "since": since, "until": until, "stream": stream}
    count = intervals(since, until, every)
    for one in store.counts(every=every, origin=since, by=("line", "direction", "class"), kind="crossing", **asked):
        name, direction, of = (value or "?" for value in one.values)
        line = _line(streams[one.stream], name, count)
        way = line.into if direction == "in" else line.out
        assert one.start is not None  # an interval was asked for
        way.setdefault(of, np.zeros(count))[round((one.start - since) / every)] += one.events
    for event in store.events(kind="flow", **asked):
        _add_flow(_line(streams[event.stream], str(event.after["line"]), count), event, found)
    for event in store.events(kind="occupancy", **asked):
        _add_occupancy(streams[event.stream], event, found, count)
    for event in store.events(kind="drift", **asked):
        zone = _zone(streams[event.stream], str(event.after["zone"]), count)
        zone.drift = dict(event.after)
    for event in store.events(kind="heat", **asked):
        _add_heat(streams[event.stream], event)
    for one in store.counts(**asked):
        if one.kind not in MEASURES:
            streams[one.stream].happened[one.kind] += one.events
    for name, of_stream in streams.items():
        _list(store, name, of_stream, asked)
    if not streams:
        raise EyeError(f"{store.address} holds nothing of the application traffic from that time; see `eye events`")
    found.streams = dict(sorted(streams.items()))
    return found


def _line(stream: StreamDay, name: str, count: int) -> LineDay:
    if name not in stream.lines:
        stream.lines[name] = LineDay({}, {}, np.full(count, np.nan))
    return stream.lines[name]


def _zone(stream: StreamDay, name: str, count: int) -> ZoneDay:
    if name not in stream.zones:
        stream.zones[name] = ZoneDay(np.full(count, np.nan), np.full(count, np.nan))
    return stream.zones[name]


def _at(event: Event, of: Day, count: int) -> int:
    return min(int((event.start - of.since) // of.every), count - 1)


def _add_flow(line: LineDay, event: Event, of: Day) -> None:
    speed = event.after.get("mean_speed_kmh")
    if speed is not None:
        line.speeds[_at(event, of, len(line.speeds))] = speed


def _add_occupancy(stream: StreamDay, event: Event, of: Day, count: int) -> None:
    zone, told = _zone(stream, str(event.after["zone"]), count), event.after
    at = _at(event, of, count)
    if told.get("mean") is not None:
        zone.mean[at] = np.nanmean([zone.mean[at], told["mean"]])
        zone.most[at] = np.nanmax([zone.most[at], told["max"]])
    visits, dwell = int(told.get("visits") or 0), told.get("dwell_s")
    if visits and dwell is not None:
        zone.dwell_s = ((zone.dwell_s or 0.0) * zone.visits + dwell * visits) / (zone.visits + visits)
    zone.visits += visits


def _add_heat(stream: StreamDay, event: Event) -> None:
    grid = np.asarray(event.after["seconds"], np.float64).reshape(event.after["rows"], event.after["columns"])
    if stream.heat is not None and stream.heat.shape == grid.shape:
        stream.heat += grid
    elif grid.size:  # another grid is of another picture: the newest is shown
        stream.heat = grid


def _list(store: EventStore, name: str, stream: StreamDay, asked: dict[str, Any]) -> None:
    for kind in stream.happened:
        stream.listed += store.events(**(asked | {"stream": name, "kind": kind}), newest_first=True, limit=LISTED)
    stream.listed.sort(key=lambda event: event.start)
    pictured = [*stream.listed, *store.events(**(asked | {"stream": name, "kind": "crossing"}), limit=1)]
    stream.picture = next((event.media["snapshot"] for event in pictured if "snapshot" in event.media), None)
