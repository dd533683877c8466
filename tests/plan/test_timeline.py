"""The course of a step: nothing overlaps, everything is done once and in an order that dependencies allow."""

from __future__ import annotations

import itertools

import pytest

from compoundeye.plan._timeline import Bar, one_step


def course(stages: int, parts: int, chunks: int, forward: float = 1.0, backward: float = 2.0) -> list[Bar]:
    return one_step([forward] * stages, [backward] * stages, parts, chunks, [{}] * stages)


def end(bars: list[Bar]) -> float:
    return max(bar.end for bar in bars)


@pytest.mark.parametrize(
    ("stages", "parts", "chunks"), [(1, 1, 1), (1, 3, 1), (4, 4, 1), (4, 16, 1), (4, 8, 2), (2, 6, 3)]
)
def test_the_time_lost_is_that_of_the_paper(stages: int, parts: int, chunks: int) -> None:
    # (P - 1) / (C * M) of the time worked: arXiv:2104.04473, section 2.2.
    worked = parts * 3.0
    assert end(course(stages, parts, chunks)) == pytest.approx(worked * (1 + (stages - 1) / (chunks * parts)))


@pytest.mark.parametrize(("stages", "parts", "chunks"), [(4, 8, 1), (4, 8, 2), (3, 6, 4)])
def test_every_piece_is_done_once_and_after_what_it_needs(stages: int, parts: int, chunks: int) -> None:
    bars = course(stages, parts, chunks)
    places = {(bar.doing, bar.part, bar.chunk * stages + bar.stage): bar for bar in bars}
    assert len(places) == len(bars) == 2 * stages * parts * chunks
    for (doing, part, place), bar in places.items():
        if doing == "forward" and place:
            assert places["forward", part, place - 1].end <= bar.start
        if doing == "backward":
            after = ("backward", part, place + 1) if place + 1 < stages * chunks else ("forward", part, place)
            assert places[after].end <= bar.start


def test_a_stage_does_one_thing_at_a_time() -> None:
    bars = one_step([1.0, 2.0, 1.0], [2.0, 3.0, 2.0], 6, 1, [{"traffic": 0.5, "update": 0.25}] * 3)
    for stage in range(3):
        mine = sorted((bar for bar in bars if bar.stage == stage), key=lambda bar: bar.start)
        assert all(one.end <= other.start for one, other in itertools.pairwise(mine))
        assert [bar.doing for bar in mine[-2:]] == ["traffic", "update"]


def test_one_forward_one_backward_holds_no_more_than_there_are_stages_behind() -> None:
    bars = course(4, 16, 1)
    for stage in range(4):
        mine = sorted((bar for bar in bars if bar.stage == stage), key=lambda bar: bar.start)
        held = most = 0
        for bar in mine:
            held += 1 if bar.doing == "forward" else -1
            most = max(most, held)
        assert most == 4 - stage
