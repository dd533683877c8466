"""The categorising plan: arithmetic of measured rates, and what bounds the hours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.capacity import CategorisingPlan, categorising_plan, documented_rates, gpu_rate, gpu_rates
from compoundeye.records import EyeError

RATES = replace(documented_rates(), kind="measured", cores=8)
MODEL = RATES.models[0]
EACH = MODEL.prepare[0] + MODEL.run + MODEL.around
MANY = 1_000_000_000


def plan(pictures: int = MANY, **others: Any) -> CategorisingPlan:
    return categorising_plan(pictures, RATES, **others)


def test_core_hours_are_pictures_times_what_one_costs() -> None:
    found = plan()
    assert found.categorise.core_hours == pytest.approx(MANY * EACH / 3600)
    assert found.categorise.bound == "cores"
    # 30,518 fragments on 8 cores: the last round is not full, and two starts stand before the first picture.
    assert found.categorise.hours == pytest.approx(MANY * EACH / 3600 / 8, rel=1e-3)
    assert found.categorise.hours > MANY * EACH / 3600 / 8
    assert found.ingest.core_hours == pytest.approx(MANY * RATES.ingest() / 3600)
    assert found.categorise.pictures_per_second == pytest.approx(8 / EACH, rel=1e-3)


def test_docs_say_the_same() -> None:
    """docs/scale.md: 83 core-hours of ingest and 280 of categorising for 300 million pictures of 50 KB."""
    found = plan(300_000_000)
    assert found.ingest.core_hours == pytest.approx(83, rel=0.1)
    assert found.categorise.core_hours == pytest.approx(280, rel=0.1)
    assert found.storage["embeddings"] == pytest.approx(0.77e12, rel=0.01)
    assert found.storage["index"] == pytest.approx(54e9, rel=0.05)


def test_a_slow_disk_bounds_the_hours_and_cores_do_not_help() -> None:
    slow = plan(disk=50e6)
    assert slow.categorise.bound == "disk"
    assert slow.categorise.hours == pytest.approx(MANY * RATES.sizes[0].bytes / 50e6 / 3600, rel=1e-3)
    assert plan(disk=50e6, cores=64).categorise.hours == pytest.approx(slow.categorise.hours)
    assert plan(disk=50e6, machines=2).categorise.hours == pytest.approx(slow.categorise.hours / 2, rel=1e-3)


def test_larger_pictures_cost_decoding_and_not_the_network() -> None:
    large = plan(picture_bytes=RATES.sizes[2].bytes)
    seconds = large.categorise.core_hours * 3600 / MANY
    assert seconds == pytest.approx(MODEL.prepare[2] + MODEL.run + MODEL.around)
    assert large.ingest.core_hours * 3600 / MANY == pytest.approx(RATES.sizes[2].ingest)


def test_a_few_fragments_leave_cores_idle() -> None:
    assert plan(2_048, cores=2, fragments=2).categorise.hours < plan(2_048, cores=2, fragments=1).categorise.hours
    assert plan(2_048, cores=8, fragments=2).categorise.hours == pytest.approx(
        plan(2_048, cores=2, fragments=2).categorise.hours
    )


def test_gpus_by_a_published_rate_wait_for_cores_that_decode() -> None:
    rate = gpu_rate("rtx-4090", "efficientnet-lite0").pictures_per_second
    around = MODEL.prepare[0] + MODEL.around
    starved = plan(gpus=1, gpu="rtx-4090", cores=2, disk=1e12)
    assert starved.cores_per_gpu == pytest.approx(rate * around)
    assert starved.categorise.bound == "cores"
    fed = plan(gpus=1, gpu="rtx-4090", cores=64, disk=1e12)
    assert fed.categorise.bound == "gpus"
    assert fed.categorise.hours == pytest.approx(MANY / rate / 3600)
    assert fed.categorise.gpu_hours == pytest.approx(fed.categorise.hours)
    assert any("runs models on processors today" in note for note in fed.notes)
    assert any(term.kind == "published" and "pytorch-image-models" in term.source for term in fed.terms())


def test_a_rate_of_the_users_own_gpu_goes_before_published_ones() -> None:
    found = plan(gpus=4, gpu_pictures_per_second=1_000.0, cores=64, disk=1e12, gpu_hour_price=2.0)
    assert found.categorise.hours == pytest.approx(MANY / 4_000 / 3600)
    assert found.categorise.cost == pytest.approx(found.categorise.gpu_hours * 2.0)
    assert found.categorise.gpu_hours == pytest.approx(4 * found.categorise.hours)


def test_published_rates_name_their_table_and_row() -> None:
    assert len(gpu_rates()) > 5
    for one in gpu_rates():
        assert one.pictures_per_second > 0
        assert "https://" in one.source
        assert ", row " in one.source
    with pytest.raises(EyeError, match="no published rate of dinov2-small on rtx-4090; there are"):
        gpu_rate("rtx-4090", "dinov2-small")


def test_prices_and_deadlines() -> None:
    found = plan(core_hour_price=0.05, gigabyte_month_price=0.02, deadline_hours=24.0)
    assert found.categorise.cost == pytest.approx(found.categorise.hours * 8 * 0.05)
    assert found.storage_cost == pytest.approx(found.total_bytes / 1e9 * 0.02)
    assert found.cores_for_deadline is not None
    again = plan(cores=found.cores_for_deadline)
    assert again.categorise.hours == pytest.approx(24, rel=0.02)
    assert plan().categorise.cost is None
    assert any("no number of cores" in note for note in plan(deadline_hours=1.0, disk=50e6).notes)
    assert plan().storage_cost is None


def test_storage_is_summed() -> None:
    assert plan().total_bytes == sum(plan().storage.values())


def test_a_plan_from_documented_rates_says_so() -> None:
    found = categorising_plan(1_000, documented_rates())
    assert any("run `eye benchmark` here" in note for note in found.notes)
    assert not plan(1_000).notes


@pytest.mark.parametrize(
    "wrong",
    [{"machines": 0}, {"cores": 0}, {"picture_bytes": -5.0}, {"disk": 0.0}, {"deadline_hours": 0.0}, {"fragments": 0}],
)
def test_numbers_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(EyeError, match=f"{next(iter(wrong))} must be above 0"):
        plan(**wrong)


def test_impossible_wishes_are_one_sentence() -> None:
    with pytest.raises(EyeError, match="pictures must be above 0"):
        plan(0)
    with pytest.raises(EyeError, match="GPUs need a rate"):
        plan(gpus=2)
    with pytest.raises(EyeError, match="run `eye benchmark --model clip-vit-base-patch32` first"):
        plan(model="clip-vit-base-patch32")


def test_every_figure_is_explained() -> None:
    for found in (plan(), plan(gpus=1, gpu="rtx-5090")):
        terms = found.terms()
        assert len({term.key for term in terms}) == len(terms)
        assert all(term.formula or term.source for term in terms)


@given(st.floats(1, 16), st.sampled_from(["cores", "machines", "disk"]), st.integers(1, 10**10))
def test_more_of_anything_never_takes_longer(more: float, what: str, pictures: int) -> None:
    before = {"cores": 4, "machines": 2, "disk": 2e8}
    after = before | {what: before[what] * more if what == "disk" else int(before[what] * more)}
    assert plan(pictures, **after).categorise.hours <= plan(pictures, **before).categorise.hours  # type: ignore[arg-type]
