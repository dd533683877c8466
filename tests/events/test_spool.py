"""What waits, waits in order, within bounds, and for every process."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Event as Signal

import pytest
from scenes import crossing, loitering
from servers import wait_until

from compoundeye.events import decode, encode
from compoundeye.events._spool import Spool, Waiting
from compoundeye.events._spooled import Refused, Spooled, Unreachable
from compoundeye.records import EyeError


class Told:
    """Another side that does as it is told."""

    batch = 4

    def __init__(self) -> None:
        self.got = list[int]()
        self.fails: list[Exception] = []
        self.closed = Signal()

    def deliver(self, batch: Sequence[Waiting]) -> None:
        if self.fails:
            fails = self.fails.pop(0)
            self.got += [one.number for one in batch[: getattr(fails, "done", 0)]]
            raise fails
        self.got += [one.number for one in batch]

    def tend(self) -> None:
        pass

    def close(self) -> None:
        self.closed.set()


def test_every_message_comes_out_as_it_went_in(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite")
    said = [crossing(1, name="größer \udcff"), *loitering("who")]
    spool.add(said)
    waiting = spool.next(10)
    assert [one.message for one in waiting] == [encode(event) for event in said]
    assert [decode(one.message) for one in waiting][1:] == said[1:]
    spool.delivered(waiting[1].number)
    assert [one.number for one in spool.next(10)] == [3, 4]
    spool.close()
    again = Spool(tmp_path / "spool.sqlite")
    assert again.counts() == (2, 0, 0)
    assert again.client == spool_client(tmp_path / "spool.sqlite")
    again.close()


def spool_client(path: Path) -> str:
    spool = Spool(path)
    client = spool.client
    spool.close()
    return client


def test_a_full_spool_loses_the_oldest_and_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite", most=10)
    for number in range(8):
        spool.add([crossing(2 * number), crossing(2 * number + 1)])
    assert spool.counts() == (10, 0, 6)
    assert [decode(one.message).id for one in spool.next(1)] == ["gate-6"]
    spool.close()


def test_a_spool_that_was_delivered_gives_the_disk_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite")
    spool.add([crossing(number, note="n" * 500) for number in range(5000)])
    spool.delivered(5000)
    spool.close()
    assert (tmp_path / "spool.sqlite").stat().st_size < 100_000


def test_one_at_a_time_delivers(tmp_path: Path) -> None:
    first, second = Spool(tmp_path / "spool.sqlite"), Spool(tmp_path / "spool.sqlite")
    assert first.take_turn()
    assert first.take_turn()
    assert not second.take_turn()
    first.close()
    assert second.take_turn()
    second.close()


def test_what_was_acknowledged_before_a_failure_is_not_sent_again(tmp_path: Path) -> None:
    told = Told()
    told.fails = [Unreachable("the line is cut", done=3)]
    sink = Spooled("told", Spool(tmp_path / "spool.sqlite"), told)
    sink.send([crossing(number) for number in range(6)])
    wait_until(lambda: sink.status().waiting == 0)
    sink.close()
    assert told.got == [1, 2, 3, 4, 5, 6]
    assert told.closed.is_set()


def test_one_bad_message_among_others_is_found_and_set_aside(tmp_path: Path) -> None:
    told = Told()
    told.fails = [Refused("one of them"), Refused("this one")]
    sink = Spooled("told", Spool(tmp_path / "spool.sqlite"), told)
    sink.send([crossing(number) for number in range(6)])
    wait_until(lambda: sink.status().waiting == 0)
    assert sink.status().refused == 1
    sink.close()
    assert told.got == [2, 3, 4, 5, 6]
    with sqlite3.connect(tmp_path / "spool.sqlite") as file:
        rows = file.execute("SELECT number, reason FROM refused").fetchall()
    file.close()
    assert rows == [(1, "this one")]


def test_a_defect_does_not_end_delivery(tmp_path: Path) -> None:
    told = Told()
    told.fails = [ZeroDivisionError("by us")]
    sink = Spooled("told", Spool(tmp_path / "spool.sqlite"), told)
    sink.send([crossing(1)])
    wait_until(lambda: told.got == [1])
    sink.close()


def test_a_closed_sink_takes_nothing_and_says_what_it_left(tmp_path: Path) -> None:
    told = Told()
    told.fails = [Unreachable("gone")] * 1000
    sink = Spooled("told", Spool(tmp_path / "spool.sqlite"), told)
    sink.send([crossing(1)])
    wait_until(lambda: sink.status().error is not None)  # it was tried
    sink.close()
    sink.close()
    assert (sink.status().waiting, sink.status().accepted, sink.status().error) == (1, 1, "gone")
    with pytest.raises(EyeError, match="closed"):
        sink.send([crossing(2)])


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EyeError, match="set COMPOUNDEYE_HOME"):
        Spool(tmp_path / "file" / "spool.sqlite")
