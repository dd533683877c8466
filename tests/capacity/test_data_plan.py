"""The data plan: what the accelerators want beside what each part gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.capacity import Accelerator, Cluster, Curve, DataPlan, Network, Node, data_plan, documented_rates
from compoundeye.capacity import _data_plan as module
from compoundeye.capacity._storage import fragments_of
from compoundeye.records import EyeError

FLAT = Curve(((1.0, 1.0),))
GPU = Accelerator("a gpu", 80e9, 1e9, 3e12, {"bf16": 1e15}, FLAT, FLAT, 700.0)
LINK = Network("a link", 10e9, 0.01, FLAT, {"bandwidth": "a test"})
NODE = Node(GPU, 4, LINK, cores=68, memory=1e12, disk=2e9, disk_size=10e12, watts=5_000.0)
CLUSTER = Cluster(NODE, 8, LINK, storage=LINK)
RATES = replace(documented_rates(), kind="measured", loader=0.001)
SIZE = 100_000.0
# At this size a picture costs more than at the first one: by the cropping of its further bytes.
FRAGMENTS = fragments_of(10_000_000, SIZE)
EACH = 1 + FRAGMENTS * (1 - (1 - 1 / FRAGMENTS) ** 64) / 64
COST = 0.001 - RATES.crop() + RATES.crop(SIZE)


def plan(wanted: float = 8_000.0, **others: Any) -> DataPlan:
    given: dict[str, Any] = {"cluster": CLUSTER, "pictures": 10_000_000, "picture_bytes": SIZE, "rates": RATES}
    given |= others
    return data_plan(wanted, given.pop("cluster"), **given)


def test_each_part_gives_what_its_figures_say() -> None:
    from_disks, from_store = plan(), plan(store="object")
    assert from_disks.limits == pytest.approx({"decoders": 2 * (68 - 4) / COST, "disk": 2 * 2e9 / SIZE})
    assert from_store.limits == pytest.approx(
        {"decoders": 2 * (68 - 4) / COST, "network": 2 * 10e9 / SIZE, "requests": 8 * 64 / (0.01 * EACH)}
    )
    assert from_disks.bound == "disk"
    assert from_store.bound == "requests"


def test_what_one_accelerator_needs() -> None:
    found = plan(8_000.0)
    assert found.cores_per_gpu == pytest.approx(1_000 * COST + 1)
    assert found.threads_per_gpu == 2  # 1,000 pictures/s at 1.3 ms
    assert found.cores_per_gpu_given == 17
    assert found.bytes_per_second == 8_000 * SIZE
    assert found.bytes_per_second_node == 4_000 * SIZE
    assert found.memory_node == 4 * 3 * 64 * (3 * 224 * 224 + SIZE)


def test_accelerators_wait_for_the_share_that_nothing_gives() -> None:
    assert plan(40_000.0).input_bound == 0  # exactly what the disks give
    assert plan(80_000.0).input_bound == pytest.approx(0.5)
    assert plan(8_000.0).input_bound == 0


def test_requests_and_their_cost() -> None:
    found = plan(store="object", epochs=3.0, price_1000_requests=0.0004, price_gigabyte=0.02)
    assert 1.98 < EACH < 2  # of 3,700 fragments: nearly every row of a call is in one of its own
    assert found.requests == pytest.approx(30_000_000 * EACH + 3 * 8 * FRAGMENTS)
    assert found.transferred_bytes == 3 * 10_000_000 * SIZE
    assert found.cost == pytest.approx(found.requests / 1_000 * 0.0004 + 3_000 * 0.02)
    assert plan(store="object").cost is None
    copied = plan(store="disk", price_gigabyte=0.02)
    assert copied.requests == 0
    assert copied.transferred_bytes == 2 * 10_000_000 * SIZE  # one copy for each of two nodes


@pytest.mark.parametrize(("fragments", "rows", "counted"), [(2, 64, 61), (32, 16, 28), (32, 32, 53), (32, 64, 82)])
def test_requests_of_a_call_are_those_that_a_store_counted(
    fragments: int, rows: int, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by benchmarks/plan_requests.py; where rows lie close to each other, Lance asks for several at once."""
    monkeypatch.setattr(module, "_ROWS_A_CALL", rows)
    planned = rows * module._requests_a_picture(fragments)
    assert planned == pytest.approx(counted, rel=0.15)


def test_a_corpus_that_no_node_can_keep_is_said() -> None:
    assert plan().cache_fits
    large = plan(pictures=1_000_000_000)
    assert not large.cache_fits
    assert any("does not fit on a node's disks" in note for note in large.notes)
    assert not plan(pictures=1_000_000_000, store="object").notes


def test_doubts_are_notes() -> None:
    assert plan().notes == ()
    assert any("run `eye benchmark`" in note for note in data_plan(1_000.0, CLUSTER, pictures=1_000).notes)
    assert any("336 may cost more or less" in note for note in plan(side=336).notes)
    assert any("larger than any that was measured" in note for note in plan(picture_bytes=20e6).notes)
    without = plan(rates=replace(RATES, loader=None))
    assert any("the loader was not measured" in note for note in without.notes)
    assert without.limits["decoders"] == pytest.approx(2 * 64 / (RATES.crop(SIZE) + RATES.random))


def test_a_network_of_the_accelerators_is_all_of_theirs_together() -> None:
    """Without a storage network, pictures come over that between nodes, which each accelerator has to itself."""
    found = plan(cluster=Cluster(NODE, 8, LINK), store="object")
    assert found.limits["network"] == pytest.approx(2 * 4 * 10e9 / SIZE)


def test_every_figure_is_explained() -> None:
    for found in (plan(), plan(store="object")):
        terms = found.terms()
        assert len({term.key for term in terms}) == len(terms)
        for term in terms:
            assert term.formula or term.source
            assert term.kind == "computed" or term.source
        limits = {term.key.removeprefix("data.limit."): term.value for term in terms if ".limit." in term.key}
        assert limits == dict(found.limits)


@pytest.mark.parametrize("wrong", [{"pictures": 0}, {"picture_bytes": -1.0}, {"side": 0}, {"epochs": 0.0}])
def test_numbers_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(EyeError, match=f"{next(iter(wrong))} must be above 0"):
        plan(**wrong)
    with pytest.raises(EyeError, match="pictures_per_second must be above 0"):
        plan(0.0)


@given(
    st.floats(1, 8),
    st.sampled_from(["cores", "disk", "bandwidth", "latency", "decoder"]),
    st.sampled_from(["disk", "object"]),
)
def test_more_of_anything_never_lets_accelerators_wait_longer(more: float, what: str, store: str) -> None:
    node, link, rates = NODE, LINK, RATES
    if what == "cores":
        node = replace(node, cores=round(node.cores * more))
    elif what == "disk":
        node = replace(node, disk=node.disk * more)
    elif what == "bandwidth":
        link = replace(link, bandwidth=link.bandwidth * more)
    elif what == "latency":
        link = replace(link, latency=link.latency / more)
    else:
        rates = replace(rates, loader=RATES.crop() + (0.001 - RATES.crop()) / more)
    better = plan(1e6, cluster=Cluster(node, 8, link, storage=link), rates=rates, store=store)
    assert better.input_bound <= plan(1e6, store=store).input_bound
