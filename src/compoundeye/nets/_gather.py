"""Exchange between the processes of a group, through which gradients flow back.

In the backward pass each process starts from its own loss; what comes out is the gradient of the sum of all of them.
Without a group (None) every function is that of a process alone.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

Group = dist.ProcessGroup | None


def size_of(group: Group) -> int:
    """Processes in a group."""
    return 1 if group is None else dist.get_world_size(group)


def rank_in(group: Group) -> int:
    """This process's place in a group."""
    return 0 if group is None else dist.get_rank(group)


def gathered(x: Tensor, group: Group) -> Tensor:
    """[N, ...] of each process to [R N, ...], by rank. N must be the same everywhere."""
    return x if size_of(group) == 1 else _Gather.apply(x, group)


def summed(x: Tensor, group: Group) -> Tensor:
    """The sum over all processes, on all of them."""
    return x if size_of(group) == 1 else _Sum.apply(x, group)


@torch.no_grad()
def largest(x: Tensor, group: Group) -> Tensor:
    """The largest over all processes, elementwise. No gradient."""
    if size_of(group) == 1:
        return x.detach()
    x = x.detach().clone()
    dist.all_reduce(x, dist.ReduceOp.MAX, group=group)
    return x


def passed_on(x: Tensor, group: Group) -> Tensor:
    """What the process before this one gives; the first gets the last one's. Shapes must be the same everywhere."""
    return x if size_of(group) == 1 else _PassOn.apply(x, group, 1)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        ctx.group = group
        whole = x.new_empty((size_of(group) * len(x), *x.shape[1:]))
        dist.all_gather_single(whole, x.contiguous(), group=group)
        return whole

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        part = gradient.new_empty((len(gradient) // size_of(ctx.group), *gradient.shape[1:]))
        dist.reduce_scatter_single(part, gradient.contiguous(), group=ctx.group)
        return part, None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        ctx.group = group
        total = x.clone()
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=ctx.group)
        return total, None


class _PassOn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group, by: int) -> Tensor:
        ctx.group, ctx.by = group, by
        return _shifted(x, group, by)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _shifted(gradient, ctx.group, -ctx.by), None, None


def _shifted(x: Tensor, group: Group, by: int) -> Tensor:
    """Send to the rank ``by`` further on, receive from the one as far back."""
    rank, size = rank_in(group), size_of(group)
    received = torch.empty_like(x, memory_format=torch.contiguous_format)
    exchange = [
        dist.P2POp(dist.isend, x.contiguous(), group=group, group_peer=(rank + by) % size),
        dist.P2POp(dist.irecv, received, group=group, group_peer=(rank - by) % size),
    ]
    for work in dist.batch_isend_irecv(exchange):
        work.wait()
    return received
