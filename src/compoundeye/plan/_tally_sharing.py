"""What FSDP does with its units in a step: gathers, scatters, sums over copies; and when in a pipeline it need not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from compoundeye.plan._ledger import Group, Ledger
from compoundeye.plan._operations import Operation
from compoundeye.plan._tally_units import Unit

_FLOAT = 4
"""Bytes of a gradient where it is reduced, and of a parameter where it is kept."""


@lru_cache(maxsize=16384)
def sharing(
    unit: Unit, width: int, shard: Group, replicate: Group, forward: float, backward: float, steps: float
) -> tuple[Operation, ...]:
    """Of one unit, or of several that are alike.

    Each gather is a copy into what is sent and one out of what has come; each scatter likewise, and a quotient.

    Args:
        width: bytes of a number while it is computed with.
        forward: gathers of a step before forward passes.
        backward: gathers of a step before backward passes.
        steps: reductions of gradients in a step.
    """
    ways = shard.size
    numbers = unit.gathered(ways)
    mine = numbers // ways
    ledger = Ledger(1.0, "fp32")
    for phase, count in (("forward", forward), ("backward", backward)):
        ledger.count = count
        if count and ways > 1:
            ledger.call(unit.name, phase, "all_gather", shard, numbers * width, hidden=True)  # type: ignore[arg-type]
            ledger.stream("gather", phase, mine * (_FLOAT + width) + 2 * numbers * width)  # type: ignore[arg-type]
        elif count and width != _FLOAT:
            ledger.stream("gather", phase, numbers * (_FLOAT + width))  # type: ignore[arg-type]
    ledger.count = steps
    if unit.learns and steps:
        ledger.call(unit.name, "backward", "reduce_scatter", shard, numbers * _FLOAT, hidden=True)
        ledger.stream("scatter", "backward", numbers * (width + _FLOAT) + 2 * mine * _FLOAT)
        ledger.call(unit.name, "backward", "all_reduce", replicate, mine * _FLOAT, hidden=True)
    return tuple(ledger.operations)


@lru_cache(maxsize=1024)
def turns(pipeline: int, chunks: int, microbatches: int, rank: int) -> tuple[tuple[int, bool], ...]:
    """What a rank of a pipeline does in order: (which of its chunks, whether forward).

    One chunk: as many forward passes as there are stages from it to the last, then one backward and one forward in turn
    (Narayanan et al., 2021, arXiv:2006.09503, figure 4). Several: microbatches go through a chunk in rounds of as many
    as there are ranks (arXiv:2104.04473, section 2.2), with 2 (P - 1 - rank) forward passes more before the first
    backward one and another (C - 1) rounds.
    """
    total = microbatches * chunks
    if chunks == 1:
        warmup = min(microbatches, pipeline - rank)
        order = [True] * warmup
        for _ in range(microbatches - warmup):
            order += [False, True]
        order += [False] * warmup
        return tuple((0, forward) for forward in order)
    rounds = max(1, microbatches // pipeline)
    each = microbatches // rounds
    warmup = min((chunks - 1) * each + 2 * (pipeline - 1 - rank), total)

    def chunk(i: int, *, forward: bool) -> int:
        turn = i // each % chunks
        return turn if forward else chunks - 1 - turn

    found = [(chunk(i, forward=True), True) for i in range(warmup)]
    for i in range(total - warmup):
        found += [(chunk(warmup + i, forward=True), True), (chunk(i, forward=False), False)]
    found += [(chunk(i, forward=False), False) for i in range(total - warmup, total)]
    return tuple(found)


@lru_cache(maxsize=4096)
def gathers(pipeline: int, chunks: int, microbatches: int, rank: int) -> tuple[tuple[int, int], ...]:
    """How often units of each chunk are gathered before forward and before backward passes.

    After a forward pass a unit is let go; after a backward one it stays, until the last, since PyTorch's pipeline lets
    FSDP wait with gradients (torch.distributed.pipelining, ``backward_maybe_with_nosync``).
    """
    found = [[0, 0] for _ in range(chunks)]
    there = [False] * chunks
    for chunk, forward in turns(pipeline, chunks, microbatches, rank):
        if not there[chunk]:
            found[chunk][0 if forward else 1] += 1
        there[chunk] = not forward
    return tuple((before, after) for before, after in found)


def norm_calls(units: Sequence[Unit], expert: bool, shard: Group, tensor: Group, more: Sequence[Group]) -> Iterator[Group]:
    """Groups over which `clip_gradients` sums squares, one call each."""
    splits = {one.split for unit in units if unit.learns for one in unit.parameters}
    for split in sorted(splits):
        if shard.size > 1:
            yield shard
        if split == "part":
            yield tensor
    del expert
    yield from more
