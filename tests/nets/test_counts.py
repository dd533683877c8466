"""What is in tensors is looked at, and where nothing is in them an even spread stands for it."""

from __future__ import annotations

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from compoundeye.nets._counts import distinct, holds, places, told


def test_contents_are_looked_at() -> None:
    assert told(torch.tensor([3, 1]), 99) == [3, 1]
    assert told(torch.tensor([[3, 1], [0, 4]]), 99) == [[3, 1], [0, 4]]
    assert holds(torch.tensor(True))
    assert not holds(torch.tensor(False))
    assert places(torch.tensor([True, False, True]), 99).tolist() == [0, 2]
    values, inverse = distinct(torch.tensor([7, 5, 7]), 99)
    assert values.tolist() == [5, 7]
    assert inverse.tolist() == [1, 0, 1]


def test_without_contents_the_spread_is_even() -> None:
    with FakeTensorMode():
        assert told(torch.empty(3, dtype=torch.int64), 10) == [3, 3, 4]
        assert told(torch.empty(2, 2, dtype=torch.int64), 8) == [[4, 4], [4, 4]]
        assert not holds(torch.ones(()).bool())
        assert places(torch.ones(10).bool(), 2.6).shape == (3,)
        assert places(torch.ones(10).bool(), 1e9).shape == (10,)
        values, inverse = distinct(torch.zeros(9, dtype=torch.int64), 4)
        assert (values.shape, inverse.shape) == ((4,), (9,))
