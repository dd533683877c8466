"""Step time: figures by hand, parts that add up, and that no better machine is ever slower."""

from __future__ import annotations

from dataclasses import replace
from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.capacity import Accelerator, Cluster, Curve, Network, Node
from compoundeye.plan import (
    Attention,
    Collective,
    Constants,
    Operation,
    Product,
    Streamed,
    Tally,
    collective_seconds,
    constants,
    constants_for,
    constants_names,
    step_time,
)
from compoundeye.records import EyeError

FLAT = Curve(((1.0, 0.5),))
RISING = Curve(((1e3, 0.1), (1e6, 0.4), (1e9, 0.8)))
PLAIN = Constants(products=1.0, attention=0.25, streams=1.0, contention=0.0, jitter=0.0, float8=1.0)


def machine(
    *, peak: float = 1e12, bandwidth: float = 1e11, within: float = 1e10, between: float = 1e9, latency: float = 0.0,
    curve: Curve = FLAT, ranks: int = 16, memory: float = 8e10,
) -> Cluster:  # fmt: skip
    gpu = Accelerator("test", memory, 0.0, bandwidth, {"fp32": peak / 2, "bf16": peak}, curve, curve, 500.0)
    inside, outside = Network("in", within, latency, curve), Network("out", between, latency, curve)
    return Cluster(Node(gpu, 4, inside, 32, 1e12, 1e9, 1e13, 5000.0), ranks, outside)


def tally(*operations: Operation, pipeline: int = 1, microbatches: int = 1, chunks: int = 1, ranks: int = 4) -> Tally:
    return Tally(operations, 1e12, pipeline, microbatches, chunks, ranks)


def product(count: float = 1, side: int = 1000) -> Product:
    return Product("mlp.up", "forward", side, side, side, count, "bf16")


def gathering(hidden: bool, count: float = 1, dimension: str = "shard", nbytes: float = 1e8) -> Collective:
    return Collective("block", "forward", "all_gather", dimension, 4, 1, nbytes, count, hidden)  # type: ignore[arg-type]


def test_a_product_takes_its_flops_over_what_the_curve_gives_of_the_peak() -> None:
    assert step_time(tally(product(3)), machine(), PLAIN).matrix == pytest.approx(3 * 2e9 / 0.5e12)


def test_a_thin_product_takes_as_long_as_memory_needs_for_it() -> None:
    thin = Product("head", "forward", 1, 10_000, 10_000, 1, "bf16")  # 2e8 FLOPs, 2e8 bytes
    assert step_time(tally(thin), machine(), PLAIN).matrix == pytest.approx(2 * (1e4 + 1e8 + 1e4) / 0.5e11)


def test_nothing_takes_less_than_a_launch() -> None:
    cluster = machine()
    gpu = replace(cluster.node.accelerator, launch=1e-3)
    cluster = replace(cluster, node=replace(cluster.node, accelerator=gpu))
    tiny = tally(product(2, side=1), Streamed("norm", "forward", 1.0, 5))
    assert step_time(tiny, cluster, PLAIN).total == pytest.approx(7e-3)


def test_causal_attention_takes_half() -> None:
    whole = Attention("attention", "backward", 8, 256, 256, 64, 1, "bf16")
    one = step_time(tally(whole), machine(), PLAIN)
    assert one.attention == pytest.approx(10 * 8 * 256 * 256 * 64 / 0.25e12)
    assert step_time(tally(replace(whole, causal=True)), machine(), PLAIN).attention == pytest.approx(one.attention / 2)


def test_communication_hides_behind_computation_but_for_its_first_call() -> None:
    each = collective_seconds("all_gather", 1e8, 4, 1, machine())
    busy = product(1e3)  # 4 s
    seen = step_time(tally(busy, gathering(hidden=True, count=10)), machine(), PLAIN)
    assert seen.exposed["shard"] == pytest.approx(each)
    assert seen.total == pytest.approx(seen.matrix + each)
    unhidden = step_time(tally(busy, gathering(hidden=False, count=10)), machine(), PLAIN)
    assert unhidden.exposed["shard"] == pytest.approx(10 * each)


def test_communication_that_takes_longer_than_computation_shows_what_is_left() -> None:
    each = collective_seconds("all_gather", 1e8, 4, 1, machine())
    seen = step_time(tally(product(), gathering(hidden=True, count=101)), machine(), PLAIN)
    assert seen.total == pytest.approx(101 * each)
    felt = step_time(tally(product(), gathering(hidden=True, count=101)), machine(), replace(PLAIN, contention=0.5))
    assert felt.total == pytest.approx(101 * each + 0.5 * seen.matrix)


def test_a_pipeline_waits_for_its_first_and_last_microbatch() -> None:
    seen = step_time(tally(product(8), pipeline=4, microbatches=8, chunks=2), machine(), PLAIN)
    assert seen.bubble == pytest.approx(3 / 16 * seen.matrix)


def test_what_the_update_waits_for_comes_once_and_is_in_no_bubble() -> None:
    for hidden in (True, False):
        update = replace(gathering(hidden, 5, "tensor"), phase="update")
        seen = step_time(tally(product(8), update, pipeline=4, microbatches=8), machine(), PLAIN)
        assert seen.exposed["tensor"] > 0
        assert seen.bubble == pytest.approx(3 / 8 * seen.matrix)


def test_more_nodes_wait_longer_for_the_slowest() -> None:
    seen = step_time(tally(product(), ranks=64), machine(ranks=64), replace(PLAIN, jitter=0.01))
    assert seen.waiting == pytest.approx(0.01 * log2(16) * seen.matrix)


def test_parts_add_up_and_every_one_can_be_explained() -> None:
    work = tally(
        product(100), gathering(True, 5), gathering(False, 2, "tensor"), Streamed("norm", "backward", 1e7, 9),
        Streamed("adam", "update", 1e9, 1), Attention("attention", "forward", 4, 64, 64, 32, 2, "bf16"),
        pipeline=2, microbatches=4, ranks=16,
    )  # fmt: skip
    seen = step_time(work, machine(), replace(PLAIN, jitter=0.01, contention=0.2))
    terms = {term.key: term for term in seen.terms()}
    assert len(terms) == len(seen.terms())
    parts = [term.value for key, term in terms.items() if term.unit == "s" and key != "time.total"]
    assert sum(parts) == pytest.approx(seen.total) == terms["time.total"].value
    assert all(term.formula or term.source for term in terms.values())
    assert min(seen.update, seen.streamed, seen.attention, seen.bubble, seen.waiting) > 0
    assert seen.mfu == pytest.approx(1e12 / (seen.total * 16 * 1e12))


def test_a_precision_that_the_accelerator_lacks_is_named() -> None:
    eight = Product("mlp.up", "forward", 8, 8, 8, 1, "float8")
    with pytest.raises(EyeError, match="test has no float8 arithmetic; choose one of fp32, bf16"):
        step_time(tally(eight), machine(), PLAIN)


def test_within_a_node_a_ring_sends_all_but_ones_own_part() -> None:
    assert collective_seconds("all_gather", 1e9, 4, 1, machine()) == pytest.approx(0.75e9 / 0.5e10)
    assert collective_seconds("reduce_scatter", 1e9, 4, 1, machine()) == pytest.approx(0.75e9 / 0.5e10)
    assert collective_seconds("all_reduce", 1e9, 4, 1, machine()) == pytest.approx(1.5e9 / 0.5e10)


def test_between_nodes_all_adapters_of_a_group_share_the_work() -> None:
    """16 ranks in 4 nodes of 4: each node takes in three quarters over four adapters; a rank of each node: over one."""
    assert collective_seconds("all_gather", 1e9, 16, 1, machine()) == pytest.approx(0.75e9 / 4 / 0.5e9)
    assert collective_seconds("all_gather", 1e9, 4, 4, machine()) == pytest.approx(0.75e9 / 0.5e9)
    assert collective_seconds("all_to_all", 1e9, 16, 1, machine()) == pytest.approx(1e9 * 12 / 16 / 0.5e9)


def test_hops_cost_latency_and_a_send_goes_over_one_link() -> None:
    slow = machine(latency=1.0)
    assert collective_seconds("all_gather", 1.0, 16, 1, slow) == pytest.approx(6, rel=1e-6)  # 3 within and 3 between
    assert collective_seconds("all_reduce", 1.0, 16, 1, slow) == pytest.approx(10, rel=1e-6)  # twice 3, and a tree of 2
    assert collective_seconds("send", 1e9, 2, 4, machine()) == pytest.approx(1e9 / 0.5e9)
    assert collective_seconds("send", 1e9, 2, 1, machine()) == pytest.approx(1e9 / 0.5e10)


@pytest.mark.parametrize("kind", ["all_gather", "all_reduce", "all_to_all"])
def test_alone_there_is_nothing_to_send(kind: str) -> None:
    assert collective_seconds(kind, 1e9, 1, 1, machine(latency=1.0)) == 0  # type: ignore[arg-type]


PHASES = st.sampled_from(["forward", "recompute", "backward", "update"])
COUNTS = st.integers(1, 200)
SIDES = st.integers(1, 5000)
OPERATIONS = st.one_of(
    st.builds(Product, st.just("p"), PHASES, SIDES, SIDES, SIDES, COUNTS, st.sampled_from(["fp32", "bf16"])),
    st.builds(Attention, st.just("a"), PHASES, st.integers(1, 64), SIDES, SIDES, st.just(64), COUNTS, st.just("bf16")),
    st.builds(Streamed, st.just("s"), PHASES, st.floats(1, 1e9), COUNTS),
    st.builds(
        Collective, st.just("c"), PHASES,
        st.sampled_from(["all_gather", "all_reduce", "all_to_all", "reduce_scatter", "send", "broadcast"]),
        st.sampled_from(["shard", "tensor", "data", "pipeline", "context"]), st.sampled_from([2, 4, 16]),
        st.sampled_from([1, 2, 4]), st.floats(1, 1e9), COUNTS, st.booleans(),
    ),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    work=st.lists(OPERATIONS, min_size=1, max_size=12),
    better=st.sampled_from(["peak", "bandwidth", "within", "between", "memory"]),
    times=st.floats(1, 20),
    shape=st.tuples(st.integers(1, 8), st.integers(1, 16), st.integers(1, 4)),
)
def test_a_better_machine_is_never_slower(
    work: list[Operation], better: str, times: float, shape: tuple[int, int, int]
) -> None:
    figures = {"peak": 1e13, "bandwidth": 1e11, "within": 1e10, "between": 1e9, "memory": 8e10}
    set_ = replace(PLAIN, contention=0.3, jitter=0.01)
    step = tally(*work, pipeline=shape[0], microbatches=shape[1], chunks=shape[2], ranks=16)
    before = step_time(step, machine(**figures, latency=1e-6, curve=RISING), set_)
    figures[better] *= times
    after = step_time(step, machine(**figures, latency=1e-6, curve=RISING), set_)
    assert after.total <= before.total * (1 + 1e-9)


def test_constants_are_found_by_name_and_by_accelerator() -> None:
    for name in constants_names():
        assert constants(name).name == name
        assert constants(name).products > 0
        assert 0 < constants(name).attention < 1
    assert constants_for("a100-80").name == constants_for("rtx-4090").name == "compiled-2024/ampere"
    assert constants_for("h100").name == constants_for("b200").name == "compiled-2026/hopper"
    assert constants_for("h100", compiled=False).streams <= constants_for("h100").streams
    with pytest.raises(EyeError, match="did you mean 'compiled-2024/hopper'"):
        constants("compiled-2024/hoper")


def test_without_constants_those_of_the_accelerator_count() -> None:
    step = tally(product(10), gathering(True, 4))
    assert step_time(step, machine()).total == step_time(step, machine(), constants_for("test")).total
