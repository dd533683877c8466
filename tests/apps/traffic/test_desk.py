"""Messages: new, update, end, under one id."""

from __future__ import annotations

from street import NoImage

from compoundeye.apps.traffic._desk import Desk
from compoundeye.records import Frame
from compoundeye.video import Stream


def desk(update_s: float = 5.0) -> Desk:
    return Desk(Stream("gate", 640, 360, 10.0, "a1"), "traffic", update_s)


def at(time_s: float, dropped: int = 0) -> Frame:
    return Frame("gate", round(time_s * 10), time_s, 1000 + time_s, NoImage(), dropped)


def test_what_happens_at_once_is_one_message() -> None:
    told = desk()
    told.at(at(2.0, dropped=7))
    told.instant("crossing", {"line": "door"}, start=1001.5, box=(1, 2, 3, 4))
    (event,) = told.take()
    assert (event.type, event.revision, event.before) == ("new", 0, None)
    assert (event.start, event.end, event.captured, event.time_s, event.dropped) == (1001.5, 1001.5, 1002.0, 2.0, 7)
    assert event.box == (1, 2, 3, 4)
    assert told.take() == []


def test_updates_are_no_more_frequent_than_allowed_and_the_end_tells_the_last() -> None:
    told = desk(update_s=5)
    for second in range(12):
        told.at(at(float(second)))
        told.lasting("loitering", ("hall", 1), {"dwell_s": second})
    told.at(at(12.0))
    told.over("loitering", ("hall", 1))
    events = told.take()
    assert [(event.type, event.after["dwell_s"]) for event in events] == [
        ("new", 0), ("update", 5), ("update", 10), ("end", 11),
    ]  # fmt: skip
    assert {event.start for event in events} == {1000.0}
    assert [event.end for event in events] == [None, None, None, 1012.0]
    assert events[-1].before == {"dwell_s": 10}


def test_a_change_that_matters_is_told_at_once_and_nothing_new_never() -> None:
    told = desk()
    for second, level in enumerate("DDEE"):
        told.at(at(float(second)))
        told.lasting("crowding", ("hall",), {"level": level}, changed=second == 2)
    for second in range(4, 30):
        told.at(at(float(second)))
        told.lasting("crowding", ("hall",), {"level": "E"})
    assert [(event.type, event.after["level"]) for event in told.take()] == [("new", "D"), ("update", "E")]


def test_only_those_that_are_named_go_on() -> None:
    told = desk()
    told.at(at(0.0))
    for zone, track in (("hall", 1), ("hall", 2), ("door", 1)):
        told.lasting("loitering", (zone, track), {"zone": zone, "track": track})
    told.lasting("stopped", ("hall", 1), {})
    told.take()
    told.only("loitering", "hall", {("hall", 2)})
    (ended,) = told.take()
    assert (ended.type, ended.after) == ("end", {"zone": "hall", "track": 1})
    assert len(told.open()) == 3
    assert len(told.open("loitering")) == 2
    told.end_all()
    assert {event.type for event in told.take()} == {"end"}
    assert told.open() == []


def test_what_comes_again_is_another_event() -> None:
    told = desk()
    told.at(at(0.0))
    for _ in range(2):
        told.lasting("loitering", ("hall", 1), {})
        told.over("loitering", ("hall", 1))
    first, _, second, _ = told.take()
    assert first.id != second.id


def test_what_was_not_there_cannot_end() -> None:
    told = desk()
    told.over("loitering", ("hall", 1))
    assert told.take() == []
