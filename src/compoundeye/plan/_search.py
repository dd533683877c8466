"""The best layouts of a training: all sensible ones are considered, few are looked at closely.

Best first (Hart, Nilsson and Raphael, 1968): layouts wait in the order of a lower bound of their time, whichever is
lowest is judged more exactly, and what comes out exactly judged is the fastest of all that fit. The answer is that of
trying all. Neither the layouts nor what any of them holds depend on how fast or large the hardware is, so a cluster
that is better in any way has no slower best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import NamedTuple, Self

from compoundeye.capacity import Cluster
from compoundeye.plan._bound import Bounds
from compoundeye.plan._case import Case
from compoundeye.plan._constants import constants_for
from compoundeye.plan._layouts import Work, splits, works
from compoundeye.plan._memory import Memory, memory
from compoundeye.plan._operations import Tally
from compoundeye.plan._rules import refusal
from compoundeye.plan._tally import tally
from compoundeye.plan._time import StepTime, step_time
from compoundeye.records import EyeError
from compoundeye.train import Plan, Settings


@dataclass(frozen=True, slots=True)
class Measures:
    """What a layout is judged by; tests put others in their place."""

    tally: Callable[[Case, int], Tally]
    memory: Callable[[Case, int], Memory]
    time: Callable[[Tally, Cluster], StepTime]

    @classmethod
    def of(cls, settings: Settings, cluster: Cluster) -> Self:
        """By this package's own description of a step, with the constants of compiled PyTorch or of eager."""
        known = constants_for(cluster.node.accelerator.name, compiled=settings.plan.compile)
        return cls(tally, memory, partial(step_time, constants=known))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A layout, with what its fullest stage holds and how long its slowest takes."""

    plan: Plan
    """Fitted."""
    memory: Memory
    fullest: int
    """Stage of the pipeline."""
    time: StepTime
    slowest: int
    """Stage of the pipeline."""
    fits: bool
    left: float
    """Bytes of a device's memory that stay free; negative if it does not fit."""


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, and what became of all others."""

    best: tuple[Candidate, ...]
    """Fastest first; of layouts that differ in nothing but sharing and parts, the best one."""
    considered: int
    """Layouts, ways of sharing parameters not counted."""
    rejected: Mapping[str, int]
    """Layouts that were looked at, by why they are not among the best: rules of training, memory."""
    nearest: Candidate | None
    """If none fits: the one that lacks least."""


def search(
    settings: Settings, classes: int, cluster: Cluster, *, most: int = 3, measures: Measures | None = None
) -> Search:
    """The fastest layouts that fit.

    Args:
        settings: of the training; of their plan precision and compilation count, degrees are searched.
        classes: 0 for a task without.
        most: how many layouts, which differ in tensor, context, pipeline, expert or activation checkpointing.

    Raises:
        EyeError: no plan is made for such a network, or the processes cannot share the batch.
    """
    return _Searching(settings, classes, cluster, measures or Measures.of(settings, cluster)).best(most)


def candidate(
    settings: Settings, classes: int, cluster: Cluster, plan: Plan, *, measures: Measures | None = None
) -> Candidate:
    """One layout, whether it fits or not.

    Raises:
        EyeError: training would refuse it; says why.
    """
    plan = plan.fit(cluster.accelerators)
    if why := refusal(settings, plan):
        raise EyeError(f"training would refuse this layout: {why[1]}; change [plan]")
    measures, case = measures or Measures.of(settings, cluster), case_of(settings, classes, plan)
    memories = {stage: measures.memory(case, stage) for stage in stages(plan)}
    times = {stage: measures.time(measures.tally(case, stage), cluster) for stage in stages(plan)}
    fullest = max(memories, key=lambda stage: memories[stage].peak)
    slowest = max(times, key=lambda stage: times[stage].total)
    left = usable(cluster) - memories[fullest].peak
    return Candidate(plan, memories[fullest], fullest, times[slowest], slowest, left >= 0, left)


def case_of(settings: Settings, classes: int, plan: Plan) -> Case:
    """The case of a fitted plan."""
    world = plan.data * plan.tensor * plan.context * plan.pipeline
    return Case(settings.model_copy(update={"plan": plan}), classes, world)


def stages(plan: Plan) -> list[int]:
    """Stages of a pipeline that stand for all: the first, one of those with most blocks, the last."""
    return sorted({0, min(1, plan.pipeline - 1), plan.pipeline - 1})


def usable(cluster: Cluster) -> float:
    """Bytes that a program can have of a device."""
    return cluster.node.accelerator.memory - cluster.node.accelerator.reserved


Step = Callable[[], Iterator[tuple[float, "Found", "Step | None"]]]
"""Judges a layout more exactly: bound, layout and what judges it further; nothing if it is out."""


class Found(NamedTuple):
    """What waits in a search: a layout, with its shard degree once that is chosen."""

    work: Work
    shard: int = 0

    @property
    def family(self) -> Work:
        """What layouts of one kind have in common."""
        return self.work._replace(chunks=1, parts=1)


class _Searching:
    """One search; what is known of memory is kept."""

    def __init__(self, settings: Settings, classes: int, cluster: Cluster, measures: Measures) -> None:
        self.settings = settings
        self.classes = classes
        self.cluster = cluster
        self.measures = measures
        self.room = usable(cluster)
        self.bounds = Bounds(settings, classes, cluster, measures.tally, measures.time, measures.memory)
        self.rejected: Counter[str] = Counter()
        self.nearest: tuple[float, Plan] | None = None
        self._shards: dict[Work, float] = {}
        self._numbers = count()
        self._waiting: list[tuple[float, Found, int, Step | None]] = []

    def best(self, most: int) -> Search:
        considered = 0
        for work in works(self.settings, self.cluster):
            considered += 1
            self._add(self.bounds.of_work(work), Found(work), partial(self._sharing, work))
        if not considered:
            raise EyeError(
                f"{self.cluster.accelerators:,} GPUs cannot share batches of {self.settings.data.batch:,} pictures of "
                "this model: raise the batch or take fewer GPUs"
            )
        best: dict[Work, Found] = {}
        while self._waiting and len(best) < most:
            _, found, _, step = heappop(self._waiting)
            if found.family in best:
                continue
            if step is None:
                best[found.family] = found
                continue
            for bound, after, further in step():
                self._add(bound, after, further)
        judged = tuple(self._judged(found.work.plan(self.settings.plan, found.shard)) for found in best.values())
        nearest = None if judged or self.nearest is None else self._judged(self.nearest[1])
        return Search(judged, considered, dict(self.rejected), nearest)

    def _add(self, bound: float, found: Found, step: Step | None) -> None:
        heappush(self._waiting, (bound, found, next(self._numbers), step))

    def _judged(self, plan: Plan) -> Candidate:
        return candidate(self.settings, self.classes, self.cluster, plan, measures=self.measures)

    def _sharing(self, work: Work) -> Iterator[tuple[float, Found, Step | None]]:
        """First look: whether it may fit, and the least that sharing parameters costs."""
        if self.bounds.fewest(work, self.room):
            yield self.bounds.of_sharing(work, self.room), Found(work), partial(self._split, work)
        else:
            self.rejected["memory"] += 1
            self._lacks(self.bounds.of_memory(work), work.plan(self.settings.plan, work.data))

    def _split(self, work: Work) -> Iterator[tuple[float, Found, Step | None]]:
        """Second look: each way of sharing."""
        fewest = self.bounds.fewest(work, self.room)
        for plan in splits(self.settings, work, self.rejected):
            if plan.shard < fewest:
                self.rejected["memory"] += 1
                continue
            seconds = self._seconds(plan, min(1, plan.pipeline - 1))
            yield seconds, Found(work, plan.shard), partial(self._all_stages, work, plan)

    def _all_stages(self, work: Work, plan: Plan) -> Iterator[tuple[float, Found, Step | None]]:
        """Third look: the slowest stage."""
        seconds = max(self._seconds(plan, stage) for stage in stages(plan))
        yield seconds, Found(work, plan.shard), partial(self._memory, work, plan.shard, seconds)

    def _memory(self, work: Work, shard: int, seconds: float) -> Iterator[tuple[float, Found, Step | None]]:
        """Last look, since it takes longest: whether it fits."""
        if shard >= self._least(work):
            yield seconds, Found(work, shard), None
        else:
            self.rejected["memory"] += 1

    def _seconds(self, plan: Plan, stage: int) -> float:
        case = case_of(self.settings, self.classes, plan)
        return self.measures.time(self.measures.tally(case, stage), self.cluster).total

    def _least(self, work: Work) -> float:
        """Fewest ranks that can share parameters so that all stages fit; infinite if none can.

        More of them hold no more, so halving the choices finds it.
        """
        if work not in self._shards:
            fewest = self.bounds.fewest(work, self.room)
            choices = [plan for plan in splits(self.settings, work) if plan.shard >= fewest]
            low, high = 0, len(choices)
            middle = 0  # mostly it is the first
            while low < high:
                if self._fits(choices[middle]):
                    high = middle
                else:
                    low = middle + 1
                middle = (low + high) // 2
            self._shards[work] = choices[low].shard if low < len(choices) else inf
        return self._shards[work]

    def _fits(self, plan: Plan) -> bool:
        return all(self._holds(plan, stage) <= self.room for stage in stages(plan))

    def _holds(self, plan: Plan, stage: int) -> int:
        held = self.measures.memory(case_of(self.settings, self.classes, plan), stage).peak
        if held > self.room:
            self._lacks(held, plan)
        return held

    def _lacks(self, held: float, plan: Plan) -> None:
        if (self.nearest is None or held < self.nearest[0]) and refusal(self.settings, plan) is None:
            self.nearest = held, plan
