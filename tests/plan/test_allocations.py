"""The ledger of storages, on tensors without numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from compoundeye.plan._allocations import Allocations


class Clock:
    phase, number = "forward", 1

    def __call__(self) -> tuple[str, int]:
        return self.phase, self.number


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> Iterator[Allocations]:
    found = Allocations(clock)
    found.restart()
    with FakeTensorMode(), found.resizes():
        yield found


def made(memory: Allocations, size: int) -> torch.Tensor:
    tensor = torch.empty(size, dtype=torch.uint8)
    memory.saw([tensor])
    return tensor


def test_a_storage_counts_once_until_its_last_view_is_gone(memory: Allocations) -> None:
    tensor = made(memory, 100)
    view = tensor[:10]
    memory.saw([view])
    memory.mark("both")
    del tensor
    memory.mark("view")
    del view
    memory.mark("at the end")
    memory.mark("nothing")
    assert [moment.bytes for moment in memory.moments()[1:]] == [100, 100, 100, 0]


def test_a_moment_is_the_highest_state_since_the_one_before(memory: Allocations) -> None:
    kept = made(memory, 10)
    made(memory, 500)
    memory.mark("first")
    made(memory, 7)
    memory.mark("second")
    assert kept.shape == (10,)
    assert [(moment.name, moment.bytes) for moment in memory.moments()[1:]] == [("first", 510), ("second", 17)]


def test_memory_that_is_given_back_and_taken_again_is_followed(memory: Allocations) -> None:
    with memory.scope("gathered"):
        tensor = made(memory, 64)
    memory.mark("whole")
    tensor.untyped_storage().resize_(0)
    memory.mark("let go")
    memory.mark("gone")
    tensor.untyped_storage().resize_(64)
    memory.mark("again")
    parts = [dict(moment.parts) for moment in memory.moments()[1:]]
    assert parts == [{"gathered": 64}, {"gathered": 64}, {}, {"gathered": 64}]


def test_parts_follow_from_when_and_how_long(memory: Allocations, clock: Clock) -> None:
    activation = made(memory, 1000)
    made(memory, 100)  # dies in its own pass
    memory.mark("forward")
    clock.phase = "recompute"
    again = made(memory, 10)
    clock.phase = "backward"
    gradient, other = made(memory, 1), made(memory, 2)
    memory.belongs([gradient], "gradients")
    memory.mark("backward")
    forward, backward = memory.moments()[1:]
    assert forward.parts == {"activations": 1000, "temporaries": 100}
    assert backward.parts == {"activations": 1000, "recomputed": 10, "gradients": 1, "temporaries": 2}
    assert sum(len(one) for one in (activation, again, gradient, other)) == 1013


def test_what_is_alive_is_the_state_in_which_a_new_count_begins(memory: Allocations) -> None:
    kept = made(memory, 5)
    memory.mark("before")
    memory.restart()
    memory.mark("after")
    assert [(moment.name, moment.bytes) for moment in memory.moments()[1:]] == [("after", 5)]
    assert len(kept) == 5
