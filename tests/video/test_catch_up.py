"""A machine that is too slow for a camera gives up pictures, not time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest

from compoundeye.video import _catch_up as module
from compoundeye.video._catch_up import CatchUp

GROUP = 25
"""Every so many packets one stands alone."""


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Packet:
    is_keyframe: bool


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def run(clock: Clock, pace: CatchUp, packets: int, work_s: float, *, timed: bool = True) -> list[tuple[int, float]]:
    """A camera of 25 a second whose packets queue: which are decoded, and how old each is then, in s."""
    decoded, began = [], clock.now
    for index in range(packets):
        ready = began + index / 25
        pace.waits()
        clock.now = max(clock.now, ready)
        if pace.takes(Packet(index % GROUP == 0), index / 25 if timed else None):
            decoded.append((index, clock.now - ready))
            clock.now += work_s
    return decoded


def test_a_machine_that_keeps_up_decodes_everything(clock: Clock) -> None:
    assert len(run(clock, CatchUp(paced=False), 500, work_s=0.01)) == 500


def test_one_that_is_too_slow_never_falls_further_behind_and_begins_anew_where_a_picture_stands_alone(
    clock: Clock,
) -> None:
    decoded = run(clock, CatchUp(paced=False), 3000, work_s=0.08)
    assert max(age for _, age in decoded) < 2
    assert 1000 < len(decoded) < 2000
    for (earlier, _), (later, _) in pairwise(decoded):
        assert later == earlier + 1 or later % GROUP == 0


def test_what_a_network_held_back_for_ten_seconds_is_passed_over(clock: Clock) -> None:
    pace, decoded = CatchUp(paced=False), list[tuple[int, float]]()
    for index in range(500):
        sent = 1000 + index / 25
        pace.waits()
        clock.now = max(clock.now, 1014.0 if 100 <= index < 350 else sent)
        if pace.takes(Packet(index % GROUP == 0), index / 25):
            decoded.append((index, clock.now - sent))
            clock.now += 0.01
    assert [index for index, _ in decoded] == [*range(100), *range(325, 500)]
    assert decoded[-1][1] < 0.01


def test_a_network_that_has_become_slower_for_good_is_believed(clock: Clock) -> None:
    pace, decoded = CatchUp(paced=False), list[int]()
    for index in range(500):
        pace.waits()
        clock.now = max(clock.now, 1000 + index / 25 + (5 if index >= 100 else 0))
        if pace.takes(Packet(index % GROUP == 0), index / 25):
            decoded.append(index)
    assert decoded[-300:] == list(range(200, 500))


def test_a_stream_without_times_is_decoded_in_part_when_it_never_has_to_be_waited_for(clock: Clock) -> None:
    assert len(run(clock, CatchUp(paced=False), 500, work_s=0.01, timed=False)) == 500
    decoded = run(clock, CatchUp(paced=False), 3000, work_s=0.08, timed=False)
    assert max(age for _, age in decoded) < 2
