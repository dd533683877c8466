"""When each stage of a pipeline does what in a step: the course that a picture of it shows.

The order of microbatches is that of PyTorch's schedules, which train uses: one forward, one backward in turn
(PipeDream-Flush, Narayanan et al., 2021, arXiv:2006.09503), or interleaved where stages hold several chunks of blocks
(arXiv:2104.04473, section 2.2). A course without a pipeline is one stage with as many passes as are accumulated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Doing = Literal["forward", "backward", "traffic", "update"]


@dataclass(frozen=True, slots=True)
class Bar:
    """A stage is busy with something."""

    stage: int
    doing: Doing
    start: float
    """Seconds from the start of the step."""
    end: float
    part: int
    """Number of the microbatch."""
    chunk: int = 0


def one_step(
    forward: Sequence[float],
    backward: Sequence[float],
    parts: int,
    chunks: int,
    tail: Sequence[Mapping[Doing, float]],
) -> list[Bar]:
    """The course of a step.

    Args:
        forward: seconds of a microbatch by stage, over all its chunks.
        backward: likewise, with what is computed again.
        parts: microbatches.
        chunks: of blocks, that each stage holds.
        tail: by stage, what follows its last backward pass, in order: seconds.
    """
    stages = len(forward)
    waiting = {stage: _order(stage, stages, parts, chunks) for stage in range(stages)}
    done: dict[tuple[Doing, int, int], float] = {}
    free = [0.0] * stages
    bars: list[Bar] = []
    last = stages * chunks - 1
    while any(waiting.values()):
        moved = False
        for stage, order in waiting.items():
            while order:
                doing, part, chunk = order[0]
                place = chunk * stages + stage
                if doing == "forward":
                    before = 0.0 if place == 0 else done.get(("forward", part, place - 1))
                    took = forward[stage] / chunks
                else:
                    key: tuple[Doing, int, int] = (
                        ("forward", part, place) if place == last else (doing, part, place + 1)
                    )
                    before = done.get(key)
                    took = backward[stage] / chunks
                if before is None:
                    break
                start = max(before, free[stage])
                free[stage] = done[(doing, part, place)] = start + took
                bars.append(Bar(stage, doing, start, start + took, part, chunk))
                order.pop(0)
                moved = True
        assert moved, "the orders of the stages wait for each other"
    for stage, more in enumerate(tail):
        for doing, took in more.items():
            if took > 0:
                bars.append(Bar(stage, doing, free[stage], free[stage] + took, -1))
                free[stage] += took
    return bars


def _order(stage: int, stages: int, parts: int, chunks: int) -> list[tuple[Doing, int, int]]:
    """(what, microbatch, chunk) of one stage."""
    total = parts * chunks
    if chunks == 1:
        ahead = min(stages - stage - 1, total)
    else:
        ahead = min((chunks - 1) * stages + 2 * (stages - 1 - stage), total)
    forwards: list[tuple[Doing, int, int]] = [("forward", *_piece(i, stages, chunks, back=False)) for i in range(total)]
    backwards: list[tuple[Doing, int, int]] = [
        ("backward", *_piece(i, stages, chunks, back=True)) for i in range(total)
    ]
    order = forwards[:ahead]
    for i in range(total - ahead):
        order += [forwards[ahead + i], backwards[i]]
    return order + backwards[total - ahead :]


def _piece(number: int, stages: int, chunks: int, *, back: bool) -> tuple[int, int]:
    """Microbatch and chunk of the n-th piece: as many microbatches as there are stages through each chunk in turn."""
    if chunks == 1:
        return number, 0
    round_, rest = divmod(number, stages * chunks)
    chunk, part = divmod(rest, stages)
    return round_ * stages + part, chunks - 1 - chunk if back else chunk
