"""A real PostgreSQL answers as SQLite does, and gets everything however often it is killed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from scenes import NOON, crossing, keys, loitering
from servers import PostgreSQL, postgresql, wait_until

from compoundeye.events import EventStore, open_sink
from compoundeye.records import EyeError

__all__ = ["postgresql"]  # a fixture
NAMES = count()


@pytest.fixture
def stream() -> str:
    """A stream of a test's own in the database that they share."""
    return f"stream-{next(NAMES)}"


@pytest.fixture
def store(postgresql: PostgreSQL) -> Iterator[EventStore]:
    with EventStore(postgresql.address) as opened:
        yield opened


def test_it_answers_as_sqlite_does(store: EventStore, tmp_path: Path, stream: str) -> None:
    sent = [crossing(n, stream=stream, direction="in" if n % 3 else "out", n=n) for n in range(-4, 8)]
    sent += [*loitering(f"{stream}-gone", stream=stream), *loitering(f"{stream}-here", stream=stream, ends=False)]
    with EventStore(str(tmp_path / "events.sqlite")) as file:
        for each in (file, store):
            each.send(sent[:9])
            each.send(sent)
        assert store.events(stream=stream) == file.events()
        assert store.events(stream=stream, open_only=True) == file.events(open_only=True)
        assert store.events(stream=stream, since=NOON, until=NOON + 3) == file.events(since=NOON, until=NOON + 3)
        page = {"after": sent[3], "limit": 5, "newest_first": True}
        assert store.events(stream=stream, **page) == file.events(**page)  # type: ignore[arg-type]
        assert store.history(f"{stream}-gone") == file.history(f"{stream}-gone")
        assert [m.event for m in store.messages(stream=stream)] == [m.event for m in file.messages()]
        for question in ({}, {"every": 5.0, "origin": NOON, "by": ("direction", "n", "zone")}):
            assert store.counts(stream=stream, **question) == file.counts(**question)  # type: ignore[arg-type]
        assert [one for one in store.streams() if one.stream == stream] == file.streams()


def test_it_is_killed_in_the_middle_and_gets_everything_once(
    postgresql: PostgreSQL, tmp_path: Path, stream: str
) -> None:
    sink = open_sink(postgresql.address, spool=tmp_path)
    assert "secret" not in sink.status().address
    sent = 0
    for _ in range(2):
        for _ in range(20):
            sink.send([crossing(sent + number, stream=stream) for number in range(10)])
            sent += 10
        postgresql.kill()
        sink.send([crossing(sent, stream=stream)])
        sent += 1
        wait_until(lambda: sink.status().error is not None)
        postgresql.start()
    wait_until(lambda: sink.status().waiting == 0)
    sink.close()
    with EventStore(postgresql.address) as store:
        heard = keys([message.event for message in store.messages(stream=stream)])
    assert heard == [(f"{stream}-{number}", 0) for number in range(sent)]


def test_many_writers_and_one_who_follows(postgresql: PostgreSQL, store: EventStore, stream: str) -> None:
    """Numbers become visible in their order: a follower that asks for what is newer never misses one."""

    def write(writer: int) -> None:
        with EventStore(postgresql.address) as own:
            for number in range(25):
                own.send([crossing(100 * writer + number, stream=stream)])

    heard, last = [], store.last()
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, writer) for writer in range(4)]
        while True:
            over = all(writer.done() for writer in writers)
            for message in store.messages(after=last, stream=stream):
                heard.append(message.event)
                last = message.sequence
            if over:
                break
        for writer in writers:
            writer.result()
    assert len(heard) == len(set(keys(heard))) == 100


def test_values_that_it_does_not_take_are_made_ones_that_it_takes(store: EventStore, stream: str) -> None:
    store.send([crossing(1, stream=stream, note="a\0b", speed=float("inf"), name="\udcff")])
    after = store.events(stream=stream)[0].after
    assert (after["note"], after["speed"], after["name"]) == ("a\ufffdb", None, "?")


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    address = "postgresql://eye:secret@127.0.0.1:1/events"
    with pytest.raises(EyeError, match=r"event store postgresql.*eye:\*\*\*@127\.0\.0\.1:1/events: connection") as said:
        EventStore(address)
    assert "secret" not in str(said.value)
    sink = open_sink(address, spool=tmp_path)  # it may be there later
    sink.send([crossing(1)])
    sink.close()
    assert sink.status().waiting == 1
