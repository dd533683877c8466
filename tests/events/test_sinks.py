"""From an address to a sink; lines of JSON; several sinks as one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes import crossing, keys, loitering

from compoundeye.events import EventStore, Several, SinkStatus, decode, encode, open_sink, open_sinks
from compoundeye.records import Event, EyeError

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Broken:
    """A sink whose disk is full."""

    def send(self, events: Sequence[Event]) -> None:
        raise EyeError(f"the disk is full: no room for {len(events)}")

    def close(self) -> None:
        pass

    def status(self) -> SinkStatus:
        return SinkStatus("broken", 0, 7, 0, 2, "full")


def test_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for part in ([crossing(1)], loitering("who")):
        sink = open_sink(str(path))
        sink.send(part)
        assert sink.status().accepted == len(part)
        sink.close()
    assert [decode(line) for line in path.read_text().splitlines()] == [crossing(1), *loitering("who")]
    with pytest.raises(EyeError, match="closed"):
        sink.send([crossing(2)])


def test_lines_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    sink = open_sink("-")
    sink.send([crossing(1), crossing(2)])
    sink.close()
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["gate-1", "gate-2"]


@given(st.dictionaries(st.text(), PLAIN, max_size=4))
def test_any_plain_values_go_there_and_back(after: dict[str, object]) -> None:
    event = crossing(1, x=after)
    line = encode(event)
    assert "\n" not in line
    assert encode(decode(line)) == line
    if "\0" not in json.dumps(after, ensure_ascii=False) and "\\u0000" not in json.dumps(after):
        assert decode(line) == event


def test_numbers_of_numpy_are_numbers() -> None:
    after = json.loads(encode(crossing(1, heat=np.eye(2, dtype=np.float32), speed=np.float32("nan"), n=np.int64(3))))
    assert (after["after"]["heat"], after["after"]["speed"], after["after"]["n"]) == ([[1, 0], [0, 1]], None, 3)
    with pytest.raises(TypeError, match="no plain form"):
        encode(crossing(1, what=object()))


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"id": 1', "null"])
def test_what_is_no_event(line: str) -> None:
    with pytest.raises(EyeError, match="not an event"):
        decode(line)


def test_the_failure_of_one_keeps_nothing_from_the_others(tmp_path: Path) -> None:
    store = EventStore(str(tmp_path / "events.sqlite"))
    several = Several([Broken(), store])
    with pytest.raises(EyeError, match="the disk is full"):
        several.send([crossing(1)])
    assert keys(store.events()) == [("gate-1", 0)]
    status = several.status()
    assert (status.accepted, status.waiting, status.lost, status.error) == (1, 7, 2, "broken: full")
    several.close()


def test_several_addresses(tmp_path: Path) -> None:
    store, lines = tmp_path / "events.db", tmp_path / "events.ndjson"
    sink = open_sinks([f"sqlite:///{store}", str(lines)])
    sink.send([crossing(1)])
    sink.close()
    with closing(sqlite3.connect(store)) as file:
        assert file.execute("SELECT id FROM eye_events").fetchall() == [("gate-1",)]
    assert decode(lines.read_text()) == crossing(1)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ftp://host/events", "cannot go to ftp://: give a path"),
        ("no/such/folder/events.jsonl", "No such file or directory"),
        ("https://", "needs a host"),
        ("postgresql://host:port/name", "cannot be read"),
    ],
)
def test_an_address_that_is_none(address: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(EyeError, match=said):
        open_sinks([str(tmp_path / "events.sqlite"), address], spool=tmp_path)
