"""An event store keeps every message once and answers what is asked of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scenes import NOON, crossing, keys, loitering

from compoundeye.events import Count, EventStore, Seen
from compoundeye.records import EyeError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore(str(tmp_path / "events.sqlite")) as opened:
        yield opened


def test_what_was_sent_comes_back_as_it_was(store: EventStore) -> None:
    sent = [crossing(1), replace(crossing(2), media={"snapshot": "a.jpg"}, dropped=3), *loitering("who")]
    store.send(sent)
    assert store.events(kind="crossing") == sent[:2]
    assert store.get("who") == sent[-1]
    assert store.history("who") == sent[2:]
    assert [message.event for message in store.messages()] == sent
    assert store.get("nobody") is None


def test_a_repeated_message_changes_nothing_and_a_late_one_undoes_nothing(store: EventStore) -> None:
    new, update, end = loitering("who")
    store.send([new, end])
    store.send([new, end])
    assert keys([message.event for message in store.messages()]) == [("who", 0), ("who", 2)]
    store.send([update])
    assert store.get("who") == end
    assert store.history("who") == [new, update, end]


def test_only_what_lasts_still(store: EventStore) -> None:
    store.send([*loitering("gone"), *loitering("here", ends=False), crossing(1)])
    assert [event.id for event in store.events(open_only=True)] == ["here"]


def test_pages_cover_everything_once_in_both_orders(store: EventStore) -> None:
    everything = [
        crossing(number, start=NOON + number // 4) for number in range(30)
    ]  # four at a time are equal in time
    store.send(everything)
    for newest_first in (False, True):
        found, last = [], None
        while page := store.events(after=last, limit=7, newest_first=newest_first):
            found, last = [*found, *page], page[-1]
        assert found == sorted(everything, key=lambda event: (event.start, event.id), reverse=newest_first)


def test_two_days_share_no_event_and_leave_none_out(store: EventStore) -> None:
    store.send([crossing(number) for number in range(10)])
    first, second = store.events(until=NOON + 4), store.events(since=NOON + 4)
    assert (len(first), len(second)) == (4, 6)
    assert second[0].start == NOON + 4


def test_who_follows_gets_each_message_once(store: EventStore) -> None:
    last = store.last()
    assert last == 0
    heard = []
    for number in range(5):
        store.send([crossing(number), *loitering(f"who{number}")])
        for message in store.messages(after=last, limit=3):
            heard.append(message.event)
            last = message.sequence
    while more := store.messages(after=last, limit=3):
        heard.extend(message.event for message in more)
        last = more[-1].sequence
    assert len(heard) == len(set(keys(heard))) == 20
    assert store.last() == last
    assert [m.event.id for m in store.messages(kind="crossing", limit=2)] == ["gate-0", "gate-1"]


def test_counts_by_interval_and_by_what_happened(store: EventStore) -> None:
    walks = [crossing(n, direction="in" if n % 3 else "out") for n in range(-4, 8)]  # from 4 s before noon
    store.send([*walks, *loitering("who")])
    found = store.counts(kind="crossing", every=5, origin=NOON, by=("direction",))
    assert found == [
        Count("gate", "traffic", "crossing", NOON - 5, ("in",), 3),
        Count("gate", "traffic", "crossing", NOON - 5, ("out",), 1),
        Count("gate", "traffic", "crossing", NOON, ("in",), 3),
        Count("gate", "traffic", "crossing", NOON, ("out",), 2),
        Count("gate", "traffic", "crossing", NOON + 5, ("in",), 2),
        Count("gate", "traffic", "crossing", NOON + 5, ("out",), 1),
    ]
    assert [(one.kind, one.start, one.events) for one in store.counts()] == [
        ("crossing", None, 12),
        ("loitering", None, 1),
    ]
    assert store.counts(by=("zone",))[0].values == (None,)
    assert store.counts(since=NOON + 100) == []


def test_streams_that_have_events(store: EventStore) -> None:
    store.send([crossing(5), *loitering("who", stream="hall", ends=False)])
    assert store.streams() == [
        Seen("gate", 1, 0, NOON + 5, NOON + 5),
        Seen("hall", 1, 1, NOON, NOON + 1),
    ]


def test_it_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    with EventStore(str(path)) as store:
        store.send([crossing(1)])
    with EventStore(f"sqlite:///{path}", create=False) as store:
        assert keys(store.events()) == [("gate-1", 0)]


def test_values_that_no_database_takes_are_made_ones_that_all_take(store: EventStore) -> None:
    store.send([crossing(1, speed=float("nan"), note="a\0b", name="\udcff")])
    after = store.events()[0].after
    assert (after["speed"], after["note"], after["name"]) == (None, "a\ufffdb", "?")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("no/such/folder/events.sqlite", "there is no folder no/such/folder"),
        ("", "is no event store"),
        ("mysql://host/name", "is no event store: give a path"),
    ],
)
def test_an_address_that_is_no_store(address: str, said: str) -> None:
    with pytest.raises(EyeError, match=said):
        EventStore(address)


def test_a_store_that_is_not_there_is_not_made_by_who_only_reads(tmp_path: Path) -> None:
    with pytest.raises(EyeError, match="there is no event store"):
        EventStore(str(tmp_path / "events.sqlite"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("milk, bread and a film of the market\n" * 100)
    with pytest.raises(EyeError, match=r"notes\.txt: file is not a database"):
        EventStore(str(path))
    assert path.read_text().startswith("milk")


def test_a_store_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    EventStore(str(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE eye_store SET version = 99")
    connection.close()
    with pytest.raises(EyeError, match="version 99"):
        EventStore(str(path))


def test_who_only_reads_waits_for_no_writer(tmp_path: Path) -> None:
    """A page that looks at a store asks for nothing that a watch in the middle of a transaction holds."""
    address = tmp_path / "events.sqlite"
    with EventStore(str(address)) as store:
        store.send([crossing(1)])
    with sqlite3.connect(address, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with EventStore(str(address), create=False) as reader:
            assert len(reader.events()) == 1
        holder.execute("ROLLBACK")
