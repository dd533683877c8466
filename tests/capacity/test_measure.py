"""Measuring runs the real work: every rate is there, told of as it goes, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from compoundeye.capacity import Extent, Rates, categorising_plan, measure
from compoundeye.capacity import _measure as module
from compoundeye.capacity._samples import synthetic_jpegs
from compoundeye.capacity._workloads import crop_boxes, whole
from compoundeye.corpus import Corpus
from compoundeye.records import EyeError

TINY = Extent(seconds=0.02, rounds=1, pictures=24, disk_bytes=16 << 20)


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MADE", ((4, 240, 180, 12_000), (2, 480, 360, 40_000)))


def counted(corpus: Corpus, threads: int) -> Iterator[int]:
    """In place of the training loader."""
    assert threads == 1
    yield from (batch.num_rows for batch in corpus.dataset.scanner(columns=["image"], batch_size=16).to_batches())


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rates, list[tuple[int, int | None]], Path]:
    place = tmp_path_factory.mktemp("place")
    told = list[tuple[int, int | None]]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MADE", ((4, 240, 180, 12_000), (2, 480, 360, 40_000)))
        rates = measure(
            place=place, workers=1, extent=TINY, feed=counted, progress=lambda done, total: told.append((done, total))
        )
    return rates, told, place


def test_every_rate_is_measured(found: tuple[Rates, list[tuple[int, int | None]], Path]) -> None:
    rates, _, _ = found
    assert rates.kind == "measured"
    assert "`eye benchmark" in rates.source
    assert [(one.width, one.height) for one in rates.sizes] == [(240, 180), (480, 360)]
    assert {term.kind for term in rates.terms()} == {"measured"}
    assert all(term.value > 0 for term in rates.terms() if not term.key.endswith(("around", "result_bytes")))
    (model,) = rates.models
    assert (model.name, model.input_size, model.embedding_dim) == ("efficientnet-lite0", 224, 1_280)
    assert rates.loader is not None
    assert 0 < rates.share <= 1.5  # a core's worth of this process, give or take its helper threads


def test_larger_pictures_cost_more(found: tuple[Rates, list[tuple[int, int | None]], Path]) -> None:
    small, large = found[0].sizes
    assert large.bytes > 2 * small.bytes
    assert large.keep > small.keep
    assert large.ingest >= large.keep


def test_a_row_takes_some_tens_of_bytes_beside_its_picture(
    found: tuple[Rates, list[tuple[int, int | None]], Path],
) -> None:
    assert 20 < found[0].row_bytes < 500


def test_progress_ends_where_it_said_and_nothing_is_left(
    found: tuple[Rates, list[tuple[int, int | None]], Path],
) -> None:
    _, told, place = found
    assert [done for done, _ in told] == list(range(len(told)))
    assert {total for _, total in told} == {len(told) - 1}
    assert not list(place.iterdir())


def test_a_plan_follows(found: tuple[Rates, list[tuple[int, int | None]], Path]) -> None:
    plan = categorising_plan(10**9, found[0], cores=64)
    assert plan.categorise.hours > 0
    assert not any("run `eye benchmark` here" in note for note in plan.notes)


def test_a_model_without_labels_is_joined_by_one_that_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole jobs need answers; what they cost beside the model is taken to be the same for all."""
    known = module.load("efficientnet-lite0")
    mute = type(known)(known.card, known.identity, None, known._runtime, known._prepare)
    monkeypatch.setattr(module, "load", lambda name, **_: mute if name == "mute" else known)
    assert module._loaded(["mute"]) == {"mute": mute, "efficientnet-lite0": known}
    assert list(module._loaded(["mute", "efficientnet-lite1"])) == ["mute", "efficientnet-lite1"]


def test_own_pictures_come_first_and_made_ones_stay(tmp_path: Path) -> None:
    for number, data in enumerate(synthetic_jpegs(3, 200, 150, 9_000).pictures):
        (tmp_path / f"{number}.jpg").write_bytes(data)
    samples = module._samples(tmp_path)
    assert [(one.width, one.height) for one in samples] == [(200, 150), (480, 360)]
    assert samples[0].origin == f"3 pictures of {tmp_path}"


def test_room_on_the_disk_bounds_a_job() -> None:
    large = synthetic_jpegs(1, 1_600, 1_200, 400_000)
    assert module._pictures_a_job(large, 1, module.FULL) == module.FULL.pictures
    assert module._pictures_a_job(large, 512, module.FULL) == 16


def test_jobs_take_each_picture_equally_often() -> None:
    for count, pictures, expected in ((64, 24, 72), (128, 24, 120), (3, 24, 24), (64, 6, 66), (1, 2, 2)):
        assert whole(count, [b""] * pictures) == expected


def test_boxes_of_crops_lie_within_and_cover_what_they_should() -> None:
    areas = []
    for box in crop_boxes():
        left, top, width, height = box(500, 375)
        assert left >= 0
        assert top >= 0
        assert left + width <= 500
        assert top + height <= 375
        areas.append(width * height / (500 * 375))
    assert np.mean(areas) == pytest.approx(0.54, abs=0.04)  # the middle of 8 and 100 %
    assert min(areas) < 0.12


def test_wishes_that_cannot_be_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EyeError, match="no model to measure"):
        measure(models=[])
    with pytest.raises(EyeError, match=r"there is no folder .*: give --place"):
        measure(place=tmp_path / "nowhere")
    with pytest.raises(EyeError, match=r"there is no folder .*: give --pictures"):
        measure(pictures=tmp_path / "nowhere")
    with pytest.raises(EyeError, match="no-such-model"):
        measure(models=["no-such-model"], extent=TINY, workers=1)
