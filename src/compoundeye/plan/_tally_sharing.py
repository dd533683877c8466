"""In which order a rank of a pipeline goes through its stages, and when FSDP has to gather their units for it."""

from __future__ import annotations

from functools import lru_cache

from compoundeye.train import cut


@lru_cache(maxsize=1024)
def cuts(depth: int, stages: int) -> tuple[range, ...]:
    """Blocks of each stage."""
    return tuple(cut(depth, stages))


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
