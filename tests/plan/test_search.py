"""The search finds what trying everything finds, and a better cluster never has a slower best layout."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from compoundeye.capacity import Cluster, cluster
from compoundeye.plan._layouts import layouts, works
from compoundeye.plan._search import Candidate, Found, candidate, search, usable
from compoundeye.records import EyeError
from compoundeye.train import Plan, Settings

GB = 1e9


def settings_of(name: str = "vit-b/16", batch: int = 64, options: dict[str, Any] | None = None) -> Settings:
    return Settings.model_validate(
        {
            "data": {"corpora": [{"path": "none"}], "batch": batch},
            "model": {"name": name, "options": options or {}},
            "plan": {"precision": "bf16"},
        }
    )


def machine(gpus: int, *, memory: float = 6 * GB, gpu: str = "a100-40", **faster: float) -> Cluster:
    """A cluster with little memory, some of it faster than its data sheet by a factor."""
    found = cluster(gpu, gpus)
    chip, node = found.node.accelerator, found.node
    chip = replace(
        chip,
        memory=memory,
        reserved=0.0,
        bandwidth=chip.bandwidth * faster.get("bandwidth", 1.0),
        peak={name: peak * faster.get("peak", 1.0) for name, peak in chip.peak.items()},
    )
    within = replace(node.within, bandwidth=node.within.bandwidth * faster.get("within", 1.0))
    between = replace(found.between, bandwidth=found.between.bandwidth * faster.get("between", 1.0))
    return replace(found, node=replace(node, accelerator=chip, within=within), between=between)


def everything(settings: Settings, where: Cluster) -> list[Candidate]:
    """All layouts that fit, fastest first."""
    found = [candidate(settings, 1000, where, plan) for plan in layouts(settings, where)]
    return sorted((one for one in found if one.fits), key=lambda one: one.time.total)


@pytest.mark.parametrize(
    ("settings", "gpus", "memory"),
    [
        (settings_of(options={"depth": 4}), 4, 3 * GB),
        (settings_of(options={"depth": 4}), 4, 0.3 * GB),
        (settings_of("vit-s/16", 32, {"depth": 4, "experts": 4}), 4, 0.3 * GB),
    ],
    ids=["plenty", "scarce", "experts"],
)
def test_it_finds_what_trying_everything_finds(settings: Settings, gpus: int, memory: float) -> None:
    where = machine(gpus, memory=memory)
    every = everything(settings, where)
    assert every
    found = search(settings, 1000, where, most=3)
    families = list(dict.fromkeys(family(one.plan) for one in every))
    fastest = [next(one.time.total for one in every if family(one.plan) == kind) for kind in families[:3]]
    assert [one.time.total for one in found.best] == pytest.approx(fastest, rel=1e-9)
    assert all(one.fits and one.memory.peak <= usable(where) for one in found.best)


def family(plan: Plan) -> tuple[object, ...]:
    return plan.tensor, plan.context, plan.pipeline, plan.expert, plan.activation_checkpointing


FACTORS = st.fixed_dictionaries({name: st.floats(1, 8) for name in ("bandwidth", "peak", "within", "between")})


@examples(max_examples=6, deadline=None)
@given(faster=FACTORS, memory=st.floats(0.5, 4), more=st.floats(1, 4))
def test_more_memory_bandwidth_or_arithmetic_is_never_slower(
    faster: dict[str, float], memory: float, more: float
) -> None:
    settings = settings_of("vit-l/16", 128)
    plain = search(settings, 1000, machine(16, memory=memory * GB), most=1).best
    better = search(settings, 1000, machine(16, memory=memory * more * GB, **faster), most=1).best
    if plain:
        assert better[0].time.total <= plain[0].time.total * (1 + 1e-9)


def test_little_memory_takes_more_sharing_and_more_time() -> None:
    settings = settings_of("vit-l/16", 128)
    times = []
    for memory in (40, 8, 4, 2.5):
        best = search(settings, 1000, machine(8, memory=memory * GB), most=1).best
        times.append(best[0].time.total)
    assert times == sorted(times)
    assert times[0] < times[-1]


def test_what_fits_nowhere_says_what_it_lacks() -> None:
    where = machine(8, memory=0.4 * GB)
    found = search(settings_of("vit-l/16"), 1000, where)
    assert found.best == ()
    assert found.nearest is not None
    assert not found.nearest.fits
    assert found.nearest.left == usable(where) - found.nearest.memory.peak
    assert found.rejected["memory"] > 0


def test_layouts_do_not_depend_on_how_fast_the_cluster_is() -> None:
    settings = settings_of()
    slow, fast = machine(16), machine(16, memory=100 * GB, peak=9.0, between=7.0)
    assert list(layouts(settings, slow)) == list(layouts(settings, fast))


def test_every_work_is_there_once_and_becomes_a_plan_of_the_cluster() -> None:
    settings = settings_of("vit-l/16", 512)
    every = list(works(settings, machine(48)))
    assert len(set(every)) == len(every)
    for work in every:
        plan = work.plan(settings.plan, work.data)
        assert plan.data * plan.tensor * plan.context * plan.pipeline == 48
        assert Found(work).family.parts == 1


def test_more_processes_than_pictures_can_share_are_refused() -> None:
    with pytest.raises(EyeError, match="1,024 GPUs cannot share batches of 2 pictures"):
        search(settings_of(batch=2, options={"depth": 2}), 1000, machine(1024))


def test_one_layout_is_judged_even_if_it_does_not_fit() -> None:
    one = candidate(settings_of("vit-l/16"), 1000, machine(8, memory=1 * GB), Plan(tensor=2, precision="bf16"))
    assert not one.fits
    assert one.plan.shard == 4
    with pytest.raises(EyeError, match="16 heads do not divide into context 1 x tensor 3"):
        candidate(settings_of("vit-l/16"), 1000, machine(24), Plan(tensor=3))
