"""A long training under failures as a discrete-event simulation (SimPy): nodes fail, are repaired, the job restarts.

Time is in whole microseconds, so the accounts add up exactly. Between two interruptions nothing is random, so a stretch
of running is settled in one go (`Stretch`) instead of checkpoint by checkpoint: weeks take milliseconds.

What is modelled, and what is not:

- Failures strike nodes of the job at a constant rate per GPU (Poisson), while it runs, restarts or hangs unnoticed;
  nodes that wait or stand by do not fail. Failures are independent: no rack or power event takes many nodes at once.
- A share of failures takes the node away until repaired (exponential times); the rest only ends the job.
- After the detection, spare nodes replace lost ones. If there are too few, the job waits; an elastic one goes on with
  as many whole replicas as there are, at a speed in proportion to them, and grows again at its next restart, or at once
  where that gains more until the next expected interruption than stopping costs.
- A straggler slows the whole job down, however many there are, until it is found; then a checkpoint is written and
  the node is replaced.
- Detection, restart, saving and writing take fixed times. Checkpoints do not slow training beside ``save``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from random import Random
from typing import Any

import simpy

from compoundeye.capacity._reliability import HOUR, Reliability
from compoundeye.capacity._stretch import Cadence, Stretch

MICRO = 1_000_000
CAUSES = ("computing again", "detection", "restart", "waiting for nodes", "fewer nodes", "saving", "stragglers")
"""Where time that is not useful goes."""

Steps = Generator[simpy.Event, Any, None]


def micro(seconds: float) -> int:
    """Whole microseconds."""
    return round(seconds * MICRO)


@dataclass(frozen=True, slots=True)
class Job:
    """What is simulated."""

    gpus: int
    reliability: Reliability
    cadence: Cadence
    horizon: int
    """Microseconds."""
    spares: int
    """Nodes that stand by at the start."""
    elastic: bool
    replica: int
    """Nodes that an elastic job gives up together: those of one replica of the model."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One simulated run, in microseconds: ``useful`` and all of ``lost`` add up to the horizon."""

    horizon: int
    useful: int
    lost: dict[str, int]
    failures: int
    planned: int
    stragglers: int


def simulated(job: Job, seed: int) -> Ledger:
    """One run; the same seed gives the same run, whatever else was simulated before."""
    return _Run(job, seed).ledger()


class _Run:
    """The job and its cluster in one simulation."""

    def __init__(self, job: Job, seed: int) -> None:
        self.job, self.facts = job, job.reliability
        # A stream a cause: with other spares or another interval the same failures strike.
        self.failing, self.mending, self.planning, self.slowing = (
            Random(f"{seed}/{cause}") for cause in ("failures", "repairs", "planned", "stragglers")
        )
        self.env = simpy.Environment(initial_time=0)
        self.nodes = job.reliability.nodes(job.gpus)
        self.at_work, self.standing_by = self.nodes, job.spares
        self.slow = 0
        self.time: Counter[str] = Counter(dict.fromkeys(("useful", *CAUSES), 0))
        self.count: Counter[str] = Counter()
        self.phase, self.since = "", 0
        self.stretch: Stretch | None = None
        self.lossless = True
        self.hit = False
        """Something of this moment ends the phase already."""
        self.arrived = self.env.event()
        self.main = self.env.process(self._main())
        for steps, rate in (
            (self._failures, self.facts.failures * job.gpus),
            (self._stragglers, self.facts.stragglers * job.gpus),
            (self._planned, self.facts.planned),
        ):
            if rate > 0.0:
                self.env.process(steps(rate / (HOUR * MICRO)))

    def ledger(self) -> Ledger:
        """Run to the horizon; what is under way then is settled as if the run were over."""
        self.env.run(until=self.job.horizon)
        self.lossless = True
        self._enter("")
        lost = {cause: self.time[cause] for cause in CAUSES}
        count = self.count
        return Ledger(
            self.job.horizon, self.time["useful"], lost, count["failures"], count["planned"], count["stragglers"]
        )

    # What happens to the job.

    def _main(self) -> Steps:
        self._begin()
        while True:
            failed = yield from self._interrupted()
            yield from self._stopped(failed)
            while True:
                yield from self._assembled()
                if not (yield from self._restarted()):
                    break
                yield from self._stopped(failed=True)
            self._begin()

    def _begin(self) -> None:
        self._enter("training")
        now = int(self.env.now)
        self.stretch = Stretch(self.job.cadence, now, (self.at_work, self.nodes), [(now, self.slow > 0)])

    def _interrupted(self) -> Generator[simpy.Event, Any, bool]:
        """Until something ends the stretch; whether that was a failure."""
        cause = None
        while cause is None:
            try:
                yield self.env.event()
            except simpy.Interrupt as interrupt:
                cause = interrupt.cause
        self.lossless = cause != "failure"
        return not self.lossless

    def _stopped(self, failed: bool) -> Steps:
        """What stopping takes: until it is noticed, or until a last checkpoint is whole."""
        cadence = self.job.cadence
        yield from self._pass(
            *(("detection", micro(self.facts.detection)) if failed else ("saving", cadence.save + cadence.write))
        )

    def _assembled(self) -> Steps:
        """Nodes for the job: from those that stand by, else by going on with fewer, else by waiting."""
        while True:
            taken = min(self.standing_by, self.nodes - self.at_work)
            self.standing_by -= taken
            self.at_work += taken
            if self.at_work == self.nodes:
                return
            replica = self.job.replica
            whole = (self.at_work // replica) * replica
            if self.job.elastic and whole > 0:
                self.standing_by += self.at_work - whole
                self.at_work = whole
                return
            self._enter("waiting for nodes")
            self.arrived = self.env.event()
            yield self.arrived

    def _restarted(self) -> Generator[simpy.Event, Any, bool]:
        """The restart; whether a failure ended it."""
        self._enter("restart")
        try:
            yield self.env.timeout(micro(self.facts.restart))
        except simpy.Interrupt:
            return True
        return False

    def _pass(self, phase: str, duration: int) -> Steps:
        self._enter(phase)
        yield self.env.timeout(duration)

    def _enter(self, phase: str) -> None:
        """Book the time since the last phase began."""
        now = int(self.env.now)
        if self.stretch is not None:
            self.time.update(self.stretch.ended(now, lossless=self.lossless, slowdown=self.facts.slowdown))
            self.stretch = None
        elif self.phase:
            self.time[self.phase] += now - self.since
        self.phase, self.since, self.hit = phase, now, False

    # What happens to nodes.

    def _failures(self, rate: float) -> Steps:
        while True:
            yield self.env.timeout(max(1, int(self.failing.expovariate(rate))))
            hardware = self.failing.random() < self.facts.hardware
            # Thinned: at the whole job's rate, but only nodes at work fail.
            if self.failing.random() * self.nodes >= self.at_work or self.phase == "waiting for nodes":
                continue
            self.count["failures"] += 1
            if hardware:
                self.at_work -= 1
                self.env.process(self._repair())
            if self.phase in ("training", "restart"):
                self._end("failure")

    def _planned(self, rate: float) -> Steps:
        while True:
            yield self.env.timeout(max(1, int(self.planning.expovariate(rate))))
            self.count["planned"] += 1
            if self.phase == "training":  # done along with the restart otherwise
                self._end("planned")

    def _stragglers(self, rate: float) -> Steps:
        while True:
            yield self.env.timeout(max(1, int(self.slowing.expovariate(rate))))
            if self.phase == "training":
                self.count["stragglers"] += 1
                self.env.process(self._straggler())

    def _straggler(self) -> Steps:
        self._slowed(1)
        yield self.env.timeout(micro(self.facts.straggler_search))
        self._slowed(-1)
        if self.phase == "training":
            self.at_work -= 1
            self._end("straggler")
        elif self.standing_by > 0:
            self.standing_by -= 1  # swapped while the job is down
        else:
            return
        self.env.process(self._repair())

    def _slowed(self, change: int) -> None:
        self.slow += change
        if self.stretch is not None:
            self.stretch.slow.append((int(self.env.now), self.slow > 0))

    def _repair(self) -> Steps:
        yield self.env.timeout(int(self.mending.expovariate(1.0 / MICRO) * self.facts.repair))
        self.standing_by += 1
        if not self.arrived.triggered:
            self.arrived.succeed()
        if self.phase == "training" and self._worth_growing():
            self._end("growing")

    def _worth_growing(self) -> bool:
        """Whether more nodes until the next expected interruption gain more than stopping for them costs."""
        size = min(self.nodes, self.at_work + self.standing_by) // self.job.replica * self.job.replica
        gain = (size - self.at_work) / self.nodes
        hours = self.facts.failures * self.job.gpus + self.facts.planned
        left = (self.job.horizon - self.env.now) / MICRO
        remaining = min(left, HOUR / hours) if hours else left
        return gain * remaining > self.facts.restart + (self.job.cadence.save + self.job.cadence.write) / MICRO

    def _end(self, cause: str) -> None:
        """Interrupt the job, once: what follows within the same moment finds it stopped."""
        if not self.hit:
            self.hit = True
            self.main.interrupt(cause)
