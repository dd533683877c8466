"""The tally of a network that classifies against the dry run, number for number; and what can be said without one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
import torch
from tallies import BF16, FULL, HUGE, MIXTURE, SELECTIVE, case, dry_runs, flops, same, sent

from compoundeye.nets import ViT, ViTConfig, training_flops
from compoundeye.plan import Case, Collective, Executed, Product, Streamed, Tally, tally
from compoundeye.records import EyeError

ONE = {"depth": 1}
CASES: dict[str, tuple[Case, int]] = {
    "alone": (case(1), 0),
    "alone, rounded, all again": (case(1, **BF16, **FULL), 0),
    "alone, some again, accumulated": (case(1, **SELECTIVE, accumulate=2), 0),
    "shard": (case(4, {"depth": 3}, **FULL), 3),
    "shard that does not divide": (case(7, batch=10, **BF16), 2),
    "replicate": (case(3, replicate=3, accumulate=2), 1),
    "replicate x shard": (case(4, {"drop_path": 0.1, "layer_scale": 0.1}, replicate=2, **FULL), 1),
    "tensor": (case(2, ONE, tensor=2, **BF16), 1),
    "shard x tensor": (case(6, tensor=2, **BF16, **FULL), 5),
    "context": (case(4, ONE, context=4, **FULL), 2),
    "context x tensor, tokens that do not divide": (
        case(8, {"registers": 2, **ONE}, context=2, tensor=2, **SELECTIVE),
        5,
    ),
    "recipe of ViT-22B": (case(12, {**HUGE, **ONE}, context=2, tensor=2, **BF16, **FULL), 7),
    "all that comes after": (
        case(6, {"parallel": True, "layer_scale": 0.1, "drop_path": 0.2, "bias": False}, tensor=2, **FULL),
        0,
    ),
    "norm before, other activation": (case(2, {"norm_in": True, "activation": "quick_gelu", "pool": "mean"}), 0),
    "frozen": (case(5, {"pool": "attention"}, optimiser={"backbone_rate": 0}, batch=20), 4),
    "other optimiser": (case(2, ONE, optimiser={"name": "sgd", "clip": 1.0, "ema": 0.9}, **BF16), 0),
    "muon": (case(4, ONE, optimiser={"name": "muon"}, **BF16), 0),
    "muon alone": (case(1, optimiser={"name": "muon"}), 0),
}


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Future[Executed]]]:
    with dry_runs(CASES) as found:
        yield found


@pytest.mark.parametrize("name", CASES)
def test_it_is_what_the_dry_run_counts(name: str, runs: dict[str, Future[Executed]]) -> None:
    same(*CASES[name], runs[name].result())


@pytest.mark.parametrize("options", [{}, HUGE, {"registers": 3, "bias": False}, {"experts": 4, "experts_each": 3}])
def test_model_flops_are_three_forward_passes_of_backbone_and_head(options: dict[str, Any]) -> None:
    of = case(2, options, batch=11)
    config = ViTConfig(width=48, depth=2, heads=4, hidden=96, patch=8, image=32, **{"pool": "token", **options})
    with torch.device("meta"):
        backbone = ViT(config)
    assert tally(of).model_flops == 11 * (training_flops(backbone, 32) + 3 * 2 * 48 * 10)


def test_stages_of_a_pipeline_do_together_what_one_process_does() -> None:
    options = {"depth": 7, **HUGE}
    alone = flops(tally(case(1, options)))
    parts = [flops(tally(case(3, options, pipeline=3, microbatches=4), stage)) for stage in range(3)]
    # The query of the pool is a parameter, projected once in each microbatch.
    for phase, query in (("forward", 2), ("backward", 4)):
        assert sum(part[phase] for part in parts) == alone[phase] + 3 * query * 48**2


def test_every_layer_of_a_split_network_does_its_share() -> None:
    options = {"registers": 3}  # 20 tokens, which divide by 4
    whole = {one.part: one.flops for one in products(tally(case(1, options)))}
    parts = products(tally(case(4, options, tensor=4)))
    assert {one.part for one in parts} == set(whole)
    for one in parts:
        assert one.flops * (1 if one.part in ("patch", "head") else 4) == whole[one.part], one.part


def test_float8_does_the_products_of_bf16_and_casts() -> None:
    rounded, eighth = (tally(case(4, {"width": 64, "hidden": 72}, precision=one)) for one in ("bf16", "float8"))
    assert flops(eighth) == flops(rounded)
    assert sent(eighth) == sent(rounded)
    assert streamed(eighth) > streamed(rounded)
    by_part = {one.part: one.precision for one in products(eighth)}
    # Only layers of blocks whose sides are multiples of 16.
    assert by_part["query"] == by_part["out"] == "float8"
    assert by_part["mlp.up"] == by_part["mlp.down"] == by_part["patch"] == "bf16"
    assert by_part["head"] == "fp32"


def test_what_computation_need_not_wait_for_is_marked() -> None:
    of = tally(case(16, {"depth": 4}, tensor=2, context=2, pipeline=2, microbatches=4))
    hidden = {one.dimension: one.hidden for one in of.operations if isinstance(one, Collective) and one.bytes > 100}
    assert hidden == {"tensor": False, "context": False, "shard": True, "pipeline": True}


def test_mixing_streams_more_and_computes_no_more() -> None:
    plain, mixed = tally(case(2)), tally(case(2, task={"mixup": 0.2}))
    assert flops(mixed) == flops(plain)
    assert streamed(mixed) > streamed(plain)


def test_other_networks_are_refused() -> None:
    settings = case(2).settings
    other = settings.model_copy(update={"model": settings.model.model_copy(update={"name": "resnet", "options": {}})})
    with pytest.raises(EyeError, match="vision transformer"):
        tally(Case.of(other, 10, 2))


def test_nothing_is_sent_by_a_process_alone() -> None:
    assert not sent(tally(case(1, MIXTURE)))


def test_only_pictures_of_the_batch_count_for_the_model_but_those_that_fill_up_cost() -> None:
    even, odd = (tally(case(4, batch=batch)) for batch in (16, 13))
    assert flops(even) == flops(odd)
    assert odd.model_flops == even.model_flops * 13 / 16


def products(of: Tally) -> list[Product]:
    """Of the forward pass."""
    return [one for one in of.operations if isinstance(one, Product) and one.phase == "forward"]


def streamed(of: Tally) -> float:
    """Bytes of a step."""
    return sum(one.bytes * one.count for one in of.operations if isinstance(one, Streamed))
