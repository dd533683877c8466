"""Seconds and bytes that no layout of a kind undercuts: cheap, so that most layouts need not be looked at closely.

Two bounds of time. The first knows arithmetic and the traffic that a rank's layers wait for; these are alike for all
layouts with equal tensor, context, expert, activation checkpointing and rows of a pass, so few cases make the bounds of
many. The second adds what sharing parameters costs at least: gathering them over as few ranks as can hold them.
One bound of memory: parameters and moments, and what blocks keep of the pictures that are on their way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil

from compoundeye.capacity import Cluster
from compoundeye.plan._case import Case
from compoundeye.plan._layouts import Work, divisors
from compoundeye.plan._memory import Memory
from compoundeye.plan._operations import Collective, Operation, Tally
from compoundeye.plan._rules import shape_of
from compoundeye.plan._time import StepTime
from compoundeye.train import Plan, Settings

_WAITED_FOR = ("tensor", "context")
_SHARING = ("gather", "scatter")
"""Parts of a tally that depend on how parameters are shared."""
_LEAST_HELD = {"adamw": 12, "sgd": 4, "muon": 8}
"""Bytes of a parameter and the moments that every optimiser of this name keeps of it."""

Count = Callable[[Case, int], Tally]
Clock = Callable[[Tally, Cluster], StepTime]
Hold = Callable[[Case, int], Memory]


class Bounds:
    """Lower bounds for one training on one cluster."""

    def __init__(
        self, settings: Settings, classes: int, cluster: Cluster, count: Count, clock: Clock, hold: Hold
    ) -> None:
        self._settings = settings
        self._classes = classes
        self._cluster = cluster
        self._count = count
        self._clock = clock
        self._hold = hold
        self._known: dict[tuple[object, ...], float] = {}
        self._kept: dict[tuple[object, ...], float] = {}
        shape = shape_of(settings)
        hidden = shape.hidden or 4 * shape.width
        self._block = 4 * shape.width**2 + (0 if shape.experts else 2 * shape.width * hidden)
        """Numbers in the matrices of a block, at least."""
        self._depth = shape.depth
        self._period = shape.experts_every if shape.experts else 1
        """Blocks after which they repeat."""

    def of_work(self, work: Work) -> float:
        """Seconds of the mean stage and of what a pipeline waits at least; of stages the slowest counts."""
        rows = self._rows(work)
        key = _alike(work, rows)
        if key not in self._known:
            self._known[key] = self._one_pass(work, rows)
        passes = self._known[key] * work.parts / work.pipeline
        return passes * (1 + (work.pipeline - 1) / (work.parts * work.chunks))

    def of_sharing(self, work: Work, room: float) -> float:
        """The same, of the stage after the first, with parameters gathered over the fewest ranks that can hold them.

        More ranks gather no less and wait for more hops; what is summed over copies is left out.

        Args:
            room: bytes of a device.
        """
        plan = work.plan(self._settings.plan, max(self.fewest(work, room), 1))
        whole = self._count(self._case(plan), min(1, plan.pipeline - 1))
        kept = tuple(one for one in whole.operations if _gathers(one) or _computes(one))
        return self._clock(replace(whole, operations=kept), self._cluster).total

    def fewest(self, work: Work, room: float) -> int:
        """Ranks that have to share parameters, at least, so that a device's room may be enough; 0 if none are."""
        held, left = self._state(work), room - self._passing(work)
        return next((one for one in divisors(work.data) if held <= left * one), 0)

    def of_memory(self, work: Work) -> float:
        """Bytes that the first stage holds at least, all data ranks sharing parameters."""
        return self._state(work) / work.data + self._passing(work)

    def _state(self, work: Work) -> float:
        """Of blocks' matrices and of the moments that are kept of them, without sharing."""
        blocks = self._depth // work.pipeline
        held = _LEAST_HELD[self._settings.optimiser.name] * self._block * blocks / work.tensor / work.context
        return held if self._settings.optimiser.backbone_rate else held / 3  # nothing but the parameters themselves

    def _passing(self, work: Work) -> float:
        """What pictures on their way through the first stage make it hold, however parameters are shared.

        Its blocks keep what they made of each microbatch until it comes back; from the first that does, a pipeline
        keeps whole parameters and gradients until the last.
        """
        key = _alike(work, self._rows(work))
        if key not in self._kept:
            # Of one or two blocks the first may hold most while it makes what it keeps.
            low, high = (self._activated(work, self._period * times + 1) for times in (2, 3))
            self._kept[key] = max(high - low, 0.0)
        blocks = self._depth // (work.pipeline * work.chunks)
        each = self._kept[key] * (blocks // self._period)
        if work.pipeline == 1:
            return each
        ahead = each * _ahead(work)
        if work.parts == 1:
            return ahead
        number = self._block * blocks / work.tensor
        parameters = number * (4 if self._settings.plan.precision == "fp32" else 2)
        gradients = 4 * number * bool(self._settings.optimiser.backbone_rate)
        # Of several chunks one is done after the other, unless each is come back to for more microbatches.
        every = gradients * work.chunks if work.parts >= 2 * work.pipeline else gradients
        return max(ahead, ahead - each + parameters + gradients, parameters + every)

    def _activated(self, work: Work, depth: int) -> float:
        """Bytes of activations that so many blocks keep, at most, of one pass."""
        alone = work._replace(pipeline=1, chunks=1, parts=1, data=2 * work.expert)
        rows = self._rows(work)
        case = self._case(alone.plan(self._settings.plan, alone.data), batch=rows * alone.data, depth=depth)
        return max(moment.parts.get("activations", 0) for moment in self._hold(case, 0).moments)

    def _rows(self, work: Work) -> int:
        return ceil(ceil(self._settings.data.batch / work.data) / work.parts)

    def _one_pass(self, work: Work, rows: int) -> float:
        """All blocks and ends, forward and backward, for so many rows of a data rank; by as few ranks as can be."""
        alone = work._replace(pipeline=1, chunks=1, parts=1, data=2 * work.expert)
        case = self._case(alone.plan(self._settings.plan, alone.data), batch=rows * alone.data)
        whole = self._count(case, 0)
        kept = tuple(one for one in whole.operations if _computes(one) and not _once(one))
        return self._clock(replace(whole, operations=kept, ranks=1), self._cluster).total

    def _case(self, plan: Plan, batch: int | None = None, depth: int | None = None) -> Case:
        update: dict[str, object] = {"plan": plan}
        if batch is not None:
            update["data"] = self._settings.data.model_copy(update={"batch": batch})
        if depth is not None:
            options = {**self._settings.model.options, "depth": depth}
            update["model"] = self._settings.model.model_copy(update={"options": options})
        world = plan.data * plan.tensor * plan.context * plan.pipeline
        return Case(self._settings.model_copy(update=update), self._classes, world)


def _ahead(work: Work) -> int:
    """Passes through a chunk that the first stage has done when the first comes back: see `turns`."""
    if work.chunks == 1:
        return min(work.pipeline, work.parts)
    return min((work.chunks - 1) * work.pipeline + 2 * (work.pipeline - 1), work.parts * work.chunks)


def _alike(work: Work, rows: int) -> tuple[object, ...]:
    """Works of which a block does and keeps the same have this in common."""
    return work.tensor, work.context, work.expert, work.checkpointing, rows


def _computes(one: Operation) -> bool:
    """Arithmetic, streams and traffic that are the same however parameters are shared."""
    if one.phase == "update" or one.part in _SHARING:
        return False
    return not isinstance(one, Collective) or (one.dimension in _WAITED_FOR and not one.hidden)


def _once(one: Operation) -> bool:
    """Gradients of what tensor ranks hold alike are summed once a step in a pipeline, not with every microbatch."""
    return isinstance(one, Collective) and one.kind == "all_reduce"


def _gathers(one: Operation) -> bool:
    return isinstance(one, Collective) and one.hidden and one.kind in ("all_gather", "reduce_scatter")
