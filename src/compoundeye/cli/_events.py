"""`eye events`: what happened."""

from __future__ import annotations

import csv as comma
import json as lines
import re
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

import typer

from compoundeye.cli._output import duration, note, plain, print_json, print_table, printable
from compoundeye.records import Event, EyeError

SHOWN = 50
"""Events of a table; --json and --csv have all."""
FOLLOWED = 10
"""That --follow begins with."""
LOOK_S = 0.5
"""How often --follow looks for news."""
UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
FACTS = ("id", "type", "app", "kind", "stream", "start", "end", "captured", "time_s", "dropped")
TIMES = ("start", "end", "captured")


def events(
    store: Annotated[str, typer.Argument(help="A SQLite file of eye watch, or postgresql://USER@HOST/NAME.")],
    kind: Annotated[str | None, typer.Option(help="Only these, such as crossing or loitering.")] = None,
    stream: Annotated[str | None, typer.Option(help="Only of this stream.")] = None,
    app: Annotated[str | None, typer.Option(help="Only of this application.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Began then or later: 2026-11-24, 2026-11-24T08:30, or 2h ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Began before then.")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only what lasts still.")] = False,
    last: Annotated[int | None, typer.Option(min=1, metavar="N", help="The newest N.")] = None,
    count: Annotated[
        str | None, typer.Option(metavar="NAMES", help="How many instead of which: by line,direction or by nothing: -.")
    ] = None,
    every: Annotated[
        str | None, typer.Option(metavar="TIME", help="With --count: in each so long, such as 15min or 1h.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; with --follow a line for each message.")] = False,
) -> None:
    """What happened: events of a store, the oldest first.

    A table has the newest 50, --json and --csv have all. Times are of this machine's zone; a day begins at midnight.

    Examples:
      eye events events.sqlite --since 2h
      eye events events.sqlite --kind crossing --count line,direction --every 15min
      eye events events.sqlite --kind crossing --csv > crossings.csv
      eye events postgresql://eye@db.local/events --follow --json
    """
    try:
        from compoundeye.events import EventStore
    except ModuleNotFoundError as missing:
        raise EyeError(f"events need {missing.name}: pip install 'compoundeye[video]'") from missing
    if csv and json:
        raise EyeError("--csv or --json, not both")
    if follow and (csv or count is not None or open_only or until is not None):
        raise EyeError("--follow goes with --kind, --stream, --app, --since, --last and --json only")
    if every is not None and count is None:
        raise EyeError("--every goes with --count: eye events STORE --count line --every 15min")
    now = time.time()
    asked: dict[str, Any] = {"stream": stream, "app": app, "kind": kind}
    times: dict[str, Any] = {"since": _when(since, now, "--since"), "until": _when(until, now, "--until")}
    with EventStore(store, create=False) as opened:
        if count is not None:
            _count(opened, count, every, asked | times, csv, json)
            return
        most = last or (None if csv or json else SHOWN)
        if follow:  # as `tail -f`; programs want what is new, unless they say from when
            most = last if last or since else (0 if json else FOLLOWED)
        beyond = opened.last()
        found = opened.events(**asked, **times, open_only=open_only, newest_first=True, limit=most)[::-1]
        if follow:
            _follow(opened, found, beyond, asked, json)
        elif csv:
            _print_csv(found)
        elif json:
            print_json(found)
        else:
            print_table(("began", "stream", "kind", "lasted", "what"), [_row(event, now) for event in found])
            if not found:
                note("No events.")
            elif last is None and len(found) == SHOWN:
                note(f"The newest {SHOWN}; --last N, --json and --csv have more.")


def _when(text: str | None, now: float, option: str) -> float | None:
    """A time that a person writes, as Unix s."""
    if text is None:
        return None
    ago = _seconds(text.removesuffix("ago").strip())
    if ago is not None:
        return now - ago
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise EyeError(f"{option} {text} is no time: write 2026-11-24, 2026-11-24T08:30, 15min, 2h or 7d") from error


def _seconds(text: str) -> float | None:
    """15min, 2h, 1d: s; None of anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h|d)", text)
    return float(match[1]) * UNITS[match[2]] if match else None


def _clock(when: float | None) -> str | None:
    return None if when is None else datetime.fromtimestamp(when).strftime("%Y-%m-%d %H:%M:%S")


def _row(event: Event, now: float) -> tuple[str | None, ...]:
    lasted = duration(max(0.0, (event.end or now) - event.start)) if event.end != event.start else None
    if event.end is None:
        lasted = f"{lasted} so far"
    return _clock(event.start), event.stream, event.kind, lasted, _what(event.after)


def _what(after: Mapping[str, Any]) -> str:
    """Names and values on one line; what is long is left out, for it is no reading."""
    parts = list[str]()
    for name, value in after.items():
        if isinstance(value, float):
            value = f"{value:.4g}"
        if isinstance(value, Mapping):
            value = " ".join(f"{key}:{one}" for key, one in value.items()) or "-"
        if value is not None and len(text := str(value)) <= 60:
            parts.append(f"{name} {text}")
    return ", ".join(parts)


def _follow(store: Any, found: Iterable[Event], last: int, asked: Mapping[str, Any], json: bool) -> None:
    """Print what there is, then each message as it comes."""
    told = set[tuple[str, int]]()  # what came between the two questions is in both answers
    for event in found:
        told.add((event.id, event.revision))
        _print_message(event, json)
    with suppress(KeyboardInterrupt):
        while True:
            for message in store.messages(after=last, **asked, limit=1000):
                last = message.sequence
                if (message.event.id, message.event.revision) not in told:
                    _print_message(message.event, json)
            time.sleep(LOOK_S)


def _print_message(event: Event, json: bool) -> None:
    if json:
        print(lines.dumps(plain(event), allow_nan=False), flush=True)
        return
    what = f"{event.kind} {event.type}" if event.type != "new" or event.end is None else event.kind
    print(printable(f"{_clock(event.captured)}  {event.stream}  {what}  {_what(event.after)}"), flush=True)


def _print_csv(found: list[Event]) -> None:
    """A column for each fact, the box, files, and each name in ``after``."""
    names = list(dict.fromkeys(name for event in found for name in event.after))
    media = list(dict.fromkeys(name for event in found for name in event.media))
    sheet = comma.writer(sys.stdout, lineterminator="\n")
    sheet.writerow([*FACTS, "left", "top", "right", "bottom", *media, *(f"after.{name}" for name in names)])
    for event in found:
        facts = [_stamp(getattr(event, name)) if name in TIMES else getattr(event, name) for name in FACTS]
        values = [_csv_value(event.after.get(name)) for name in names]
        sheet.writerow([*facts, *(event.box or [None] * 4), *(event.media.get(name) for name in media), *values])


def _stamp(when: float | None) -> str | None:
    """ISO 8601 with the zone: what spreadsheets and people can read."""
    return None if when is None else datetime.fromtimestamp(when).astimezone().isoformat(timespec="milliseconds")


def _csv_value(value: Any) -> Any:
    return lines.dumps(plain(value)) if isinstance(value, (Mapping, list, tuple)) else value


def _count(store: Any, names: str, every: str | None, asked: Mapping[str, Any], csv: bool, json: bool) -> None:
    by = [] if names == "-" else [name.strip() for name in names.split(",") if name.strip()]
    length = None if every is None else _seconds(every)
    if every is not None and not length:
        raise EyeError(f"--every {every} is no length of time: write 15min, 1h or 1d")
    # Hours and days are those of the clock on the wall: intervals begin at a local midnight.
    day = datetime.fromtimestamp(asked["since"] or 0.0).replace(hour=0, minute=0, second=0, microsecond=0)
    found = store.counts(every=length, origin=day.timestamp(), by=by, **asked)
    interval = [] if length is None else ["interval"]
    columns = [*interval, "stream", "kind", *by, "events"]
    rows = [
        (*([_clock(one.start)] if interval else []), one.stream, one.kind, *one.values, one.events) for one in found
    ]
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif csv:
        sheet = comma.writer(sys.stdout, lineterminator="\n")
        sheet.writerows([columns, *rows])
    else:
        print_table(columns, rows)
        if not rows:
            note("No events.")
