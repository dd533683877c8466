"""Many streams, one model: batches are full where they can be, every stream has its turn, nobody waits for ever."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack
from threading import Thread

import pytest
from watch_doubles import ShadeLook, frame

from compoundeye.records import EyeError
from compoundeye.video._batcher import Batcher, Lane


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def ask(lane: Lane[int], look: ShadeLook, stream: str, index: int) -> Future[int]:
    one = frame(stream, index)
    return lane.ask(one, look.prepare(one))


def test_every_stream_gets_its_own_answers(ends: ExitStack) -> None:
    look = ShadeLook(batch=4)
    batcher = Batcher([look])
    ends.callback(batcher.close)
    answers = dict[str, list[int]]()

    def follow(stream: str, first: int) -> None:
        with batcher.lane() as lane:
            answers[stream] = [ask(lane, look, stream, first + step).result() for step in range(50)]

    threads = [Thread(target=follow, args=(name, 60 * at)) for at, name in enumerate("abc")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {name: list(range(60 * at, 60 * at + 50)) for at, name in enumerate("abc")}


def test_a_batch_takes_one_of_each_before_it_takes_seconds(ends: ExitStack) -> None:
    look = ShadeLook(batch=4)
    look.hold()
    batcher = Batcher([look], wait_s=0.0)
    ends.callback(batcher.close)
    ends.callback(look.allow)
    greedy, modest, rare = (ends.enter_context(batcher.lane()) for _ in range(3))
    first = ask(greedy, look, "greedy", 0)
    look.arrived(1)  # the worker took it, alone, and stands at the gate
    futures = [ask(greedy, look, "greedy", index) for index in range(1, 7)]
    futures += [ask(modest, look, "modest", 1), ask(rare, look, "rare", 1)]
    look.allow()
    for future in (first, *futures):
        future.result()
    assert look.batches[0] == ("greedy",)
    assert sorted(look.batches[1]) == ["greedy", "greedy", "modest", "rare"]
    assert look.batches[2] == ("greedy",) * 4


def test_busy_streams_are_served_equally(ends: ExitStack) -> None:
    """One that asks for two at a time is no better off than those that ask for one."""
    look = ShadeLook(batch=2)
    batcher = Batcher([look], wait_s=0.0)
    ends.callback(batcher.close)
    ends.callback(look.allow)
    look.hold()
    first = ask(ends.enter_context(batcher.lane()), look, "first", 0)
    look.arrived(1)  # it stands at the gate, and all others ask behind it
    lanes = {name: ends.enter_context(batcher.lane()) for name in "abcde"}
    waiting = {name: [ask(lane, look, name, 0) for _ in range(20)] for name, lane in lanes.items()}
    for batch in range(1, 20):
        look.arrived(batch)
        look.allow(1)
    look.arrived(20)
    served = [lane.served for lane in lanes.values()]
    assert max(served) - min(served) <= 1
    look.allow()
    for future in (first, *(future for futures in waiting.values() for future in futures)):
        future.result()


def test_a_batch_does_not_wait_for_a_stream_that_sends_nothing(ends: ExitStack) -> None:
    look = ShadeLook(batch=8)
    batcher = Batcher([look])
    ends.callback(batcher.close)
    ends.enter_context(batcher.lane())  # silent for ever
    lane = ends.enter_context(batcher.lane())
    assert ask(lane, look, "a", 7).result(timeout=30) == 7


def test_a_model_that_fails_fails_those_that_asked_and_no_other(ends: ExitStack) -> None:
    look = ShadeLook()
    look.fails_at = 3
    batcher = Batcher([look])
    ends.callback(batcher.close)
    lane = ends.enter_context(batcher.lane())
    futures = [ask(lane, look, "a", index) for index in range(5)]
    with pytest.raises(EyeError, match="cannot look"):
        futures[3].result()
    assert [future.result() for future in futures[:3] + futures[4:]] == [0, 1, 2, 4]


def test_whoever_waits_when_it_closes_is_told(ends: ExitStack) -> None:
    look = ShadeLook()
    look.hold()
    batcher = Batcher([look])
    lane = ends.enter_context(batcher.lane())
    futures = [ask(lane, look, "a", index) for index in range(3)]
    closing = Thread(target=batcher.close)
    closing.start()
    with pytest.raises(CancelledError):
        futures[2].result()
    look.allow()
    closing.join()
    with pytest.raises(CancelledError):
        ask(lane, look, "a", 4).result()


def test_a_stream_that_leaves_takes_its_questions_with_it(ends: ExitStack) -> None:
    look = ShadeLook()
    look.hold()
    batcher = Batcher([look])
    ends.callback(batcher.close)
    ends.callback(look.allow)
    with batcher.lane() as lane:
        futures = [ask(lane, look, "a", index) for index in range(3)]
    assert futures[2].cancelled()
