"""Goodput: which share of the time that a cluster is paid for makes a training advance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from compoundeye.capacity._failures import CAUSES, Job, micro, simulated
from compoundeye.capacity._interval import Tried, best_interval, whole_steps
from compoundeye.capacity._reliability import HOUR, Reliability
from compoundeye.capacity._spares import spares_needed
from compoundeye.capacity._stretch import Cadence
from compoundeye.capacity._term import Term
from compoundeye.capacity._young_daly import daly, expected_fraction
from compoundeye.records import EyeError

DAY = 86_400.0
SIMULATION = "discrete-event simulation (capacity/_failures.py)"
DALY_FORMULA = "sqrt(2 save mttf) (1 + p / 3 + p^2 / 9) - save, with p^2 = save / (2 mttf)"
DALY = "Daly, A higher order estimate of the optimum checkpoint interval for restart dumps, FGCS 22(3), 2006"


@dataclass(frozen=True, slots=True)
class Goodput:
    """What a training of so many days gets done under failures; shares are of the elapsed time."""

    fraction: float
    """Useful time over elapsed time, mean over the runs."""
    low: float
    """5th percentile of the runs: how bad luck may be."""
    high: float
    """95th percentile."""
    interval: float
    """Seconds of work between checkpoints, whole steps."""
    young_daly: float
    """Daly's optimum, seconds, before it is rounded to steps and kept above the time that writing takes."""
    analytic: float
    """The fraction in closed form, without waiting for nodes and stragglers."""
    failures: float
    """Unplanned, mean over the runs."""
    planned: float
    mttf: float
    """Mean seconds to an unplanned failure."""
    lost: Mapping[str, float]
    """Share by cause: with ``fraction`` they add up to 1."""
    curve: Tried
    """Intervals tried and the goodput with each; empty where the interval was given."""
    reliability: Reliability
    gpus: int
    days: float
    spares: int
    """Nodes that stood by at the start."""

    @property
    def of_paid(self) -> float:
        """Useful share of all node-time, that of spare nodes included."""
        nodes = self.reliability.nodes(self.gpus)
        return self.fraction * nodes / (nodes + self.spares)

    def terms(self) -> tuple[Term, ...]:
        """Each figure with its formula or source."""
        computed = [
            ("fraction", self.fraction, "1", "useful time / elapsed time, mean of the runs", SIMULATION),
            ("low", self.low, "1", "5th percentile of the runs", SIMULATION),
            ("high", self.high, "1", "95th percentile of the runs", SIMULATION),
            ("analytic", self.analytic, "1", "useful / elapsed by renewal (expected_fraction)", DALY),
            ("mttf", self.mttf, "s", "1 / (failures per GPU and hour x GPUs)", "nodes in series"),
            ("failures", self.failures, "1", "counted, mean of the runs", SIMULATION),
            ("of_paid", self.of_paid, "1", "fraction x nodes / (nodes + spares)", SIMULATION),
            ("spares", float(self.spares), "nodes", "given, or the 99th percentile of nodes under repair", "Palm 1938"),
            ("planned", self.planned, "1", "counted, mean of the runs", SIMULATION),
            ("interval", self.interval, "s", "work between checkpoints in the simulation", SIMULATION),
            (
                "young_daly",
                self.young_daly,
                "s",
                "sqrt(2 save mttf)(1 + p/3 + p^2/9) - save, p^2 = save/(2 mttf)",
                DALY,
            ),
            *((f"lost.{cause}", share, "1", "time / elapsed time", SIMULATION) for cause, share in self.lost.items()),
        ]
        return (
            *(
                Term(f"goodput.{key}", value, unit, how, "computed", source)
                for key, value, unit, how, source in computed
            ),
            *self.reliability.terms(),
        )


def goodput(
    gpus: int,
    reliability: Reliability,
    *,
    step_seconds: float,
    save_seconds: float,
    write_seconds: float = 0.0,
    interval: float | None = None,
    days: float = 30.0,
    spares: int | None = None,
    elastic: bool = False,
    replica: int = 1,
    seed: int = 0,
    runs: int = 32,
) -> Goodput:
    """Simulate a training under failures ``runs`` times.

    Args:
        gpus: of the job.
        reliability: of the place, see `reliability`.
        step_seconds: of one step; checkpoints are taken after whole steps.
        save_seconds: that a checkpoint keeps training from going on.
        write_seconds: from then until it is whole, in the background; the next one waits for that.
        interval: seconds of work between checkpoints; None: the best that the simulation finds.
        days: that the nodes are paid for.
        spares: nodes that stand by beside the job's; None: as many as `spares_needed` says.
        elastic: go on with fewer nodes instead of waiting for repairs.
        replica: nodes that an elastic job gives up together.
        seed: of the first run; the others take the next ones. The same seed gives the same answer.
        runs: how many.

    Raises:
        EyeError: an argument that cannot be.
    """
    spares = spares_needed(gpus, reliability) if spares is None else spares
    _check(gpus=gpus, step_seconds=step_seconds, days=days, replica=replica, runs=runs)
    _check(save_seconds=save_seconds, write_seconds=write_seconds, spares=spares, zero=True)
    if interval is not None:
        _check(interval=interval)
    mttf = reliability.mttf(gpus)
    cadence = Cadence(micro(step_seconds), micro(save_seconds), micro(write_seconds))
    job = Job(gpus, reliability, cadence, micro(days * DAY), spares, elastic, replica)
    curve: Tried = ()
    if interval is None:
        interval, curve = best_interval(job, step_seconds, seed=seed)
    interval = whole_steps(interval, step_seconds, write_seconds)
    job = replace(job, cadence=replace(cadence, work=micro(interval)))
    ledgers = tuple(simulated(job, seed + i) for i in range(runs))
    fractions = sorted(ledger.useful / ledger.horizon for ledger in ledgers)
    return Goodput(
        fraction=fmean(fractions),
        low=percentile(fractions, 0.05),
        high=percentile(fractions, 0.95),
        interval=interval,
        young_daly=daly(save_seconds, mttf),
        analytic=expected_fraction(
            interval,
            save=save_seconds,
            write=write_seconds,
            mttf=mttf,
            detection=reliability.detection,
            restart=reliability.restart,
            planned=reliability.planned / HOUR,
        ),
        failures=fmean(ledger.failures for ledger in ledgers),
        planned=fmean(ledger.planned for ledger in ledgers),
        mttf=mttf,
        lost={cause: fmean(ledger.lost[cause] / ledger.horizon for ledger in ledgers) for cause in CAUSES},
        curve=curve,
        reliability=reliability,
        gpus=gpus,
        days=days,
        spares=spares,
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Between ordered values, linearly."""
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def _check(*, zero: bool = False, **values: float) -> None:
    for name, value in values.items():
        if not (0 <= value < float("inf")) or (value == 0 and not zero):
            raise EyeError(f"goodput: {name} must be {'0 or more' if zero else 'above 0'}, not {value}")
