"""A day as a page: sums are those of the events, whoever named the line, and nothing in it runs or loads."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.apps.traffic import report
from compoundeye.apps.traffic._day import day, intervals
from compoundeye.apps.traffic._plot import _round_up, flow
from compoundeye.events import EventStore
from compoundeye.records import Event, EyeError

MIDNIGHT = 1_795_478_400.0
HOUR = 3600.0
HOSTILE = '<script>alert("1")</script>'


def event(number: int, kind: str, start: float, after: Mapping[str, Any], **more: Any) -> Event:
    facts: dict[str, Any] = {"end": start, "stream": "gate", "box": None, "media": {}} | more
    return Event(
        f"run-{number}", 0, "new", "traffic", kind, facts["stream"], 0.0, start, start, facts["end"], 0, after,
        None, facts["box"], facts["media"],
    )  # fmt: skip


def crossing(number: int, start: float, direction: str = "in", line: str = "door", of: str = "person") -> Event:
    return event(number, "crossing", start, {"line": line, "direction": direction, "class": of, "track": number})


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Ten in and four out between 8 and 9, a bus at noon; who is inside, a loiterer, heat; a day later one more."""
    address = str(tmp_path / "events.sqlite")
    picture = tmp_path / "snapshot.jpg"
    picture.write_bytes(simplejpeg.encode_jpeg(np.zeros((20, 40, 3), np.uint8)))
    events = [crossing(at, MIDNIGHT + 8 * HOUR + 60 * at) for at in range(10)]
    events += [crossing(10 + at, MIDNIGHT + 8.75 * HOUR + at, "out") for at in range(4)]
    events.append(crossing(20, MIDNIGHT + 12 * HOUR, line=HOSTILE, of="bus"))
    told = {"zone": "hall", "mean": 2.5, "max": 5, "visits": 4, "dwell_s": 30.0}
    events.append(event(30, "occupancy", MIDNIGHT + 8 * HOUR, told, end=MIDNIGHT + 8.25 * HOUR))
    told = {"zone": "hall", "mean": 1.5, "max": 3, "visits": 1, "dwell_s": 80.0}
    events.append(event(31, "occupancy", MIDNIGHT + 8.25 * HOUR, told, end=MIDNIGHT + 8.5 * HOUR))
    told = {"zone": "hall", "in": 10, "out": 4, "inside_expected": 6, "inside_seen": 5, "drift": -1}
    events.append(event(32, "drift", MIDNIGHT + 9 * HOUR, told))
    told = {"line": "door", "in": {"person": 10}, "out": {}, "per_hour": 40.0, "mean_speed_kmh": 4.5}
    events.append(event(33, "flow", MIDNIGHT + 8 * HOUR, told, end=MIDNIGHT + 8.25 * HOUR))
    events.append(event(34, "heat", MIDNIGHT + 8 * HOUR, {"rows": 2, "columns": 3, "seconds": [0, 1, 2, 3, 4, 5]}))
    events.append(event(35, "heat", MIDNIGHT + 9 * HOUR, {"rows": 2, "columns": 3, "seconds": [1, 0, 0, 0, 0, 0]}))
    told = {"zone": HOSTILE, "track": 3, "class": "person", "dwell_s": 400.0}
    media = {"snapshot": str(picture)}
    events.append(event(36, "loitering", MIDNIGHT + 10 * HOUR, told, end=MIDNIGHT + 10 * HOUR + 400, media=media))
    events.append(crossing(40, MIDNIGHT + 24 * HOUR))
    with EventStore(address) as opened:
        opened.send(events)
    return address


class Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.loads, self.text = list[str](), list[str](), list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def written(store: str, output: Path | None, **more: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"since": MIDNIGHT, "until": MIDNIGHT + 24 * HOUR} | more
    return report(store, output, **asked)


def test_totals_are_those_of_the_events_of_that_day(store: str) -> None:
    found = written(store, None)
    assert json.loads(json.dumps(found)) == found
    gate = found["gate"]
    assert gate["lines"]["door"] == {"in": {"person": 10}, "out": {"person": 4}}
    assert gate["lines"][HOSTILE] == {"in": {"bus": 1}, "out": {}}
    assert gate["zones"]["hall"]["visits"] == 5
    assert gate["zones"]["hall"]["dwell_s"] == pytest.approx((4 * 30 + 80) / 5)
    assert gate["zones"]["hall"]["max"] == 5
    assert gate["zones"]["hall"]["drift"]["drift"] == -1
    assert gate["events"] == {"loitering": 1}


def test_each_crossing_is_in_its_interval(store: str) -> None:
    with EventStore(store) as opened:
        found = day(opened, MIDNIGHT, MIDNIGHT + 24 * HOUR, 900)
    door = found.streams["gate"].lines["door"]
    assert np.flatnonzero(door.into["person"]).tolist() == [32]
    assert door.out["person"][35] == 4
    assert door.speeds[32] == 4.5
    assert np.isnan(door.speeds[33])
    heat = found.streams["gate"].heat
    assert heat is not None
    assert heat.tolist() == [[1, 1, 2], [3, 4, 5]]


def test_the_page_holds_all_and_loads_and_runs_nothing(store: str, tmp_path: Path) -> None:
    written(store, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert "script" not in page.tags
    assert page.tags.count("svg") == 5  # two lines, one with speeds, a zone, heat
    assert all(load.startswith("data:image/jpeg;base64,") for load in page.loads)
    assert len(page.loads) == 1
    assert f"Line {HOSTILE}" in page.text
    assert "1 loitering." in page.text
    assert [path.name for path in tmp_path.glob("report*")] == ["report.html"]


def test_tables_say_the_same(store: str, tmp_path: Path) -> None:
    written(store, None, tables=tmp_path / "day")
    with (tmp_path / "day" / "flow.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 96
    assert sum(int(row["crossings"]) for row in rows if row["direction"] == "in") == 11
    with (tmp_path / "day" / "events.csv").open() as file:
        kinds = [row["kind"] for row in csv.DictReader(file)]
    assert kinds.count("crossing") == 15
    assert "heat" not in kinds
    with (tmp_path / "day" / "occupancy.csv").open() as file:
        assert [float(row["mean"]) for row in csv.DictReader(file)] == [2.5, 1.5]


def test_a_day_without_anything_is_said(store: str, tmp_path: Path) -> None:
    with pytest.raises(EyeError, match="holds nothing of the application traffic"):
        written(store, tmp_path / "report.html", since=0.0, until=HOUR)
    assert not (tmp_path / "report.html").exists()


def test_where_it_cannot_be_written(store: str, tmp_path: Path) -> None:
    with pytest.raises(EyeError, match="cannot be written"):
        written(store, tmp_path / "no" / "report.html")


@given(st.floats(1, 1e6), st.floats(1, 1e5))
def test_intervals_cover_all_of_the_time(length: float, every: float) -> None:
    count = intervals(0.0, length, every)
    assert count * every >= length * (1 - 1e-6)
    assert (count - 1) * every <= length or count == 1


@given(st.floats(1e-6, 1e9))
def test_an_axis_ends_at_a_round_number_above(value: float) -> None:
    top = _round_up(value)
    assert value * (1 - 1e-9) <= top <= 10 * value
    assert f"{top:.0e}"[0] in "125"


def test_what_crosses_is_drawn_at_its_height() -> None:
    drawn = flow({"car": np.array([2.0, 0.0])}, {"car": np.array([0.0, 1.0])}, ["8:00", "8:15"], ["car"])
    assert drawn.count("<rect") == 2
    assert "8:00: 2 car in" in drawn
    assert "8:15: 1 car out" in drawn
