"""Pictures to measure with have the size that was asked for, decode, and are all different."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compoundeye.capacity import _samples as module
from compoundeye.capacity._samples import distinct, own_pictures, synthetic_jpegs
from compoundeye.pixels import decode, probe
from compoundeye.records import EyeError, picture_id


@pytest.mark.parametrize(("width", "height", "size"), [(500, 375, 50_000), (320, 240, 12_000), (900, 600, 150_000)])
def test_made_pictures_have_the_pixels_and_about_the_bytes(width: int, height: int, size: int) -> None:
    made = synthetic_jpegs(3, width, height, size)
    assert made.size == pytest.approx(size, rel=1 / 3)
    assert made.size == sum(map(len, made.pictures)) / 3
    for data in made.pictures:
        header = probe(data)
        assert (header.format, header.width, header.height) == ("JPEG", width, height)


def test_made_pictures_look_like_photographs_to_a_decoder() -> None:
    """Neighbours are alike, as in a photograph, and the picture is not flat."""
    pixels = decode(synthetic_jpegs(1, 500, 375, 50_000).pictures[0]).astype(np.float64)
    grey = pixels.mean(axis=2)
    assert grey.std() > 20
    assert np.corrcoef(grey[:, :-1].ravel(), grey[:, 1:].ravel())[0, 1] > 0.9


def test_the_same_seed_makes_the_same_pictures_and_another_others() -> None:
    first = synthetic_jpegs(2, 160, 120, 6_000, seed=1)
    assert first == synthetic_jpegs(2, 160, 120, 6_000, seed=1)
    assert not set(first.pictures) & set(synthetic_jpegs(2, 160, 120, 6_000, seed=2).pictures)


def test_a_size_that_no_quality_makes_is_refused() -> None:
    with pytest.raises(EyeError, match="no JPEG of 64 x 64 pixels has 1,000,000 bytes"):
        synthetic_jpegs(1, 64, 64, 1_000_000)


def test_copies_differ_in_bytes_and_not_in_pixels() -> None:
    made = synthetic_jpegs(2, 160, 120, 6_000)
    many = [distinct(made.pictures, number) for number in range(10)]
    assert len({picture_id(data) for data in many}) == 10
    assert np.array_equal(decode(many[1]), decode(made.pictures[1]))


def test_own_pictures_are_found_below_a_folder_and_others_passed(tmp_path: Path) -> None:
    made = synthetic_jpegs(6, 160, 120, 6_000)
    for number, data in enumerate(made.pictures):
        folder = tmp_path / f"{number % 2}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(data)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "broken.jpg").write_bytes(made.pictures[0][:20])
    found = own_pictures(tmp_path, 4)
    assert len(found.pictures) == 4
    assert set(found.pictures) <= set(made.pictures)
    assert (found.width, found.height) == (160, 120)
    assert set(own_pictures(tmp_path, 100).pictures) == set(made.pictures)


def test_of_large_pictures_a_few_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_OWN_BYTES", 10_000)
    for number, data in enumerate(synthetic_jpegs(9, 160, 120, 6_000).pictures):
        (tmp_path / f"{number}.jpg").write_bytes(data)
    assert len(own_pictures(tmp_path, 9).pictures) == 4


def test_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    with pytest.raises(EyeError, match="there is no folder"):
        own_pictures(tmp_path / "nowhere", 3)
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(EyeError, match="there is no picture in"):
        own_pictures(tmp_path, 3)
