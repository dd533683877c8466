"""A day at one's cameras as one page that needs no server, and as tables for a spreadsheet."""

from __future__ import annotations

import base64
import csv
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from compoundeye.apps.traffic._day import LISTED, Day, LineDay, StreamDay, ZoneDay, day
from compoundeye.apps.traffic._plot import colour, course, flow, heat
from compoundeye.events import EventStore
from compoundeye.records import Event, EyeError

MOST_PICTURE = 2_000_000
"""Bytes of a snapshot below the heat map."""
STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5c6570; --line: #d5dae0; --back: #fff; --card: #f5f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebee; --soft: #9aa4ae; --line: #3a424b; --back: #14171a; --card: #1d2226; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 0 auto;
  max-width: 960px; padding: 24px 16px 48px; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 40px 0 8px; }
h3 { font-size: 16px; margin: 24px 0 4px; } p { margin: 4px 0; color: var(--soft); }
svg { width: 100%; height: auto; background: var(--card); border-radius: 6px; }
svg text { font-size: 11px; fill: var(--soft); }
svg.heat { max-width: 640px; } .axis { stroke: var(--line); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 3px 16px 3px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.number, th.number { text-align: right; }
.key { display: inline-block; width: 10px; height: 10px; margin: 0 4px 0 12px; }
"""


def report(
    store: str,
    output: Path | None,
    *,
    since: float,
    until: float,
    every: float = 900.0,
    stream: str | None = None,
    tables: Path | None = None,
) -> dict[str, Any]:
    """Write what happened at traffic's cameras as a page, as CSV tables, or both.

    Args:
        store: address of an event store.
        output: the page.
        since, until: what began from the one to before the other, Unix s.
        every: length of an interval in s.
        stream: only this camera.
        tables: a folder for flow.csv, occupancy.csv and events.csv.

    Returns:
        Totals by stream, as plain values.

    Raises:
        EyeError: the store cannot be read or holds nothing of that time; a file cannot be written.
    """
    with EventStore(store, create=False) as opened:
        found = day(opened, since, until, every, stream)
        try:
            if output is not None:
                _write(output, page(found))
            if tables is not None:
                tables.mkdir(parents=True, exist_ok=True)
                _tables(tables, found, opened, stream)
        except OSError as error:
            raise EyeError(f"the report cannot be written: {error}") from error
    return totals(found)


def totals(of: Day) -> dict[str, Any]:
    """What the report says, as plain values."""
    return {
        name: {
            "lines": {
                line: {"in": dict(facts.totals()[0]), "out": dict(facts.totals()[1])}
                for line, facts in sorted(one.lines.items())
            },
            "zones": {
                zone: {"visits": facts.visits, "dwell_s": facts.dwell_s, "max": _most(facts), "drift": facts.drift}
                for zone, facts in sorted(one.zones.items())
            },
            "events": dict(sorted(one.happened.items())),
        }
        for name, one in of.streams.items()
    }


def page(of: Day) -> str:
    """The report as HTML, without a script and without anything from elsewhere."""
    whole = f"{_moment(of.since)} to {_moment(of.until)}"
    streams = "".join(_stream(name, one, of) for name, one in of.streams.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Traffic, {whole}</title><style>{STYLE}</style></head><body>"
        f"<h1>Traffic</h1><p>{whole}, in intervals of {_length(of.every)}. What boxes of a detector say: "
        f"crowds in which people hide each other are counted too low.</p>{streams}</body></html>"
    )


def _stream(name: str, one: StreamDay, of: Day) -> str:
    clock = "%H:%M" if of.every >= 60 else "%H:%M:%S"
    labels = [datetime.fromtimestamp(start).strftime(clock) for start in of.starts]
    classes = sorted({kind for line in one.lines.values() for way in (line.into, line.out) for kind in way})
    parts = [f"<h2>{escape(name)}</h2>"]
    for line, facts in sorted(one.lines.items()):
        parts += _line(line, facts, labels, classes)
    for zone, watched in sorted(one.zones.items()):
        parts += _zone(zone, watched, labels)
    if one.happened:
        parts += _events(one)
    if one.heat is not None and one.heat.max() > 0:
        parts += ["<h3>Where they were</h3>", heat(one.heat, _picture(one.picture))]
    return "".join(parts)


def _line(name: str, facts: LineDay, labels: Sequence[str], classes: Sequence[str]) -> list[str]:
    into, out = facts.totals()
    rows = [(kind, into[kind], out[kind], into[kind] - out[kind]) for kind in classes if into[kind] or out[kind]]
    rows.append(("all", into.total(), out.total(), into.total() - out.total()))
    parts = [f"<h3>Line {escape(name)}</h3><p>{_keys(classes)}</p>", flow(facts.into, facts.out, labels, classes)]
    if np.isfinite(facts.speeds).any():
        parts += ["<p>Mean speed, km/h</p>", course({"speed": facts.speeds}, labels, "km/h")]
    return [*parts, _table(("class", "in", "out", "in less out"), rows)]


def _zone(name: str, facts: ZoneDay, labels: Sequence[str]) -> list[str]:
    parts = [f"<h3>Zone {escape(name)}</h3>"]
    if np.isfinite(facts.mean).any():
        series = {"mean": facts.mean, "most": facts.most}
        parts += [f"<p>Inside at a time: {_keys(list(series))}</p>", course(series, labels, "")]
    rows: list[tuple[Any, ...]] = [("visits", facts.visits)]
    if facts.dwell_s is not None:
        rows.append(("mean stay, s", round(facts.dwell_s, 1)))
    if facts.drift is not None:
        told = facts.drift
        rows += [
            ("came in", told["in"]),
            ("went out", told["out"]),
            ("so inside should be", told["inside_expected"]),
            ("seen inside", told["inside_seen"]),
            ("drift of the counts", told["drift"]),
        ]
    return [*parts, _table(("measure", "value"), rows)]


def _keys(names: Sequence[str]) -> str:
    """Which colour is what."""
    return "".join(
        f'<span class="key" style="background:{colour(names, name)}"></span>{escape(name)}' for name in names
    )


def _events(one: StreamDay) -> list[str]:
    rows = [
        (_moment(event.start), event.kind, _lasted(event), _said(event.after))
        for event in sorted(one.listed, key=lambda event: event.start)
    ]
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(one.happened.items()))
    more = f" The newest {LISTED} of each kind are listed." if max(one.happened.values()) > LISTED else ""
    return [f"<h3>Events</h3><p>{escape(counts)}.{more}</p>", _table(("began", "what", "lasted", "facts"), rows)]


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    def cell(value: Any, tag: str = "td") -> str:
        number = ' class="number"' if isinstance(value, (int, float)) else ""
        shown = f"{value:,}" if isinstance(value, (int, float)) else str(value)
        return f"<{tag}{number}>{escape(shown)}</{tag}>"

    body = "".join(f"<tr>{''.join(cell(value) for value in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{"".join(f"<th>{escape(one)}</th>" for one in head)}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _tables(folder: Path, of: Day, store: EventStore, stream: str | None) -> None:
    starts = of.starts
    flows = (
        (name, line, _iso(starts[at]), direction, kind, round(values[at]))
        for name, one in of.streams.items()
        for line, facts in sorted(one.lines.items())
        for direction, way in (("in", facts.into), ("out", facts.out))
        for kind, values in sorted(way.items())
        for at in range(len(starts))
    )
    _csv(folder / "flow.csv", ("stream", "line", "start", "direction", "class", "crossings"), flows)
    zones = (
        (name, zone, _iso(starts[at]), round(float(facts.mean[at]), 3), round(float(facts.most[at]), 3))
        for name, one in of.streams.items()
        for zone, facts in sorted(one.zones.items())
        for at in range(len(starts))
        if np.isfinite(facts.mean[at])
    )
    _csv(folder / "occupancy.csv", ("stream", "zone", "start", "mean", "max"), zones)
    events = store.events(app="traffic", since=of.since, until=of.until, stream=stream)
    rows = (
        (event.id, event.stream, event.kind, _iso(event.start), "" if event.end is None else _iso(event.end), said)
        for event in events
        if event.kind != "heat" and (said := _said(event.after)) is not None
    )
    _csv(folder / "events.csv", ("id", "stream", "kind", "start", "end", "facts"), rows)


def _csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    part = tempfile.NamedTemporaryFile("w", dir=path.absolute().parent, delete=False, encoding="utf-8")  # noqa: SIM115
    try:
        with part:
            part.write(text)
        os.chmod(part.name, 0o644)
        os.replace(part.name, path)
    except BaseException:
        os.unlink(part.name)
        raise


def _picture(path: str | None) -> str | None:
    """A JPEG as a data address; None if it is gone, or is something else."""
    try:
        if path is None or Path(path).stat().st_size > MOST_PICTURE:
            return None
        data = Path(path).read_bytes()
    except OSError:
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" if data[:3] == b"\xff\xd8\xff" else None


def _said(after: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in after.items() if not isinstance(value, list))


def _lasted(event: Event) -> str:
    if event.end is None:
        return "still lasts"
    return "" if event.end == event.start else f"{event.end - event.start:.0f} s"


def _most(facts: ZoneDay) -> float | None:
    return float(np.nanmax(facts.most)) if np.isfinite(facts.most).any() else None


def _moment(when: float) -> str:
    return datetime.fromtimestamp(when).strftime("%Y-%m-%d %H:%M")


def _length(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} s"


def _iso(when: float) -> str:
    return datetime.fromtimestamp(when).astimezone().isoformat(timespec="seconds")
