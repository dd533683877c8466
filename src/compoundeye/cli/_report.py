"""`eye report`: a day at one's cameras as a page and as tables."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from compoundeye.cli._output import print_json, print_table, printable
from compoundeye.records import EyeError


def report(
    store: Annotated[str, typer.Argument(help="A SQLite file of eye watch, or postgresql://USER@HOST/NAME.")],
    day: Annotated[
        str | None, typer.Option(metavar="DATE", help="Such as 2026-11-24; today if not given. Midnight to midnight.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="So many days from that one on.")] = 1,
    stream: Annotated[str | None, typer.Option(help="Only this camera.")] = None,
    every: Annotated[float, typer.Option(min=1, max=1440, help="Minutes of an interval.")] = 15,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
    tables: Annotated[
        Path | None, typer.Option("--csv", metavar="FOLDER", help="Write flow, occupancy and events as CSV too.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print totals as JSON, and nothing else.")] = False,
) -> None:
    """A day at the cameras of traffic as one page: flow, occupancy, speeds, events, where people were.

    The page needs no server and loads nothing. Times are of this machine's zone.

    Examples:
      eye report street.sqlite --day 2026-11-24 -o tuesday.html
      eye report street.sqlite --day 2026-11-23 --days 7 --every 60 --csv week/
    """
    try:
        from compoundeye.apps.traffic import report as write
    except ModuleNotFoundError as missing:
        raise EyeError(f"reports need {missing.name}: pip install 'compoundeye[video]'") from missing
    try:
        first = datetime.fromisoformat(day) if day else datetime.now()
    except ValueError:
        raise EyeError(f"--day {day} is no date: write 2026-11-24") from None
    first = datetime(first.year, first.month, first.day)
    # By the calendar, for some days have 23 or 25 hours.
    since, until = first.timestamp(), (first + timedelta(days=days)).timestamp()
    found = write(store, output, since=since, until=until, every=every * 60, stream=stream, tables=tables)
    if json:
        print_json(found)
        return
    rows = [
        (name, line, sum(facts["in"].values()), sum(facts["out"].values()))
        for name, one in found.items()
        for line, facts in one["lines"].items()
    ]
    if rows:
        print_table(("stream", "line", "in", "out"), rows)
    print(printable(str(output.absolute())))
