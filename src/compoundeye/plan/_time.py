"""How long one step takes: sums of quotients, so a better machine is never slower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2

from compoundeye.capacity import Accelerator, Cluster, Term
from compoundeye.plan._collective_time import collective_seconds
from compoundeye.plan._constants import Constants, constants_for
from compoundeye.plan._operations import Attention, Collective, Operation, Product, Streamed, Tally
from compoundeye.records import EyeError

WIDTH = {"fp32": 4, "bf16": 2, "float8": 1}
"""Bytes of a number that a product reads; it writes two (bf16) or four."""
METHOD = "roofline: Williams et al., Roofline, CACM 52(4), 2009"
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
            ("attention", self.attention, f"{of} FLOPs, causal ones halved, / (peak x attention)", METHOD),
            ("streamed", self.streamed, f"{of} bytes / (bandwidth x fraction x streams)", METHOD),
            ("update", self.update, f"{of} bytes / (bandwidth x fraction x streams)", METHOD),
            *(
                (f"exposed.{name}", seconds, f"{network}, less what computation hides", collective_seconds.__module__)
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
    gpu = cluster.node.accelerator
    set_ = constants_for(gpu.name) if constants is None else constants
    matrix = attention = streamed = update = 0.0
    compute = {"forward": 0.0, "backward": 0.0, "update": 0.0}
    hidden: dict[str, dict[str, float]] = {"forward": {}, "backward": {}, "update": {}}
    exposed: dict[str, float] = {}
    often = ("", 0.0)
    for one in tally.operations:
        phase = "backward" if one.phase == "recompute" else one.phase
        if isinstance(one, Collective):
            each = collective_seconds(one.kind, one.bytes, one.size, one.stride, cluster)
            if one.hidden:
                beside = hidden[phase]
                beside[one.dimension] = beside.get(one.dimension, 0.0) + each * max(one.count - 1, 0)
                exposed[one.dimension] = exposed.get(one.dimension, 0.0) + each * min(one.count, 1)
            else:
                exposed[one.dimension] = exposed.get(one.dimension, 0.0) + each * one.count
            continue
        seconds = one.count * _seconds(one, gpu, set_)
        compute[phase] += seconds
        if isinstance(one, Product):
            matrix += seconds
            if one.flops > often[1]:
                often = (one.precision, one.flops)
        elif isinstance(one, Attention):
            attention += seconds
        elif phase == "update":
            update += seconds
        else:
            streamed += seconds
    for phase, beside in hidden.items():
        busy = sum(beside.values())
        if busy:
            longer = max(busy - compute[phase], 0.0) + set_.contention * min(busy, compute[phase])
            for name, seconds in beside.items():
                exposed[name] = exposed.get(name, 0.0) + longer * seconds / busy
    passes = compute["forward"] + compute["backward"] + exposed.get("tensor", 0.0) + exposed.get("context", 0.0)
    bubble = (tally.pipeline - 1) / (tally.microbatches * tally.chunks) * passes
    total = matrix + attention + streamed + update + sum(exposed.values()) + bubble
    nodes = max(tally.ranks / cluster.node.accelerators, 1.0)
    waiting = set_.jitter * log2(nodes) * total
    total += waiting
    peak = gpu.peak[often[0]] if often[0] else max(gpu.peak.values())
    mfu = tally.model_flops / (total * tally.ranks * peak) if total else 0.0
    return StepTime(matrix, attention, streamed, update, exposed, bubble, waiting, total, mfu, peak, set_)


def _seconds(one: Operation, gpu: Accelerator, set_: Constants) -> float:
    """Of one such operation on the accelerator, nothing else going on."""
    if isinstance(one, Product):
        flops = 2.0 * one.m * one.n * one.k
        width = WIDTH[one.precision]
        moved = width * (one.m * one.k + one.k * one.n) + max(width, 2) * one.m * one.n
        rate = _peak(gpu, one.precision) * gpu.products.at(flops) * set_.products
        if one.precision == "float8":
            rate *= set_.float8
        return max(flops / rate, moved / (gpu.bandwidth * gpu.streams.at(moved) * set_.streams), gpu.launch)
    if isinstance(one, Attention):
        flops = (10.0 if one.phase == "backward" else 4.0) * one.heads * one.query * one.key * one.each
        rate = _peak(gpu, "bf16" if one.precision == "float8" else one.precision) * set_.attention
        return max(flops * (0.5 if one.causal else 1.0) / rate, gpu.launch)
    if isinstance(one, Streamed):
        return max(one.bytes / (gpu.bandwidth * gpu.streams.at(one.bytes) * set_.streams), gpu.launch)
    raise TypeError(f"{one} is communication")


def _peak(gpu: Accelerator, precision: str) -> float:
    if precision not in gpu.peak:
        raise EyeError(f"{gpu.name} has no {precision} arithmetic; choose one of {', '.join(gpu.peak)}")
    return gpu.peak[precision]
