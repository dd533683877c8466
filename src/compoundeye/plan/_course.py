"""The course of one step of a layout: what each stage of its pipeline does when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from compoundeye.capacity import Cluster
from compoundeye.plan._case import Case
from compoundeye.plan._operations import Tally
from compoundeye.plan._search import Measures
from compoundeye.plan._time import StepTime
from compoundeye.plan._timeline import Bar, one_step

_WITHIN = ("tensor", "context", "expert", "pipeline")
"""Dimensions whose traffic is part of every pass; that of the others is shown after the passes."""


@dataclass(frozen=True, slots=True)
class Course:
    """A step, stage by stage."""

    bars: tuple[Bar, ...]
    stages: int
    ranks_each: int
    """Ranks that do the same thing at the same time: a row of the picture."""
    seconds: float


def course(case: Case, cluster: Cluster, measures: Measures | None = None) -> Course:
    """What the stages of a case do when, by the same times as its plan."""
    measures = measures or Measures.of(case.settings, cluster)
    plan = case.plan
    parts = case.microbatches if plan.pipeline > 1 else plan.accumulate
    forward, backward, tails = [], [], []
    for stage in range(plan.pipeline):
        tally = measures.tally(case, stage)
        ahead = _of(tally, ("forward",), cluster, measures)
        back = _of(tally, ("recompute", "backward"), cluster, measures)
        update = _of(tally, ("update",), cluster, measures)
        outside = _outside(ahead) + _outside(back)
        forward.append((ahead.total - _outside(ahead)) / parts)
        backward.append((back.total - _outside(back)) / parts)
        tails.append({"traffic": outside, "update": update.total})
    bars = one_step(forward, backward, parts, plan.chunks, tails)  # type: ignore[arg-type]  # the keys are literals
    ranks = case.world_size // plan.pipeline
    return Course(tuple(bars), plan.pipeline, ranks, max(bar.end for bar in bars))


def _of(tally: Tally, phases: Collection[str], cluster: Cluster, measures: Measures) -> StepTime:
    """Times of some phases alone, without what a pipeline waits."""
    kept = tuple(one for one in tally.operations if one.phase in phases)
    return measures.time(replace(tally, operations=kept, pipeline=1, microbatches=1, chunks=1), cluster)


def _outside(time: StepTime) -> float:
    return sum(seconds for name, seconds in time.exposed.items() if name not in _WITHIN)
