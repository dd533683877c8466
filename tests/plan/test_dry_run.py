"""What the dry run counts against what PyTorch's own tools count, or what follows by hand."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
import torch
from tiny import CLASSES, DEPTH, HEADS, HIDDEN, IMAGE, PATCH, TOKENS, WIDTH, case, do, steps
from torch.distributed._tools.mem_tracker import MemTracker
from torch.utils.flop_counter import FlopCounterMode

from compoundeye.plan import Executed, executed
from compoundeye.records import EyeError
from compoundeye.train import Batch, lay_out, learner
from compoundeye.train._feed import Feed

# Alone: every part can be checked.


@pytest.fixture(scope="module")
def alone() -> Executed:
    return executed(case(), 0)


def test_products_are_those_that_torch_counts_and_attention_is_that_of_the_formula(alone: Executed) -> None:
    of = case()
    _, step, batch = steps(of)
    with FlopCounterMode(display=False) as counter:
        step.learn(0, *batch, pictures=8)  # type: ignore[misc]
    each = DEPTH * 8 * HEADS * TOKENS**2 * (WIDTH // HEADS)
    assert sum(alone.flops.values()) == counter.get_total_flops() + (4 + 10) * each
    assert set(alone.flops) == {"forward", "backward"}
    # Forward by hand: patches, blocks, head.
    products = (
        TOKENS * DEPTH * (4 * WIDTH**2 + 2 * WIDTH * HIDDEN) + (TOKENS - 1) * 3 * PATCH**2 * WIDTH + WIDTH * CLASSES
    )
    assert alone.flops["forward"] == 2 * 8 * products + 4 * each


@pytest.mark.parametrize("checkpointing", ["none", "selective", "full"])
def test_the_peak_is_that_of_torchs_tracker_on_real_tensors(checkpointing: str) -> None:
    of = case(plan={"activation_checkpointing": checkpointing})
    found = executed(of, 0)
    model, step, batch = steps(of)
    do(step, 0, batch)
    moments = [state for one in step.optimisers for held in one.state.values() for state in held.values()]
    tracker = MemTracker()
    tracker.track_external(model, *batch, *moments)
    with tracker:
        do(step, 1, batch)
    assert found.peak == tracker.get_tracker_snapshot("peak")[torch.device("cpu")]["Total"]
    assert found.parts["optimiser"] == sum(state.untyped_storage().nbytes() for state in moments)
    assert found.parts["parameters"] == 4 * found.parameters
    assert found.parts["inputs"] == sum(part.nbytes for part in batch)


def test_moments_follow_the_step_and_the_highest_is_the_peak(alone: Executed) -> None:
    names = [moment.name for moment in alone.moments]
    blocks = [f"backbone.blocks.{i}" for i in range(DEPTH)]
    forward, back = [f"{name} forward" for name in blocks], [f"{name} backward" for name in reversed(blocks)]
    assert names == [*forward, *back, "backward", "clip", "update"]
    assert max(moment.bytes for moment in alone.moments) == alone.peak == sum(alone.parts.values())
    rising = [moment.parts.get("activations", 0) for moment in alone.moments[:DEPTH]]
    assert rising == sorted(rising)
    assert len(set(rising)) == DEPTH
    assert alone.moments[-1].parts["gradients"] == 4 * alone.parameters
    assert alone.moments[-1].parts.get("activations", 0) < 1000


def test_what_is_computed_again_is_told_apart_and_saves_memory(alone: Executed) -> None:
    found = executed(case(plan={"activation_checkpointing": "full"}), 0)
    assert found.flops["forward"] == alone.flops["forward"]
    assert found.flops["backward"] == alone.flops["backward"]
    # The last product of a block is not needed again: recomputation stops where everything that was kept is back.
    each = 8 * TOKENS * (4 * WIDTH**2 + WIDTH * HIDDEN) * 2 + 4 * 8 * HEADS * TOKENS**2 * (WIDTH // HEADS)
    assert found.flops["recompute"] == DEPTH * each
    assert found.peak < alone.peak
    assert found.parts["recomputed"] > 0


@pytest.mark.parametrize(("batch", "accumulate"), [(8, 1), (10, 3), (7, 2)])
def test_pictures_are_as_many_as_the_feed_makes(batch: int, accumulate: int) -> None:
    of = case(batch=batch, plan={"accumulate": accumulate})
    read = Batch(
        pixels=np.zeros((batch, IMAGE, IMAGE, 3), np.uint8),
        targets=np.zeros(batch, np.int64),
        valid=np.ones(batch, bool),
        positions=np.arange(batch),
        ids=[b""] * batch,
        sources=np.zeros(batch, np.int16),
    )
    fed = Feed(of.settings, lay_out(of.plan, "cpu"), batch)(read)
    assert executed(of, 0).parts["inputs"] == sum(part.nbytes for part in fed)


def test_averages_and_clipping_are_counted(alone: Executed) -> None:
    found = executed(case(optimiser={"ema": 0.99, "clip": 1.0}), 0)
    assert found.parts["average"] == found.parts["parameters"]
    assert found.peak == alone.peak + found.parts["average"]


def test_several_passes_a_step_hold_the_activations_of_one(alone: Executed) -> None:
    found = executed(case(batch=16, plan={"accumulate": 2}), 0)
    assert found.flops == {phase: 2 * flops for phase, flops in alone.flops.items()}
    assert found.parts["inputs"] == 2 * alone.parts["inputs"]
    assert found.parts["activations"] == pytest.approx(alone.parts["activations"], rel=0.01)
    assert found.peak > alone.peak  # gradients of the first pass are there in the second


def test_bytes_gathered_and_scattered_are_the_models() -> None:
    found = executed(case(4), 2)
    with torch.device("meta"):
        shapes = [parameter.shape for parameter in learner(case().settings, CLASSES).parameters()]
    whole = 4 * sum(padded(shape, 4) for shape in shapes)
    sent = {(one.kind, one.phase): one for one in found.sent if one.kind != "all_reduce"}
    assert sent["all_gather", "forward"].bytes == sent["reduce_scatter", "backward"].bytes == whole
    # Units: blocks, what holds them, and the rest, which is not let go in between.
    assert sent["all_gather", "forward"].count == sent["reduce_scatter", "backward"].count == DEPTH + 2
    assert sent["all_gather", "backward"].count == DEPTH + 1
    assert {(one.dimension, one.size, one.stride) for one in found.sent} == {("shard", 4, 1)}
    assert found.moments[-1].parts["gradients"] == found.moments[-1].parts["parameters"] == whole // 4


def padded(shape: torch.Size, ways: int) -> int:
    """Numbers that all ranks together hold of a parameter: the cut dimension is filled up."""
    cut = len(shape) - 1 if len(shape) > 1 and shape[0] == 1 and shape[-1] % ways == 0 else 0
    return shape.numel() // shape[cut] * ceil(shape[cut] / ways) * ways


def test_products_are_counted_by_what_this_rank_has_of_them() -> None:
    whole = executed(case(batch=16), 0).flops
    split = executed(case(8, batch=16, plan={"tensor": 2, "shard": 4}), 5)
    assert split.flops["forward"] > whole["forward"] / 8  # the ends are not split
    assert split.flops["forward"] < 1.2 * whole["forward"] / 8
    groups = {(one.dimension, one.size, one.stride) for one in split.sent}
    assert groups == {("shard", 4, 2), ("data", 4, 2), ("tensor", 2, 1)}


@pytest.mark.parametrize("chunks", [1, 2])
def test_stages_of_a_pipeline_hold_the_model_together_and_send_each_microbatch(chunks: int) -> None:
    of = case(2, batch=8, model={"options": {"depth": 4}}, plan={"pipeline": 2, "microbatches": 4, "chunks": chunks})
    first, last = (executed(of, rank) for rank in range(2))
    assert (first.stage, last.stage) == (0, 1)
    assert first.parts["parameters"] + last.parts["parameters"] == 4 * first.parameters
    sends = {(rank.rank, one.phase): one for rank in (first, last) for one in rank.sent if one.kind == "send"}
    assert {(one.dimension, one.size, one.stride) for one in sends.values()} == {("pipeline", 2, 1)}
    # Of 2 x chunks parts all but the last send their result on, and all but the first a gradient back.
    forward = {rank: sends[rank, "forward"].count for rank in range(2) if (rank, "forward") in sends}
    back = {rank: sends[rank, "backward"].count for rank in range(2) if (rank, "backward") in sends}
    assert forward == ({0: 4} if chunks == 1 else {0: 8, 1: 4})
    assert back == ({1: 4} if chunks == 1 else {0: 4, 1: 8})
    one = sends[0, "forward"]
    assert one.bytes == one.count * 2 * TOKENS * WIDTH * 4
    assert not any(sent.phase == "forward" for sent in first.sent if sent.kind == "reduce_scatter")


def test_tokens_are_taken_to_spread_evenly_over_experts() -> None:
    dense = executed(case(batch=8), 0)
    sparse = executed(case(batch=8, model={"options": {"experts": 4, "experts_every": 1, "experts_each": 1}}), 0)
    router = 2 * 8 * TOKENS * DEPTH * WIDTH * 4
    assert sparse.flops["forward"] == dense.flops["forward"] + router
    assert sparse.flops["backward"] == dense.flops["backward"] + 2 * router


def test_a_head_of_a_hundred_million_classes_is_held_by_row() -> None:
    classes, dimension, ranks = 100_000_000, 16, 64
    task = {"kind": "margin", "dimension": dimension, "sample": 0.1}
    found = executed(case(ranks, batch=256, classes=classes, task=task), 63)
    mine = classes // ranks * dimension * 4
    assert mine < found.parts["parameters"] < 1.01 * mine
    # Two moments, and for each class the steps that it took part in.
    assert found.parts["optimiser"] == pytest.approx((2 + 1 / dimension) * mine, rel=0.01)
    assert found.moments[-1].parts["gradients"] == pytest.approx(0.1 * mine, rel=0.02)


def test_mistakes_are_told() -> None:
    with pytest.raises(EyeError, match="no rank 2 among 2: give one from 0 to 1"):
        executed(case(2), 2)
    with pytest.raises(EyeError, match="set precision to bf16"):
        executed(case(2, plan={"precision": "float8"}), 0)
