"""Every layout that is worth trying: the space that a search goes through.

It depends on the model, the batch, the number of processes and how many share a node; never on how fast or how large
they are. So whatever fits a cluster fits a better one too, and the best of a better one is never slower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import ceil, gcd
from typing import Literal

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


def layouts(settings: Settings, cluster: Cluster, refused: Counter[str] | None = None) -> Iterator[Plan]:
    """All sensible plans of a cluster, fitted; what the settings' plan says beside degrees stays as it is.

    Degrees are divisors. Of microbatches and accumulation powers of two are tried; accumulation without a pipeline
    only, since more microbatches do what it does and fill the pipeline better.

    Args:
        refused: counts by rule what training would not take.

    Raises:
        EyeError: the network is no vision transformer.
    """
    for root in roots(settings, cluster):
        for work in variants(settings, root):
            yield from splits(settings, work, refused)


def roots(settings: Settings, cluster: Cluster) -> Iterator[Plan]:
    """What decides the arithmetic of a rank: tensor, context, pipeline with chunks, activation checkpointing.

    All data ranks are in ``shard``.
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
                for chunks in _chunks(pipeline, shape.depth):
                    for what in CHECKPOINTING:
                        yield settings.plan.model_copy(
                            update={
                                "replicate": 1,
                                "shard": data,
                                "tensor": tensor,
                                "context": context,
                                "pipeline": pipeline,
                                "chunks": chunks,
                                "activation_checkpointing": what,
                                "expert": 1,
                                "accumulate": 1,
                                "microbatches": pipeline,
                            }
                        )


def variants(settings: Settings, root: Plan) -> Iterator[Plan]:
    """In how many parts a rank's pictures go through: coarsest first."""
    rows = ceil(settings.data.batch / root.data)
    if root.pipeline == 1:
        parts = 1
        while parts <= rows:
            yield root.model_copy(update={"accumulate": parts})
            parts *= 2
        return
    microbatches = root.pipeline
    while microbatches == root.pipeline or microbatches <= rows:
        yield root.model_copy(update={"microbatches": microbatches})
        microbatches *= 2


def splits(settings: Settings, work: Plan, refused: Counter[str] | None = None) -> Iterator[Plan]:
    """How data ranks share parameters: by shard, replicate and expert; most sharing first."""
    shape = shape_of(settings)
    data = work.data
    experts = divisors(gcd(shape.experts, data)) if shape.experts else [1]
    for shard in reversed(divisors(data)):
        for expert in experts:
            plan = work.model_copy(update={"replicate": data // shard, "shard": shard, "expert": expert})
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
