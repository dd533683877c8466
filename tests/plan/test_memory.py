"""Memory of the plan is that of the real step; and what the parts of a plan do to it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from tallies import dry_runs

from compoundeye.plan import Case, Executed, memory
from compoundeye.plan._memory_layers import Numbers, linear
from compoundeye.plan._memory_tape import Flow, Tape
from compoundeye.train import Settings

MOST = 0.03
"""Of the peak, by which the plan may be off."""
TARGETS = {"masked": "none", "contrastive": "caption"}
BF16: dict[str, Any] = {"precision": "bf16"}
SMALL: dict[str, Any] = {"width": 96, "heads": 6, "depth": 2, "hidden": 384}
AGAIN = {what: {"activation_checkpointing": what} for what in ("none", "selective", "full")}


def case(
    ranks: int = 1,
    batch: int = 16,
    *,
    plan: dict[str, Any] | None = None,
    task: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    optimiser: dict[str, Any] | None = None,
    classes: int = 10,
) -> Case:
    kind = (task or {}).get("kind", "classify")
    settings = Settings.model_validate(
        {
            "data": {
                "corpora": [{"path": "."}],
                "target": TARGETS.get(kind, "folder"),
                "batch": batch,
                "view": {"size": 64},
            },
            "model": {"name": "vit-ti/16", "options": {**SMALL, **(options or {})}},
            "task": task or {},
            "plan": plan or {},
            "optimiser": optimiser or {},
        }
    )
    return Case.of(settings, classes, ranks)


CASES = {
    "alone": (case(), 0),
    "alone, rounded": (case(plan=BF16), 0),
    "shared": (case(8, 64, plan=BF16), 0),
    "copied, selective": (case(8, 64, plan={**BF16, "replicate": 8, **AGAIN["selective"]}), 0),
    "tensor, recomputed": (case(8, 64, plan={**BF16, "tensor": 2, **AGAIN["full"]}), 0),
    "context and tensor": (case(24, 96, plan={**BF16, "context": 3, "tensor": 2}), 0),
    "accumulated": (case(4, 64, plan={**BF16, "accumulate": 4}, optimiser={"ema": 0.99}), 0),
    "last of a pipeline": (case(8, 64, plan={**BF16, "pipeline": 2, "microbatches": 8}), 7),
    "interleaved": (case(4, 32, plan={"pipeline": 2, "microbatches": 4, "chunks": 2}, options={"depth": 4}), 2),
    "huge layers": (
        case(8, 64, plan=BF16, options={"parallel": True, "qk_norm": True, "norm": "rms", "pool": "attention"}),
        0,
    ),
    "many options": (
        case(4, 32, options={"drop_path": 0.1, "layer_scale": 1e-4, "registers": 2, "activation": "quick_gelu"}),
        0,
    ),
    "experts shared out": (case(4, 32, plan={**BF16, "expert": 4}, options={"experts": 8}), 0),
    "frozen": (case(4, 32, optimiser={"backbone_rate": 0.0}), 0),
    "margin": (case(4, 32, task={"kind": "margin"}, classes=100_000), 0),
    "margin, sampled": (case(4, 32, task={"kind": "margin", "sample": 0.1}, classes=100_000), 0),
    "contrastive": (case(4, 32, task={"kind": "contrastive", "text": {"width": 64, "depth": 2, "heads": 2}}), 0),
    "masked": (case(4, 32, plan=BF16, task={"kind": "masked"}, options={"positions": "sine"}), 0),
}


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Future[Executed]]]:
    with dry_runs(CASES) as found:
        yield found


@pytest.mark.parametrize("name", CASES)
def test_the_peak_is_that_of_the_real_step(name: str, runs: dict[str, Future[Executed]]) -> None:
    (one, rank), found = CASES[name], runs[name].result()
    off = memory(one, one.stage(rank)).peak / found.peak - 1
    assert abs(off) < MOST, f"{off:+.1%} off: the real step holds {dict(found.parts)}"


def test_moments_are_those_of_the_real_step(runs: dict[str, Future[Executed]]) -> None:
    """Each of them, not the highest alone: a picture is drawn from them."""
    planned, found = memory(CASES["shared"][0]), runs["shared"].result()
    assert [moment.name for moment in planned.moments] == [moment.name for moment in found.moments]
    for mine, real in zip(planned.moments, found.moments, strict=True):
        assert mine.bytes == pytest.approx(real.bytes, rel=0.1), mine.name
    assert planned.when == max(found.moments, key=lambda moment: moment.bytes).name


def test_parts_add_up_to_the_peak_and_each_is_explained() -> None:
    found = memory(case(8, 64, plan=BF16, optimiser={"ema": 0.9}))
    assert sum(found.parts.values()) == found.peak
    terms = {term.key: term for term in found.terms()}
    assert terms["memory.peak"].value == found.peak
    assert {f"memory.{part}" for part in found.parts} == {*terms} - {"memory.peak"}
    assert all(term.formula and term.source for term in terms.values())


def test_optimiser_and_average_are_counted_by_parameter() -> None:
    plain = memory(case(4, 32)).parts
    assert plain["optimiser"] == 2 * plain["parameters"]
    assert memory(case(4, 32, optimiser={"name": "sgd"})).parts["optimiser"] == plain["parameters"]
    assert memory(case(4, 32, optimiser={"ema": 0.9})).parts["average"] == plain["parameters"]


@pytest.mark.parametrize(
    "more",
    [{"activation_checkpointing": "selective"}, {"activation_checkpointing": "full"}, {"tensor": 2}, {"context": 2}],
    ids=str,
)
def test_what_is_to_save_memory_saves_it(more: dict[str, Any]) -> None:
    """With as many pictures on each data rank."""
    ranks = 4 * more.get("tensor", 1) * more.get("context", 1)
    options = {"depth": 12, "image": 64}
    assert memory(case(ranks, 256, plan=more, options=options)).peak < memory(case(4, 256, options=options)).peak


def test_earlier_stages_of_a_pipeline_hold_more_microbatches() -> None:
    one = case(4, 128, plan={**BF16, "pipeline": 4, "microbatches": 8, "shard": 1}, options={"depth": 8})
    held = [memory(one, stage).parts["activations"] for stage in range(4)]
    assert held[0] > held[1] > held[2] > held[3]


def test_a_tape_gives_back_what_nobody_refers_to() -> None:
    tape, numbers = Tape(), Numbers(4)
    x = tape.held(100 * 4)
    y = linear(tape, x, 10, 10, 20, True, numbers)
    del x  # kept for the gradient of the weight
    assert tape.live[0] == 400 + 800
    flow = Flow([y])
    del y
    tape.backward(flow)
    assert tape.taken().end == (0, 400, 0, (200 + 20) * 4)
