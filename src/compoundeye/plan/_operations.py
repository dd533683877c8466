"""What one rank does in one step, as a list: the one description from which FLOPs, traffic and time follow.

Numbers are of one rank and a whole step: ``count`` says how often an operation is done in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["forward", "recompute", "backward", "update"]
Precision = Literal["fp32", "bf16", "float8"]
Dimension = Literal["pipeline", "replicate", "shard", "context", "tensor", "expert", "copies", "data", "all"]
"""Of the mesh, over which a collective goes. ``data``: replicate x shard; ``shard``: shard x context, as in FSDP."""
Gathering = Literal["all_gather", "reduce_scatter", "all_reduce", "all_to_all", "broadcast", "send"]


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product [m, k] x [k, n], ``count`` times; FLOPs = 2 m n k count."""

    part: str
    """Which layer: ``query``, ``mlp.up``, ``head``."""
    phase: Phase
    m: int
    n: int
    k: int
    count: float
    precision: Precision

    @property
    def flops(self) -> float:
        """Floating-point operations in the step; a multiplication and an addition are two."""
        return 2 * self.m * self.n * self.k * self.count


@dataclass(frozen=True, slots=True)
class Attention:
    """Fused attention of ``heads`` (pictures x heads of this rank) sequences.

    FLOPs as PyTorch's counter has them: 4 q k each forward, 10 q k each backward (flash attention does one product
    again), halved nowhere: ``causal`` matters to time alone.
    """

    part: str
    phase: Phase
    heads: int
    query: int
    """Tokens."""
    key: int
    """Tokens."""
    each: int
    """Width of a head."""
    count: float
    precision: Precision
    causal: bool = False

    @property
    def flops(self) -> float:
        """Floating-point operations in the step."""
        return (10 if self.phase == "backward" else 4) * self.heads * self.query * self.key * self.each * self.count


@dataclass(frozen=True, slots=True)
class Streamed:
    """An operation that memory bounds: norms, activations, sums, casts, the optimiser's update."""

    part: str
    phase: Phase
    bytes: float
    """Read and written, each time."""
    count: float


@dataclass(frozen=True, slots=True)
class Collective:
    """A call that all ranks of a group make, ``count`` times."""

    part: str
    phase: Phase
    kind: Gathering
    dimension: Dimension
    size: int
    """Ranks of the group."""
    stride: int
    """Distance between neighbours of the group in ranks: 1 means that they are next to each other."""
    bytes: float
    """Of the larger of what goes in and what comes out on this rank, each time (gathered, or still to be scattered)."""
    count: float
    hidden: bool
    """Whether it is issued to run beside computation (FSDP's gathers and reductions, a pipeline's sends)."""


Operation = Product | Attention | Streamed | Collective


@dataclass(frozen=True, slots=True)
class Tally:
    """One rank's step."""

    operations: tuple[Operation, ...]
    model_flops: float
    """Of the whole step over all ranks, forward and backward as the model defines them, without recomputation: MFU's
    numerator."""
    pipeline: int = 1
    microbatches: int = 1
    chunks: int = 1
    ranks: int = 1
    """World size."""

    @property
    def flops(self) -> float:
        """Of this rank, recomputation included."""
        return sum(one.flops for one in self.operations if isinstance(one, Product | Attention))
