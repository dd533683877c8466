"""Hardware as figures with sources: accelerators, networks, nodes, clusters."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log


@dataclass(frozen=True, slots=True)
class Curve:
    """Which fraction of a peak is reached at which size: log-linear between points, constant beyond them.

    Sizes and fractions both rise: a larger piece of work is never slower per unit.
    """

    points: tuple[tuple[float, float], ...]

    def at(self, size: float) -> float:
        """The fraction at a size in the curve's own unit."""
        points = self.points
        i = bisect_left(points, (size,))
        if i == 0:
            return points[0][1]
        if i == len(points):
            return points[-1][1]
        (a, low), (b, high) = points[i - 1], points[i]
        return low + (high - low) * log(size / a) / log(b / a)


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One GPU, or a processor that stands for one."""

    name: str
    memory: float
    """Bytes."""
    reserved: float
    """Bytes that are not the program's: driver context, communication buffers, fragmentation."""
    bandwidth: float
    """Bytes/s of its memory."""
    peak: Mapping[str, float]
    """FLOP/s of dense products by precision: fp32 (with TensorFloat-32 where there is), bf16, float8."""
    products: Curve
    """Fraction of the peak by FLOPs of one product."""
    streams: Curve
    """Fraction of the bandwidth by bytes of one operation."""
    watts: float
    """Thermal design power."""
    launch: float = 0.0
    """Seconds that an operation takes at least."""
    price: float | None = None
    """Per hour, in whatever currency the user pays; None: unknown, nothing is ranked by it."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """By field: data sheet, measurement, or ``assumed: why``."""


@dataclass(frozen=True, slots=True)
class Network:
    """What joins accelerators, within a node or between nodes."""

    name: str
    bandwidth: float
    """Bytes/s that one accelerator can send while it receives as much (one direction)."""
    latency: float
    """Seconds of one hop."""
    achieved: Curve
    """Fraction of the bandwidth by bytes that one accelerator sends in one call, with the latency of hops taken off."""
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Node:
    """One machine."""

    accelerator: Accelerator
    accelerators: int
    within: Network
    cores: int
    """Of its processors, for decoding."""
    memory: float
    """Bytes of main memory."""
    disk: float
    """Bytes/s of its local disks, reading."""
    disk_size: float
    """Bytes."""
    watts: float
    """Of the whole machine at full load."""
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Equal nodes and what joins them."""

    node: Node
    accelerators: int
    between: Network
    storage: Network | None = None
    """To the object store, per node; ``between`` if None."""
