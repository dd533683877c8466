"""Which units FSDP makes of a rank's part of a learner, and how often each is gathered and reduced in a step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Protocol

from compoundeye.nets import ByteTokenizer, FileTokenizer, ViTConfig
from compoundeye.plan._case import Case
from compoundeye.plan._ledger import Group, Learns, Ledger
from compoundeye.plan._operations import Dimension, Operation, Phase
from compoundeye.plan._tally_heads import decoder_of, text_of
from compoundeye.plan._tally_sharing import gathers
from compoundeye.plan._tally_units import (
    Unit,
    block_parameters,
    decoder_parameters,
    end_parameters,
    expert_parameters,
    linear_parameters,
    pool_parameters,
    projection_parameters,
    text_parameters,
    unit,
)

_FLOAT = 4
NOBODY = Group("replicate", 1, 1)


@dataclass(frozen=True, slots=True)
class Share:
    """Equal units and what a step does with each."""

    unit: Unit
    number: int
    width: int
    """Bytes of a number while it is computed with."""
    shard: Group
    replicate: Group
    forward: float
    """Gathers before forward passes."""
    backward: float
    """Gathers before backward passes."""
    reductions: float

    @property
    def held(self) -> int:
        """Numbers of all these units that this rank keeps."""
        return self.number * self.unit.held(self.shard.size)


class Rank(Protocol):
    """What has to be known of a rank."""

    case: Case
    config: ViTConfig
    groups: dict[Dimension, Group]
    learns: Learns
    width: int
    numbers: range
    blocks: tuple[range, ...]
    microbatches: int
    last: bool
    seen: int | None


def shares(rank: Rank) -> list[Share]:
    """All of them."""
    found: list[Share] = []
    for at, number in enumerate(rank.numbers):
        found += _stage(rank, at, number)
    if not rank.last:
        return found
    task, width = rank.case.settings.task, rank.config.width
    match task.kind:
        case "classify":
            found.append(_root(rank, unit("head", True, linear_parameters, width, rank.case.classes, bias=True)))
        case "margin":
            found.append(_root(rank, unit("embed", True, linear_parameters, width, task.dimension, bias=False)))
        case "contrastive":
            text, sigmoid = text_of(rank.case), task.pairs == "sigmoid"
            sizes = (width, text.width, task.dimension)
            found.append(_root(rank, unit("projections", True, projection_parameters, *sizes, sigmoid=sigmoid)))
            words = vocabulary(task.tokenizer, task.text.length)
            ends = unit("text.ends", True, text_parameters, text, words, task.text.length)
            found += _tower(rank, "text.block", text, ends, calls=1)
        case "masked":
            decoder = decoder_of(rank.case, rank.config)
            ends = unit("decoder.ends", True, decoder_parameters, rank.config, decoder)
            # Called twice: to draw, and to judge what was drawn.
            found += _tower(rank, "decoder.block", decoder, ends, calls=2)
    return found


def _stage(rank: Rank, at: int, number: int) -> list[Share]:
    """Units of a stage of the pipeline, or of the whole backbone."""
    config, plan, width = rank.config, rank.case.plan, rank.width
    learns, tensor = rank.learns == "weights", plan.tensor
    shard, replicate, accumulate = rank.groups["shard"], rank.groups["replicate"], plan.accumulate
    last = number == plan.pipeline * plan.chunks - 1
    forward, backward, ahead = _times(rank, at, number)
    found: list[Share] = []
    ends = unit("ends", learns, end_parameters, config, tensor, first=number == 0, last=last)
    if ends.parameters:
        found.append(Share(ends, 1, width, shard, replicate, forward, ahead, accumulate))
    exchanged = plan.expert > 1
    for mixture, count in mixtures(config, rank.blocks[number]):
        block = unit("block", learns, block_parameters, config, tensor, mixture=mixture, exchanged=exchanged)
        found.append(Share(block, count, width, shard, replicate, forward, backward, accumulate))
        if mixture and exchanged:
            experts = unit("experts", learns, expert_parameters, config, plan.expert)
            found.append(Share(experts, count, width, rank.groups["copies"], NOBODY, forward, backward, accumulate))
    if last and config.pool == "attention" and rank.seen is None:
        pool = unit("pool", learns, pool_parameters, config, tensor)
        found.append(Share(pool, 1, width, shard, replicate, forward, backward, accumulate))
    return found


def _times(rank: Rank, at: int, number: int) -> tuple[float, float, float]:
    """Gathers of a step before forward passes, before backward ones, and of what holds the blocks before these."""
    plan, learns, microbatches = rank.case.plan, rank.learns == "weights", rank.microbatches
    times = plan.accumulate
    if plan.pipeline == 1:
        # FSDP fetches ahead what came last in the forward pass, though nothing of it learns.
        return times, times * learns, times
    if number == 0 and not learns:
        return times * microbatches, 0, 0
    forward, backward = gathers(plan.pipeline, plan.chunks, microbatches, rank.numbers[0])[at]
    return forward * times, backward * times, backward * times


def _root(rank: Rank, root: Unit) -> Share:
    """What is in no tower stays in float32, and gathered from the forward pass on."""
    times = rank.case.plan.accumulate
    return Share(root, 1, _FLOAT, rank.groups["shard"], rank.groups["replicate"], times, 0, times)


def _tower(rank: Rank, name: str, config: ViTConfig, ends: Unit, *, calls: int) -> list[Share]:
    shard, replicate, times = rank.groups["shard"], rank.groups["replicate"], rank.case.plan.accumulate
    block = unit(name, True, block_parameters, config, 1, mixture=False)
    return [
        Share(ends, 1, rank.width, shard, replicate, calls * times, calls * times, times),
        Share(block, config.depth, rank.width, shard, replicate, times, times, times),
    ]


def sharing(share: Share) -> tuple[Operation, ...]:
    """All that is sent for equal units.

    Each gather is a copy into what is sent and one out of what has come; each scatter likewise, and a quotient.
    """
    number = share.number
    return _sharing(
        share.unit,
        share.width,
        share.shard,
        share.replicate,
        share.forward * number,
        share.backward * number,
        share.reductions * number,
    )


@lru_cache(maxsize=16384)
def _sharing(
    unit: Unit, width: int, shard: Group, replicate: Group, forward: float, backward: float, reductions: float
) -> tuple[Operation, ...]:
    ways = shard.size
    numbers = unit.gathered(ways)
    mine = numbers // ways
    ledger = Ledger(1.0, "fp32")
    gathers: tuple[tuple[Phase, float], ...] = (("forward", forward), ("backward", backward))
    for phase, count in gathers:
        ledger.count = count
        if count and ways > 1:
            ledger.call(unit.name, phase, "all_gather", shard, numbers * width, hidden=True)
            ledger.stream("gather", phase, mine * (_FLOAT + width) + 2 * numbers * width)
        elif count and width != _FLOAT:
            ledger.stream("gather", phase, numbers * (_FLOAT + width))
    ledger.count = reductions
    if unit.learns:
        ledger.call(unit.name, "backward", "reduce_scatter", shard, numbers * _FLOAT, hidden=True)
        ledger.stream("scatter", "backward", numbers * (width + _FLOAT) + 2 * mine * _FLOAT)
        ledger.call(unit.name, "backward", "all_reduce", replicate, mine * _FLOAT, hidden=True)
    return tuple(ledger.operations)


@lru_cache(maxsize=1024)
def mixtures(c: ViTConfig, blocks: range) -> tuple[tuple[bool, int], ...]:
    """How many blocks have a mixture, and how many have none."""
    found = sum(bool(c.experts) and (i + 1) % c.experts_every == 0 for i in blocks)
    return tuple((one, count) for one, count in ((False, len(blocks) - found), (True, found)) if count)


@lru_cache(maxsize=64)
def vocabulary(tokenizer: str | None, length: int) -> int:
    """Tokens that there are."""
    if tokenizer is None:
        return ByteTokenizer(length).vocabulary
    return FileTokenizer(tokenizer, length).vocabulary


@lru_cache(maxsize=1024)
def kinds(c: ViTConfig, blocks: tuple[range, ...]) -> tuple[tuple[tuple[bool, bool], int], ...]:
    """How many blocks there are of each kind: with a mixture or not, with stochastic depth or not."""
    found: dict[tuple[bool, bool], int] = {}
    for i in chain(*blocks):
        kind = (bool(c.experts) and (i + 1) % c.experts_every == 0, bool(c.drop_path) and i > 0)
        found[kind] = found.get(kind, 0) + 1
    return tuple(sorted(found.items()))
