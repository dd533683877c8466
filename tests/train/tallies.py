"""Tiny trainings whose tallies are held against their dry runs, each in a process forked from one that knows all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from processes import forkserver

from compoundeye.cluster import available_cores
from compoundeye.plan import Attention, Case, Collective, Executed, Product, Tally, executed, tally
from compoundeye.train import Settings

BF16: dict[str, Any] = {"precision": "bf16"}
FULL, SELECTIVE = {"activation_checkpointing": "full"}, {"activation_checkpointing": "selective"}
HUGE = {"parallel": True, "qk_norm": True, "qkv_bias": False, "norm": "rms", "pool": "attention"}
"""As ViT-22B has it."""
MIXTURE = {"experts": 4, "pool": "mean"}


def case(world: int, options: dict[str, Any] | None = None, task: dict[str, Any] | None = None, **more: Any) -> Case:
    """A tiny network: 16 patches of 8 pixels and a class token, unless options say otherwise."""
    optimiser = more.pop("optimiser", {})
    classes, batch = more.pop("classes", 10), more.pop("batch", 16)
    small = {"width": 48, "depth": 2, "heads": 4, "hidden": 96, "patch": 8}
    target = {"masked": "none", "contrastive": "caption"}.get((task or {}).get("kind", ""), "folder")
    settings = Settings.model_validate(
        {
            "data": {"corpora": [{"path": "x"}], "target": target, "batch": batch, "view": {"size": 32}},
            "model": {"name": "vit-ti", "options": {**small, **(options or {})}},
            "task": task or {},
            "plan": more,
            "optimiser": optimiser,
        }
    )
    return Case.of(settings, classes, world)


@contextmanager
def dry_runs(cases: Mapping[str, tuple[Case, int]]) -> Iterator[dict[str, Future[Executed]]]:
    """Each case as one of its ranks, by name."""
    with ProcessPoolExecutor(min(2, available_cores()), mp_context=forkserver(), max_tasks_per_child=1) as pool:
        yield {name: pool.submit(executed, *one) for name, one in cases.items()}


def same(of: Case, rank: int, run: Executed) -> None:
    """Fail unless the tally is what was counted."""
    found = tally(of, of.stage(rank))
    assert flops(found) == run.flops
    assert sent(found) == {
        (one.kind, one.dimension, one.size, one.stride, one.phase): (one.bytes, one.count) for one in run.sent
    }


def flops(of: Tally) -> dict[str, float]:
    """By phase."""
    found: dict[str, float] = defaultdict(float)
    for one in of.operations:
        if isinstance(one, Product | Attention):
            found[one.phase] += one.flops
    return dict(found)


def sent(of: Tally) -> dict[tuple[Any, ...], tuple[float, float]]:
    """Bytes and calls by kind, dimension, size and stride of the group, and phase."""
    found: dict[tuple[Any, ...], tuple[float, float]] = {}
    for one in of.operations:
        if isinstance(one, Collective):
            key = (one.kind, one.dimension, one.size, one.stride, one.phase)
            size, count = found.get(key, (0.0, 0.0))
            found[key] = (size + one.bytes * one.count, count + one.count)
    return found
