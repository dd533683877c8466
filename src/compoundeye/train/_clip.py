"""One norm of all gradients, wherever their shards are."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Replicate

from compoundeye.train._layout import Layout

_TINY = 1e-6


@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], most: float, layout: Layout) -> Tensor:
    """Scale gradients so that their norm over the whole model is at most ``most`` (Pascanu et al., 2013).

    Each process sums the squares of its shards; sums are added along the dimensions by which a gradient is sharded, and
    along the pipeline. Where a gradient is replicated it counts once. All processes get the same norm and factor.

    Args:
        parameters: of this process; a plain (not distributed) one counts as held by every process along data.
        most: infinity to only measure.

    Returns:
        The norm before clipping, float32 scalar; not finite if any gradient is not.
    """
    by_place: dict[tuple[DeviceMesh, tuple[int, ...]] | None, list[Tensor]] = {}
    for parameter in parameters:
        if (gradient := parameter.grad) is not None:
            place, local = _place(gradient)
            by_place.setdefault(place, []).append(local)
    total = torch.zeros((), device=layout.device)
    for place, gradients in by_place.items():
        squares = _squares(gradients)
        for dimension in place[1] if place else ():
            assert place is not None
            dist.all_reduce(squares, group=place[0].get_group(dimension))
        total += squares
    if layout.mesh is not None and layout.size("pipeline") > 1:
        dist.all_reduce(total, group=layout.mesh["pipeline"].get_group())
    norm = total.sqrt()
    if most != float("inf"):
        factor = (most / (norm + _TINY)).clamp(max=1.0)
        for gradients in by_place.values():
            torch._foreach_mul_(gradients, factor)
    return norm


def _place(gradient: Tensor) -> tuple[tuple[DeviceMesh, tuple[int, ...]] | None, Tensor]:
    """The mesh and those of its dimensions that shard a gradient (None if it is whole), and what this process has."""
    if not isinstance(gradient, DTensor):
        return None, gradient
    assert not any(isinstance(one, Partial) for one in gradient.placements), "a gradient was not reduced"
    dimensions = tuple(i for i, one in enumerate(gradient.placements) if not isinstance(one, Replicate))
    mesh = gradient.device_mesh
    return (mesh, tuple(i for i in dimensions if mesh.size(i) > 1)), gradient.to_local()


def _squares(gradients: list[Tensor]) -> Tensor:
    """Sum of squares, in float32."""
    norms = torch._foreach_norm(gradients, 2.0, dtype=torch.float32)
    return torch.stack(list(norms)).square().sum()
