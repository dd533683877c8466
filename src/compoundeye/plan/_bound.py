"""Seconds that no layout of a kind undercuts: cheap, so that most layouts need not be looked at closely.

Two bounds. The first knows arithmetic and the traffic that a rank's layers wait for; these are alike for all layouts
with equal tensor, context, expert, activation checkpointing and rows of a pass, so few cases make the bounds of many.
The second adds what sharing parameters costs at least: gathering them over as few ranks as can hold them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil

from compoundeye.capacity import Cluster
from compoundeye.plan._case import Case
from compoundeye.plan._layouts import Work, divisors
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


class Bounds:
    """Lower bounds for one training on one cluster."""

    def __init__(self, settings: Settings, classes: int, cluster: Cluster, count: Count, clock: Clock) -> None:
        self._settings = settings
        self._classes = classes
        self._cluster = cluster
        self._count = count
        self._clock = clock
        self._known: dict[tuple[object, ...], float] = {}
        shape = shape_of(settings)
        hidden = shape.hidden or 4 * shape.width
        self._block = 4 * shape.width**2 + (0 if shape.experts else 2 * shape.width * hidden)
        """Numbers in the matrices of a block, at least."""
        self._depth = shape.depth

    def of_work(self, work: Work) -> float:
        """Seconds of the mean stage and of what a pipeline waits at least; of stages the slowest counts."""
        rows = ceil(ceil(self._settings.data.batch / work.data) / work.parts)
        key = (work.tensor, work.context, work.expert, work.checkpointing, rows)
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
        plan = work.plan(self._settings.plan, self.fewest(work, room))
        whole = self._count(self._case(plan), min(1, plan.pipeline - 1))
        kept = tuple(one for one in whole.operations if _gathers(one) or _computes(one))
        return self._clock(replace(whole, operations=kept), self._cluster).total

    def fewest(self, work: Work, room: float) -> int:
        """Ranks that have to share parameters, at least: what each keeps of matrices and moments is to fit."""
        blocks = self._depth // work.pipeline
        held = _LEAST_HELD[self._settings.optimiser.name] * self._block * blocks / work.tensor / work.context
        if not self._settings.optimiser.backbone_rate:
            held /= 3  # nothing but the parameters themselves
        return next((one for one in divisors(work.data) if one >= held / room), work.data)

    def _one_pass(self, work: Work, rows: int) -> float:
        """All blocks and ends, forward and backward, for so many rows of a data rank; by as few ranks as can be."""
        alone = work._replace(pipeline=1, chunks=1, parts=1, data=work.expert)
        case = self._case(alone.plan(self._settings.plan, alone.data), batch=rows * alone.data)
        whole = self._count(case, 0)
        kept = tuple(one for one in whole.operations if _computes(one))
        return self._clock(replace(whole, operations=kept, ranks=1), self._cluster).total

    def _case(self, plan: Plan, batch: int | None = None) -> Case:
        update: dict[str, object] = {"plan": plan}
        if batch is not None:
            update["data"] = self._settings.data.model_copy(update={"batch": batch})
        world = plan.data * plan.tensor * plan.context * plan.pipeline
        return Case(self._settings.model_copy(update=update), self._classes, world)


def _computes(one: Operation) -> bool:
    """Arithmetic, streams and traffic that are the same however parameters are shared."""
    if one.phase == "update" or one.part in _SHARING:
        return False
    return not isinstance(one, Collective) or (one.dimension in _WAITED_FOR and not one.hidden)


def _gathers(one: Operation) -> bool:
    return isinstance(one, Collective) and one.hidden and one.kind in ("all_gather", "reduce_scatter")
