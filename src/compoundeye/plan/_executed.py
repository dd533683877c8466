"""What one rank of a training does in a step, as it was counted while the real code ran on tensors without numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compoundeye.plan._operations import Dimension, Gathering, Phase


@dataclass(frozen=True, slots=True)
class Moment:
    """Memory at one point of a step."""

    name: str
    """``backbone.blocks.3 forward``, ``update``."""
    parts: Mapping[str, int]
    """Bytes by part: where the sum was highest since the moment before."""

    @property
    def bytes(self) -> int:
        """Of all parts."""
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class Sent:
    """Equal calls of one collective in a step."""

    kind: Gathering
    dimension: Dimension
    size: int
    """Ranks of the group."""
    stride: int
    """Distance between neighbours of the group in ranks."""
    bytes: int
    """In total, of the larger of what goes in and what comes out on this rank in each call."""
    count: int
    phase: Phase


@dataclass(frozen=True, slots=True)
class Executed:
    """One rank's step, the second of a run: the optimiser's moments are there."""

    rank: int
    world_size: int
    stage: int
    """Of the pipeline, in which the rank is."""
    parameters: int
    """Of the whole model."""
    peak: int
    """Bytes: the most that is alive at once."""
    parts: Mapping[str, int]
    """Of the peak; see `Allocations` for what each part is."""
    moments: tuple[Moment, ...]
    """In order; the highest of them is the peak."""
    flops: Mapping[str, int]
    """By phase: forward, recompute, backward, update."""
    sent: tuple[Sent, ...]
    seconds: float
    """That the dry run took on the host."""
    host_memory: int
    """Bytes: peak resident set of the process that ran it."""
