"""Tallies of language models: parameters as published, FLOPs and bytes by hand, whatever the layout."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compoundeye.plan import (
    Attention,
    Collective,
    Habits,
    LanguageModel,
    LanguageRun,
    Product,
    Streamed,
    language_tally,
)

FUSED = Habits(fused=True, flash=True, loss_bytes=12, gradient_bytes=4)
SMALL = LanguageModel(width=64, layers=4, heads=8, vocabulary=512, groups=2, hidden=128, gated=True)
RUN = LanguageRun(SMALL, sequence=32, gpus=8, batch=16, micro=2, habits=FUSED)
LLAMA = LanguageModel(4096, 32, 32, 128256, 8, 14336, gated=True)


def flops(run: LanguageRun, *phases: str) -> float:
    """Of products, over all ranks."""
    found = (one for one in language_tally(run).operations if isinstance(one, Product) and one.phase in phases)
    return run.gpus * sum(one.flops for one in found)


def sent(run: LanguageRun, dimension: str, kind: str | None = None) -> float:
    found = (one for one in language_tally(run).operations if isinstance(one, Collective) and one.size > 1)
    return sum(one.bytes * one.count for one in found if one.dimension == dimension and kind in {None, one.kind})


@pytest.mark.parametrize(
    ("model", "published"),
    [
        (LLAMA, 8.03e9),  # The Llama 3 Herd of Models, 2024: "8B"; 8.03e9 in its model card, both embeddings counted
        (LanguageModel(8192, 80, 64, 128256, 8, 28672, gated=True), 70.55e9),
    ],
)
def test_parameters_are_those_published(model: LanguageModel, published: float) -> None:
    assert model.layers * model.block + 2 * model.width * model.vocabulary == pytest.approx(published, rel=2e-3)


def test_model_flops_are_six_for_each_parameter_and_token_and_attention() -> None:
    """NVIDIA's recipe for Llama 3.1 8B counts 4.74e14 on 8,192 tokens (dgxc-benchmarking, README_8b.md, Notes)."""
    assert LLAMA.flops(8192, 8192, causal=False) == pytest.approx(4.74e14, rel=2e-3)
    attention = 12 * 32 * 4096 * 8192 * 8192
    assert LLAMA.flops(8192, 8192, causal=True) == pytest.approx(4.74e14 - attention / 2, rel=2e-3)


LAYOUTS = [
    RUN,
    replace(RUN, tensor=2),
    replace(RUN, tensor=2, context=2),
    replace(RUN, tensor=4, sharding="zero1"),
    replace(RUN, sharding="hybrid", per_node=4),
]


@pytest.mark.parametrize("run", LAYOUTS)
def test_all_ranks_together_do_the_products_of_the_model_once(run: LanguageRun) -> None:
    tokens = run.batch * run.sequence
    once = 2 * tokens * (SMALL.layers * SMALL.block + SMALL.width * SMALL.vocabulary)
    assert flops(run, "forward") == once
    assert flops(run, "backward") == 2 * once
    attention = sum(one.flops for one in language_tally(run).operations if isinstance(one, Attention))
    assert run.gpus * attention == 14 * SMALL.layers * SMALL.width * run.sequence * tokens


def test_stages_of_a_pipeline_do_their_blocks_and_the_last_one_the_head() -> None:
    run = replace(RUN, pipeline=4, chunks=1, gpus=8)
    tokens = run.batch * run.sequence
    one_stage = 2 * tokens * (SMALL.block + SMALL.width * SMALL.vocabulary)
    assert flops(run, "forward") / run.pipeline == pytest.approx(one_stage / 1)
    uneven = replace(run, model=replace(SMALL, layers=5))  # 2 blocks, no head: the first and last stage have fewer
    assert flops(uneven, "forward") / run.pipeline == pytest.approx(2 * tokens * 2 * SMALL.block)
    step = language_tally(run)
    assert (step.pipeline, step.microbatches) == (4, 4)
    assert sent(run, "pipeline") == 2 * 4 * (2 * 32 * SMALL.width * 2)


@pytest.mark.parametrize(("checkpointing", "share"), [("none", 0), ("half", 0.5), ("full", 1), ("attention", 0)])
def test_checkpointing_does_blocks_again(checkpointing: str, share: float) -> None:
    run = replace(RUN, checkpointing=checkpointing)
    blocks = 2 * run.batch * run.sequence * SMALL.layers * SMALL.block
    assert flops(run, "recompute") == share * blocks


def test_attention_that_is_not_fused_moves_its_scores() -> None:
    run = replace(RUN, habits=replace(FUSED, flash=False))
    operations = language_tally(run).operations
    assert not [one for one in operations if isinstance(one, Attention)]
    scores = 2 * 8 * 32 * 32  # of two sequences: heads x query x key
    moved = {one.phase: one.bytes for one in operations if isinstance(one, Streamed) and one.part == "scores"}
    assert moved == {"forward": 9 * scores, "backward": 18 * scores}
    again = replace(run, checkpointing="attention")
    assert flops(again, "recompute") == pytest.approx(4 * SMALL.layers * SMALL.width * 32 * 32 * 16)


def test_fsdp_gathers_twice_and_scatters_once_each_pass() -> None:
    numbers = SMALL.layers * SMALL.block + SMALL.width * SMALL.vocabulary
    assert sent(RUN, "shard", "all_gather") == 2 * 2 * numbers  # one pass: forward and backward, bf16
    assert sent(RUN, "shard", "reduce_scatter") == 4 * numbers
    assert sent(replace(RUN, micro=1), "shard", "all_gather") == 2 * sent(RUN, "shard", "all_gather")


def test_a_shared_optimiser_gathers_and_scatters_once_a_step() -> None:
    numbers = SMALL.layers * SMALL.block + SMALL.width * SMALL.vocabulary
    run = replace(RUN, sharding="zero1", micro=1)
    assert sent(run, "data", "all_gather") == 2 * numbers
    assert sent(run, "data", "reduce_scatter") == 4 * numbers


def test_hybrid_sharding_stays_in_its_node_but_for_gradients_of_its_shard() -> None:
    run = replace(RUN, sharding="hybrid", per_node=4)
    numbers = SMALL.layers * SMALL.block + SMALL.width * SMALL.vocabulary
    across = [one for one in language_tally(run).operations if isinstance(one, Collective) and one.stride == 4]
    assert sum(one.bytes * one.count for one in across) == 4 * numbers / 4
    assert {one.kind for one in across} == {"all_reduce"}


def test_tensor_ranks_exchange_what_megatron_says() -> None:
    """Korthikanti et al., 2022, section 4.2.2: two gathers and two scatters forward, as many backward."""
    run = replace(RUN, tensor=2, habits=replace(FUSED, gather_again=False))
    rows = 2 * (run.batch // run.data * run.sequence) * SMALL.width  # bytes of a layer's input, bf16
    assert sent(run, "tensor") == 8 * SMALL.layers * rows
    whole = replace(run, habits=replace(FUSED, sequence_parallel=False))
    assert sent(whole, "tensor", "all_reduce") == 4 * SMALL.layers * rows


def test_float8_moves_more_and_computes_blocks_in_it() -> None:
    run = replace(RUN, precision="float8")
    kinds = {one.precision for one in language_tally(run).operations if isinstance(one, Product) and one.part != "head"}
    assert kinds == {"float8"}
    casts = [one for one in language_tally(run).operations if isinstance(one, Streamed) and one.part == "casts"]
    assert {one.phase for one in casts} == {"forward", "backward"}
