"""Each call is counted once, for what it is on this rank."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from compoundeye.plan._alone import alone
from compoundeye.plan._trackers import Trackers
from compoundeye.records import EyeError
from compoundeye.train import Layout, Plan, lay_out


@pytest.fixture
def layout() -> Iterator[Layout]:
    with alone(5, 16):
        yield lay_out(Plan(shard=4, tensor=2, context=2), "cpu")


@pytest.fixture
def trackers(layout: Layout) -> Iterator[Trackers]:
    found = Trackers(layout)
    with FakeTensorMode(allow_non_fake_inputs=True), found.watching():
        yield found


def test_a_product_of_split_factors_is_counted_by_this_ranks_part(layout: Layout, trackers: Trackers) -> None:
    assert layout.mesh is not None
    mesh = layout.mesh["tensor"]
    x = DTensor.from_local(torch.empty(8, 16), mesh, [Replicate()], run_check=False)
    weight = DTensor.from_local(torch.empty(16, 3), mesh, [Shard(1)], run_check=False)
    y = x @ weight
    assert y.shape == (8, 6)
    assert trackers.flops == {"forward": 2 * 8 * 16 * 3}
    assert trackers.traffic.sent() == ()
    y.full_tensor()
    (sent,) = trackers.traffic.sent()
    assert (sent.kind, sent.dimension, sent.size, sent.stride) == ("all_gather", "tensor", 2, 1)
    assert (sent.bytes, sent.count, sent.phase) == (8 * 6 * 4, 1, "forward")


def test_groups_are_told_by_what_they_cut(layout: Layout, trackers: Trackers) -> None:
    assert layout.mesh is not None
    assert layout.sharing is not None
    value = torch.empty(10)
    for group in (
        layout.mesh["context"].get_group(),
        layout.sharing.get_group(1),  # shard x context
        layout.data_group,
        layout.mesh["pipeline"].get_group(),  # of one: sends nothing
        None,
    ):
        dist.all_reduce(value, group=group)
    found = [(sent.dimension, sent.size, sent.stride, sent.bytes) for sent in trackers.traffic.sent()]
    assert found == [("context", 2, 2, 40), ("shard", 8, 2, 40), ("data", 4, 4, 40), ("all", 16, 1, 40)]


def test_bytes_are_of_the_larger_of_in_and_out(layout: Layout, trackers: Trackers) -> None:
    part, whole = torch.empty(6, dtype=torch.bfloat16), torch.empty(24, dtype=torch.bfloat16)
    dist.all_gather_single(whole, part, group=layout.data_group)
    dist.reduce_scatter_single(part, whole, group=layout.data_group)
    assert [(sent.kind, sent.bytes) for sent in trackers.traffic.sent()] == [
        ("all_gather", 48),
        ("reduce_scatter", 48),
    ]


@pytest.mark.usefixtures("layout")
def test_phases_are_told_apart(trackers: Trackers) -> None:
    def twice(x: Tensor) -> Tensor:
        return F.linear(F.linear(x, weight), weight)

    weight, x = torch.empty(4, 4, requires_grad=True), torch.empty(2, 4, requires_grad=True)
    each = 2 * 2 * 4 * 4
    checkpoint(twice, x, use_reentrant=False).sum().backward()
    # The second product is not needed again, and both have gradients of two factors.
    assert trackers.flops == {"forward": 2 * each, "recompute": each, "backward": 4 * each}
    trackers.step = "update"
    F.linear(x, weight)
    assert trackers.flops["update"] == each


@pytest.mark.usefixtures("layout")
def test_attention_counts_as_the_formula_has_it(trackers: Trackers) -> None:
    q, k, v = (torch.empty(2, 3, 5, 8, dtype=torch.bfloat16, requires_grad=True) for _ in range(3))
    F.scaled_dot_product_attention(q, k, v).sum().backward()
    each = 2 * 3 * 5 * 5 * 8
    assert trackers.flops == {"forward": 4 * each, "backward": 10 * each}


@pytest.mark.usefixtures("layout")
def test_convolutions_by_group_count_twice_their_forward_pass(trackers: Trackers) -> None:
    x, weight = torch.empty(2, 6, 8, 8, requires_grad=True), torch.empty(6, 1, 3, 3, requires_grad=True)
    F.conv2d(x, weight, padding=1, groups=6).sum().backward()
    forward = 2 * 2 * 6 * 8 * 8 * 9
    assert trackers.flops == {"forward": forward, "backward": 2 * forward}


@pytest.mark.usefixtures("layout")
def test_one_rank_at_a_time() -> None:
    with pytest.raises(EyeError, match="start it outside of a distributed run"), alone(0, 2):
        pass
