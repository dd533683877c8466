"""How long one step takes: sums of quotients, so a better machine is never slower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2

from compoundeye.capacity import Cluster, Term
from compoundeye.plan._collective_time import collective_seconds
from compoundeye.plan._constants import Constants, constants_for
from compoundeye.plan._operations import Attention, Collective, Product, Tally
from compoundeye.records import EyeError

WIDTH = {"fp32": 4, "bf16": 2, "float8": 1}
"""Bytes of a number that a product reads; it writes two (bf16) or four."""
WITHIN_A_PASS = ("tensor", "context", "expert")
"""Dimensions over which every microbatch communicates; the others do once a step, or beside all of it."""
METHOD = "roofline: Williams et al., Roofline, CACM 52(4), 2009"
RINGS = "rings as in Thakur et al., Optimization of Collective Communication Operations in MPICH, 2005, section 4"
BUBBLE = "Narayanan et al., Efficient Large-Scale Language Model Training on GPU Clusters, 2021, section 2.2"
FITTED = "fitted by benchmarks/plan_published.py to half of the published tables in plan/data/published"


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds of one step of the slowest rank, by what they are spent on; they add up to ``total``."""

    matrix: float
    """Matrix products."""
    attention: float
    streamed: float
    """Operations that memory bounds."""
    update: float
    """The optimiser."""
    exposed: Mapping[str, float]
    """Communication that computation waits for, by dimension of the mesh."""
    bubble: float
    """Stages of a pipeline that have nothing to do yet, or any more."""
    waiting: float
    """For the slowest of many nodes."""
    total: float
    mfu: float
    """Model FLOPs utilisation: model FLOPs / (total x ranks x peak of the precision of most products)."""
    peak: float
    """FLOP/s of one accelerator, as ``mfu`` counts it."""
    constants: Constants

    def terms(self) -> tuple[Term, ...]:
        """Each part with its formula and source."""
        of = "sum over operations of"
        network = "latency + bytes / (bandwidth x achieved)"
        rows = [
            ("matrix", self.matrix, f"{of} max(FLOPs / (peak x fraction x products), bytes / bandwidth)", METHOD),
            (
                "attention",
                self.attention,
                f"{of} max(FLOPs, causal ones halved, / (peak x attention), bytes / bandwidth)",
                METHOD,
            ),
            ("streamed", self.streamed, f"{of} bytes / (bandwidth x fraction x streams)", METHOD),
            ("update", self.update, f"{of} bytes / (bandwidth x fraction x streams)", METHOD),
            *(
                (f"exposed.{name}", seconds, f"{network}, less what computation hides", RINGS)
                for name, seconds in self.exposed.items()
            ),
            ("bubble", self.bubble, "(pipeline - 1) / (microbatches x chunks) x time of forward and backward", BUBBLE),
            ("waiting", self.waiting, "jitter x log2(nodes) x the rest", FITTED),
            ("total", self.total, "sum of the above", ""),
        ]
        terms = [Term(f"time.{key}", value, "s", formula, "computed", source) for key, value, formula, source in rows]
        terms.append(
            Term(
                "time.mfu",
                self.mfu,
                "1",
                "model FLOPs / (total x ranks x peak)",
                "computed",
                "arXiv:2204.02311, app. B",
            )
        )
        set_ = self.constants
        for name in ("products", "attention", "streams", "contention", "jitter", "float8"):
            terms.append(
                Term(f"time.constants.{name}", getattr(set_, name), "1", "", "published", f"{set_.name}: {FITTED}")
            )
        return tuple(terms)


def step_time(tally: Tally, cluster: Cluster, constants: Constants | None = None) -> StepTime:
    """Seconds of a step from what one rank does in it.

    Within forward, backward (with what it computes again) and update, computation C and communication H that is issued
    to run beside it take max(C, H) + contention x min(C, H), and one call of each kind has nothing to hide behind.

    Args:
        tally: of the rank whose stage is slowest.
        cluster: the machine.
        constants: how well software uses it; those of the newest compiled PyTorch if None.

    Raises:
        EyeError: the accelerator has no arithmetic of the precision that the tally asks for.
    """
    machine = _machine(cluster, constants)
    gpu, set_ = machine.gpu, machine.constants
    matrix = attention = streamed = update = 0.0
    compute = {"forward": 0.0, "backward": 0.0, "update": 0.0}
    hidden: dict[str, dict[str, float]] = {"forward": {}, "backward": {}, "update": {}}
    exposed: dict[str, float] = {}
    repeated = 0.0  # of it, what each pass of a microbatch waits for; the update comes once, after all of them
    precision, most = "", 0.0
    for one in tally.operations:
        phase = "backward" if one.phase == "recompute" else one.phase
        count = one.count
        if isinstance(one, Collective):
            each, over = machine.collective(one), one.dimension
            exposed.setdefault(over, 0.0)
            if one.hidden:
                beside = hidden[phase]
                beside[over] = beside.get(over, 0.0) + each * max(count - 1, 0)
            seconds = each * (min(count, 1) if one.hidden else count)
            exposed[over] += seconds
            if phase != "update" and over in WITHIN_A_PASS:
                repeated += seconds
            continue
        if isinstance(one, Product):
            seconds = count * machine.product(one)
            matrix += seconds
            if seconds > most:
                precision, most = one.precision, seconds
        elif isinstance(one, Attention):
            seconds = count * machine.attention(one)
            attention += seconds
        else:
            seconds = count * machine.streamed(one.bytes)
            if phase == "update":
                update += seconds
            else:
                streamed += seconds
        compute[phase] += seconds
    for when, beside in hidden.items():
        busy = sum(beside.values())
        if busy:
            longer = max(busy - compute[when], 0.0) + set_.contention * min(busy, compute[when])
            for name, seconds in beside.items():
                exposed[name] += longer * seconds / busy
                if when != "update" and name in WITHIN_A_PASS:
                    repeated += longer * seconds / busy
    passes = compute["forward"] + compute["backward"] + repeated
    bubble = (tally.pipeline - 1) / (tally.microbatches * tally.chunks) * passes
    total = matrix + attention + streamed + update + sum(exposed.values()) + bubble
    nodes = max(tally.ranks / cluster.node.accelerators, 1.0)
    waiting = set_.jitter * log2(nodes) * total
    total += waiting
    peak = gpu.peak[precision] if precision else max(gpu.peak.values())
    mfu = tally.model_flops / (total * tally.ranks * peak) if total else 0.0
    return StepTime(matrix, attention, streamed, update, exposed, bubble, waiting, total, mfu, peak, set_)


class _Machine:
    """Seconds of single operations, each worked out once: a search asks for the same ones thousands of times."""

    def __init__(self, cluster: Cluster, given: Constants | None) -> None:
        self.cluster, self.given = cluster, given
        self.gpu = cluster.node.accelerator
        self.constants = constants_for(self.gpu.name) if given is None else given
        self.known: dict[object, float] = {}

    def keep(self, key: object, seconds: float) -> float:
        if len(self.known) > 200_000:
            self.known.clear()
        self.known[key] = seconds
        return seconds

    def product(self, one: Product) -> float:
        key = (one.m, one.n, one.k, one.precision)
        found = self.known.get(key)
        if found is not None:
            return found
        gpu, set_, width = self.gpu, self.constants, WIDTH[one.precision]
        flops = 2.0 * one.m * one.n * one.k
        moved = width * (one.m * one.k + one.k * one.n) + max(width, 2) * one.m * one.n
        rate = self.peak(one.precision) * gpu.products.at(flops) * set_.products
        if one.precision == "float8":
            rate *= set_.float8
        return self.keep(key, max(flops / rate, self.streamed(moved)))

    def attention(self, one: Attention) -> float:
        key = (one.heads, one.query, one.key, one.each, one.precision, one.causal, one.phase == "backward")
        found = self.known.get(key)
        if found is not None:
            return found
        backward, precision = one.phase == "backward", "bf16" if one.precision == "float8" else one.precision
        flops = (10.0 if backward else 4.0) * one.heads * one.query * one.key * one.each
        rate = self.peak(precision) * self.constants.attention
        # queries, keys, values and results once; backward again, and their gradients
        moved = (4 if backward else 2) * WIDTH[precision] * one.heads * (one.query + one.key) * one.each
        return self.keep(key, max(flops * (0.5 if one.causal else 1.0) / rate, self.streamed(moved)))

    def streamed(self, nbytes: float) -> float:
        found = self.known.get(nbytes)
        if found is not None:
            return found
        rate = self.gpu.bandwidth * self.gpu.streams.at(nbytes) * self.constants.streams
        return self.keep(nbytes, max(nbytes / rate, self.gpu.launch))

    def collective(self, one: Collective) -> float:
        key = (one.kind, one.bytes, one.size, one.stride)
        found = self.known.get(key)
        if found is not None:
            return found
        return self.keep(key, collective_seconds(one.kind, one.bytes, one.size, one.stride, self.cluster))

    def peak(self, precision: str) -> float:
        peak = self.gpu.peak
        if precision not in peak:
            raise EyeError(f"{self.gpu.name} has no {precision} arithmetic; choose one of {', '.join(peak)}")
        return peak[precision]


_last: list[_Machine] = []


def _machine(cluster: Cluster, given: Constants | None) -> _Machine:
    """The machine that was asked for last time, if it is that very one."""
    for last in _last:
        if last.cluster is cluster and last.given is given:
            return last
    _last[:] = [_Machine(cluster, given)]
    return _last[0]
