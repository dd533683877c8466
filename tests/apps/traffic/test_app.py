"""The app as a whole: records, people, drawing, state, heat, and what is told when."""

from __future__ import annotations

import json
from operator import itemgetter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from street import BEGAN, NAMES, Actor, Drawn, street, tracks, walk

from compoundeye.records import Detections

SQUARE = [[200, 100], [440, 100], [440, 300], [200, 300]]
EVERYTHING = {
    "lines": {"door": {"points": [[320, 0], [320, 360]]}},
    "zones": {
        "hall": {
            "points": SQUARE, "area_m2": 4, "entrances": ["door"],
            "loitering": {"after_s": 3}, "intrusion": {}, "stopped": {"after_s": 2}, "crowding": {"after_s": 0.5},
            "wrong_way": {"direction": [[0, 0], [640, 0]]}, "speeding": {"limit_kmh": 1}, "queue": {}, "abandoned": {},
        }
    },
    "ground": {"pixels": [[0, 0], [640, 0], [640, 360], [0, 360]], "metres": [[0, 0], [64, 0], [64, 36], [0, 36]]},
    "interval_s": 5,
    "update_s": 1,
}  # fmt: skip


def test_flow_is_told_each_quarter_of_an_hour_by_direction_and_class() -> None:
    place = street(lines={"door": {"points": [[320, 0], [320, 360]]}}, heat_columns=0)
    starts = np.arange(10, 1700, 100.0)
    actors = [Actor(n + 1, walk((s, 500, 200), (s + 4, 100, 200))) for n, s in enumerate(starts)]
    place.watch(actors, 1800, rate=2)
    place.end()
    first, second = place.of("flow")
    assert (first.start, first.end) == (BEGAN, BEGAN + 900)
    assert second.start == BEGAN + 900
    assert first.after["in"] == {"person": 9}
    assert second.after["in"] == {"person": 8}
    assert first.after["out"] == {}
    assert first.after["per_hour"] == pytest.approx(36, abs=0.2)


def test_heat_adds_up_to_the_time_that_people_were_seen() -> None:
    place = street(heat_columns=32)
    place.watch([Actor(1, lambda _: (325.0, 185.0)), Actor(2, walk((0, 0, 359), (5, 300, 359)))], 10)
    (told,) = [event for event in place.end() if event.kind == "heat"]
    rows, columns = told.after["rows"], told.after["columns"]
    grid = np.array(told.after["seconds"]).reshape(rows, columns)
    assert (rows, columns) == (18, 32)
    assert grid[9, 16] == pytest.approx(9.9)
    assert grid.sum() == pytest.approx(9.9 + 5.0, abs=0.3)


def test_faint_people_are_hidden_too() -> None:
    place = street()
    found = Detections(
        np.array([[10, 10, 20, 40], [50, 10, 90, 40]], np.float32), np.array([0.1, 0.9], np.float32),
        np.array([0, 1], np.int32), NAMES,
    )  # fmt: skip
    outcome = place.app.step(place.frame(0.0), found)
    assert list(outcome.people) == [(10, 10, 20, 40)]


def test_a_record_tells_where_somebody_is() -> None:
    place = street(zones={"hall": {"points": SQUARE}})
    place.tracker.tracks = tracks([(7, "person", (300.0, 200.0), 60.0, True)])
    outcome = place.app.step(place.frame(0.0), Detections.none(NAMES))
    assert list(outcome.records) == [
        {"track": 7, "class": "person", "box": [288.0, 140.0, 312.0, 200.0], "seen": True, "zones": ["hall"]}
    ]


def test_everything_is_drawn_and_told_as_plain_values() -> None:
    place = street(**EVERYTHING, draw_heat=True)
    people = [Actor(n, walk((0, 640, 150 + 9 * n), (4, 300, 150 + 9 * n), (20, 290, 150 + 9 * n))) for n in range(1, 9)]
    place.watch(people, 8)
    canvas = Drawn()
    place.app.draw(canvas)
    shapes = json.loads(json.dumps(canvas.shapes))
    text = json.dumps(shapes)
    assert "door: in 8, out 0" in text
    assert "hall: 8, level" in text
    assert "loitering" in text
    state = json.loads(json.dumps(place.app.state()))
    assert state["lines"]["door"]["in"] == 8
    assert state["zones"]["hall"]["queue"]["people"] == 8
    assert {one["kind"] for one in state["lasting"]} >= {"loitering", "intrusion", "stopped", "crowding", "queue"}
    for event in place.events:
        json.dumps(event.as_dict())


def test_a_stream_that_ends_before_it_began_says_nothing() -> None:
    place = street(**EVERYTHING)
    assert place.end() == []
    assert place.app.state()["tracks"] == 0
    canvas = Drawn()
    place.app.draw(canvas)
    assert canvas.shapes == []


ID = itemgetter(0)


@given(
    steps=st.lists(
        st.lists(st.tuples(st.integers(1, 5), st.floats(-50, 700), st.floats(1, 400)), max_size=4, unique_by=ID),
        max_size=30,
    ),
    gaps=st.lists(st.floats(0.04, 20), min_size=30, max_size=30),
)
@settings(deadline=None)
def test_whatever_is_seen_every_event_that_begins_ends_and_revisions_have_no_gap(
    steps: list[list[tuple[int, float, float]]], gaps: list[float]
) -> None:
    place = street(**EVERYTHING)
    time_s = 0.0
    for there, gap in zip(steps, gaps, strict=False):
        place.see(time_s, [Actor(n, lambda _, x=x, y=y: (x, y)) for n, x, y in there])
        time_s += gap
    place.end()
    told: dict[str, list[tuple[int, str]]] = {}
    for event in place.events:
        told.setdefault(event.id, []).append((event.revision, event.type))
        assert event.start <= (event.end if event.end is not None else event.captured)
        assert (event.before is None) == (event.type == "new")
    for id_, messages in told.items():
        assert [revision for revision, _ in messages] == list(range(len(messages))), id_
        assert messages[0][1] == "new"
        last = [event for event in place.events if event.id == id_][-1]
        assert last.end is not None, id_
    flows = place.of("flow")
    crossings = place.of("crossing")
    assert sum(sum(f.after["in"].values()) + sum(f.after["out"].values()) for f in flows) == len(crossings)
