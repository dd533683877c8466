"""Every layout that is worth trying: the space that a search goes through.

It depends on the model, the batch, the number of processes and how many share a node; never on how fast or large they
are. So whatever fits a cluster fits a better one too, and the best of a better one is never slower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product
from math import ceil, gcd
from typing import Literal, NamedTuple

from compoundeye.capacity import Cluster
from compoundeye.plan._rules import refusal, shape_of
from compoundeye.train import Plan, Settings

Checkpointing = Literal["none", "selective", "full"]
CHECKPOINTING: tuple[Checkpointing, ...] = ("none", "selective", "full")
_MOST_CHUNKS = 8
_LEAST_NODE = 8
"""Tensor parallelism talks in every layer: it stays within a node, or within eight where nodes are smaller."""
_NODES_OF_A_SEQUENCE = 8
"""Over which tensor x context goes at most."""


class Work(NamedTuple):
    """What decides the arithmetic of a rank: a layout, but for how data ranks share parameters."""

    pipeline: int
    tensor: int
    context: int
    expert: int
    chunks: int
    checkpointing: Checkpointing
    parts: int
    """Microbatches of a pipeline, or passes that are accumulated without one."""
    data: int
    """Ranks that see different pictures."""

    def plan(self, base: Plan, shard: int) -> Plan:
        """With so many of the data ranks sharing parameters; what ``base`` says beside degrees stays."""
        piped = self.pipeline > 1
        return base.model_copy(
            update={
                "replicate": self.data // shard,
                "shard": shard,
                "tensor": self.tensor,
                "context": self.context,
                "pipeline": self.pipeline,
                "chunks": self.chunks,
                "expert": self.expert,
                "activation_checkpointing": self.checkpointing,
                "accumulate": 1 if piped else self.parts,
                "microbatches": self.parts if piped else 1,
            }
        )


def layouts(settings: Settings, cluster: Cluster, refused: Counter[str] | None = None) -> Iterator[Plan]:
    """All sensible plans of a cluster, fitted; what the settings' plan says beside degrees stays as it is.

    Degrees are divisors. Of microbatches and accumulation powers of two are tried; accumulation without a pipeline
    only, since more microbatches do what it does and fill the pipeline better.

    Args:
        refused: counts by rule what training would not take.

    Raises:
        EyeError: the network is no vision transformer.
    """
    for work in works(settings, cluster):
        yield from splits(settings, work, refused)


def works(settings: Settings, cluster: Cluster) -> Iterator[Work]:
    """All layouts but for how parameters are shared; of those that differ in parts alone, the coarsest first.

    Raises:
        EyeError: the network is no vision transformer.
    """
    shape = shape_of(settings)
    world = cluster.accelerators
    node = max(cluster.node.accelerators, _LEAST_NODE)
    for tensor in divisors(gcd(world, shape.heads)):
        if tensor > node:
            continue
        for context in divisors(gcd(world // tensor, shape.heads // tensor)):
            if tensor * context > node * _NODES_OF_A_SEQUENCE:
                continue
            for pipeline in divisors(world // (tensor * context)):
                data = world // (tensor * context * pipeline)
                if pipeline > shape.depth or data > settings.data.batch:
                    continue
                experts = divisors(gcd(shape.experts, data)) if shape.experts else [1]
                parts = parts_of(settings, pipeline, data)
                for chunks, expert, what, number in product(
                    _chunks(pipeline, shape.depth), experts, CHECKPOINTING, parts
                ):
                    yield Work(pipeline, tensor, context, expert, chunks, what, number, data)


def parts_of(settings: Settings, pipeline: int, data: int) -> list[int]:
    """In how many parts a rank's pictures may go through: coarsest first."""
    rows = ceil(settings.data.batch / data)
    found = [pipeline]
    while 2 * found[-1] <= rows:
        found.append(2 * found[-1])
    return found


def splits(settings: Settings, work: Work, refused: Counter[str] | None = None) -> Iterator[Plan]:
    """How data ranks share parameters, by shard and replicate: least sharing first."""
    for shard in divisors(work.data):
        plan = work.plan(settings.plan, shard)
        if (why := refusal(settings, plan)) is None:
            yield plan
        elif refused is not None:
            refused[why[0]] += 1


def divisors(number: int) -> list[int]:
    """All of them, rising."""
    small = [one for one in range(1, int(number**0.5) + 1) if number % one == 0]
    return sorted({*small, *(number // one for one in small)})


def _chunks(pipeline: int, depth: int) -> list[int]:
    if pipeline == 1:
        return [1]
    return [one for one in (1, 2, 4, _MOST_CHUNKS) if pipeline * one <= depth]
