"""Bounds are bounds: no layout takes less time or memory than they say, by the very measures of the search."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from compoundeye.capacity import Cluster, cluster
from compoundeye.plan import Measures, case_of
from compoundeye.plan._bound import Bounds
from compoundeye.plan._layouts import Work, splits, works
from compoundeye.plan._search import stages
from compoundeye.train import Settings

CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any], int, int]] = {
    "base": ("vit-b/16", {}, {}, 256, 16),
    "deep": ("vit-l/16", {"depth": 32}, {}, 4096, 64),
    "huge": ("vit-200b", {}, {}, 65536, 8192),
    "experts": ("vit-b/16", {"experts": 8}, {}, 512, 32),
    "fp32": ("vit-l/16", {}, {"plan": {"precision": "fp32"}}, 512, 32),
    "frozen": ("vit-b/16", {}, {"optimiser": {"backbone_rate": 0.0}}, 256, 32),
    "sgd": ("vit-b/16", {}, {"optimiser": {"name": "sgd", "momentum": 0.0}}, 256, 32),
    "muon": ("vit-b/16", {}, {"optimiser": {"name": "muon"}}, 256, 32),
    "masked": ("vit-b/16", {"pool": "mean"}, {"task": {"kind": "masked"}}, 256, 32),
    "margin": ("vit-b/16", {"pool": "mean"}, {"task": {"kind": "margin", "sample": 0.1}}, 256, 32),
}


def drawn(name: str) -> tuple[Settings, Cluster, list[Work], random.Random]:
    """Settings, a cluster, and some of the ways to lay the one over the other."""
    model, options, more, batch, gpus = CASES[name]
    target = "none" if name == "masked" else "folder"
    values: dict[str, Any] = {
        "data": {"corpora": [{"path": "none"}], "batch": batch, "target": target},
        "model": {"name": model, "options": options},
        "plan": {"precision": "bf16"},
        **more,
    }
    settings, where = Settings.model_validate(values), cluster("h100", gpus)
    chance = random.Random(name)
    every = [work for work in works(settings, where) if next(splits(settings, work), None) is not None]
    return settings, where, chance.sample(every, min(len(every), 25)), chance


@pytest.mark.parametrize("name", CASES)
def test_no_layout_undercuts_them(name: str) -> None:
    settings, where, some, chance = drawn(name)
    measures = Measures.of(settings, where)
    bounds = Bounds(settings, 1000, where, measures.tally, measures.time, measures.memory)
    for work in some:
        plan = chance.choice(list(splits(settings, work)))
        case = case_of(settings, 1000, plan)
        times = [measures.time(measures.tally(case, stage), where).total for stage in stages(plan)]
        peak = max(measures.memory(case, stage).peak for stage in stages(plan))
        assert bounds.of_work(work) <= max(times) * (1 + 1e-9), plan
        assert bounds.of_memory(work) <= peak, plan
        # With just as much memory as it holds, sharing is bounded by no more ranks than it has, nor by more time.
        assert 0 < bounds.fewest(work, peak) <= plan.shard, plan
        assert bounds.of_sharing(work, peak) <= times[min(1, len(times) - 1)] * (1 + 1e-9), plan


def test_they_are_near_enough_to_be_of_use() -> None:
    settings, where, some, _ = drawn("deep")
    measures = Measures.of(settings, where)
    bounds = Bounds(settings, 1000, where, measures.tally, measures.time, measures.memory)
    shares = []
    for work in some:
        plan = work.plan(settings.plan, work.data)
        case = case_of(settings, 1000, plan)
        times = [measures.time(measures.tally(case, stage), where).total for stage in stages(plan)]
        shares.append(bounds.of_work(work) / max(times))
    assert sorted(shares)[len(shares) // 2] > 0.5


def test_a_faster_cluster_has_lower_bounds() -> None:
    settings, where, some, _ = drawn("base")
    chip = where.node.accelerator
    faster = replace(where, node=replace(where.node, accelerator=replace(chip, bandwidth=2 * chip.bandwidth)))
    measures = Measures.of(settings, where)
    one, other = (
        Bounds(settings, 1000, each, measures.tally, measures.time, measures.memory) for each in (where, faster)
    )
    assert all(other.of_work(work) <= one.of_work(work) for work in some)
