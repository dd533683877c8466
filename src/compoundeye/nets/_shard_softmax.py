"""Cosines of embeddings with a shard of a huge matrix of classes, and the softmax's normaliser over them.

What is computed for a shard is the logarithm of the sum of exponentials over all its classes *but a picture's own*, and
the cosine with its own. Own and others are then put together over the shards with vectors of one number a picture, and
a margin on the own cosine is ordinary autograd. Logits of a block of classes at a time are held, and computed again in
the backward pass, as in Dao et al., 2022 (arXiv:2205.14135), if all of them do not fit in what may be used.
Shapes: G pictures of all processes, M classes of this shard, D width of an embedding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from compoundeye.nets._counts import places

LOWEST = -1e30
"""Stands for the logarithm of nothing: subtracting it from -inf is still -inf, not NaN."""
_EPSILON = 1e-12
_FEWEST = 256


def against_shard(
    x: Tensor,
    weight: Tensor,
    own: Tensor,
    *,
    scale: float,
    share: float = 1.0,
    memory: int = 1 << 26,
    precision: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compare pictures with a shard of the classes.

    Args:
        x: embeddings of length 1, float32 [G, D].
        weight: classes, of any length, float32 [M, D].
        own: int64 [G], row of a picture's own class; -1 if it is not here.
        scale: factor of the cosines.
        share: factor of the gradient of ``weight``.
        memory: bytes of logits held at once.
        precision: of the factors of matrix products; everything else is float32.

    Returns:
        Logarithm of the sum of exp(scale cosine) over classes but the own, [G] (``LOWEST`` if there are none); the
        cosine with the own, [G] (0 if it is not here); and the largest term of that sum, without gradient, [G].
    """
    return _AgainstShard.apply(x, weight, own, scale, share, memory, precision)


def nearest_in_shard(x: Tensor, weight: Tensor, *, memory: int = 1 << 26) -> tuple[Tensor, Tensor]:
    """The largest cosine of each picture, [G], and the row of that class, int64 [G]; without rows ``LOWEST`` and 0."""
    best, found = x.new_full((len(x),), LOWEST), torch.zeros(len(x), dtype=torch.int64, device=x.device)
    for part, unit in _blocks(weight, _block(x, memory)):
        value, row = (x @ unit.T).max(1)
        found = torch.where(value > best, row + part.start, found)
        best = torch.maximum(best, value)
    return best, found


class _AgainstShard(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        own: Tensor,
        scale: float,
        share: float,
        memory: int,
        precision: torch.dtype,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.scale, ctx.share, ctx.precision = scale, share, precision
        ctx.block = _block(x, memory)
        most = x.new_full((len(x),), LOWEST)
        total = torch.zeros_like(most)
        cosine = torch.zeros_like(most)
        logits = None
        for part, unit in _blocks(weight, ctx.block):
            logits = _product(x, unit.mul_(scale).T, precision)
            rows, columns = _inside(own, part, share / len(weight))
            cosine[rows] = logits[rows, columns] / scale
            logits[rows, columns] = -torch.inf
            before, most = most, torch.maximum(most, logits.amax(1))
            total = total * (before - most).exp() + (logits - most[:, None]).exp_().sum(1)
        found = torch.where(total > 0, most + total.clamp_min(_EPSILON).log(), LOWEST)
        kept = logits if len(weight) <= ctx.block else None
        ctx.save_for_backward(x, weight, own, found, kept)
        ctx.mark_non_differentiable(most)
        return found, cosine, most

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, of_sum: Tensor, of_cosine: Tensor, _: Tensor
    ) -> tuple[Tensor, Tensor, None, None, None, None, None]:
        x, weight, own, found, kept = ctx.saved_tensors
        to_x, to_weight = torch.zeros_like(x), torch.empty_like(weight)
        for part, unit in _blocks(weight, ctx.block):
            logits = _product(x, unit.T, ctx.precision).mul_(ctx.scale) if kept is None else kept
            rows, columns = _inside(own, part, ctx.share / len(weight))
            # Gradient of cosines [G, block]: the share of a class in the sum, but for the own class its own gradient.
            of = (logits - found[:, None]).exp_().mul_((ctx.scale * of_sum)[:, None])
            of[rows, columns] = of_cosine[rows]
            to_x += _product(of, unit, ctx.precision)
            of_unit = _product(of.T, x, ctx.precision).mul_(ctx.share)
            # The part along the class itself does not turn it.
            of_unit.addcmul_(unit, (of_unit * unit).sum(1, keepdim=True), value=-1)
            to_weight[part] = of_unit.div_(weight[part].norm(dim=1, keepdim=True).clamp_min_(_EPSILON))
        return to_x, to_weight, None, None, None, None, None


def _product(a: Tensor, b: Tensor, precision: torch.dtype) -> Tensor:
    """[n, k] times [k, m], in float32 whatever the factors are rounded to."""
    return (a.to(precision) @ b.to(precision)).float()


def _block(x: Tensor, memory: int) -> int:
    """Classes whose logits are held at once."""
    return max(memory // (4 * max(len(x), 1)), _FEWEST)


def _blocks(weight: Tensor, size: int) -> Iterator[tuple[slice, Tensor]]:
    """Which rows, and those rows at length 1."""
    for first in range(0, len(weight), size):
        rows = weight[first : first + size]
        yield slice(first, first + len(rows)), rows / rows.norm(dim=1, keepdim=True).clamp_min_(_EPSILON)


def _inside(own: Tensor, part: slice, chance: float) -> tuple[Tensor, Tensor]:
    """Pictures whose own class is in a block, and which of its columns that is; ``chance`` is that of each row."""
    inside = (own >= part.start) & (own < part.stop)
    rows = places(inside, len(own) * chance * (part.stop - part.start))
    return rows, own[rows] - part.start
