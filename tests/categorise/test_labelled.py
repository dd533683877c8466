"""Labelled pictures from a folder and from corrections."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compoundeye.categorise import categorise
from compoundeye.categorise._labelled import both, from_corrections, from_folder
from compoundeye.categorise._look import reference
from compoundeye.cluster import Local
from compoundeye.records import EyeError, picture_id

MODEL = "efficientnet-lite0"
ONE = Local(1)


@pytest.fixture
def folder(tmp_path: Path, views: Any) -> Path:
    root = tmp_path / "labelled"
    for subject in ("cat", "coffee"):
        (root / subject / "deeper").mkdir(parents=True)
        for number, data in enumerate(views(subject, 4)):
            (root / subject / ("deeper" if number == 0 else "") / f"{number}.jpg").write_bytes(data)
    return root


def test_a_folder_of_folders(folder: Path, views: Any) -> None:
    ref, vision = reference(MODEL)
    found = from_folder(folder, ref, ONE)
    assert sorted(found.labels) == ["cat"] * 4 + ["coffee"] * 4
    assert list(found.ids) == sorted(picture_id(data) for subject in ("cat", "coffee") for data in views(subject, 4))
    one = views("cat", 4)[2]
    place = found.ids.index(picture_id(one))
    assert found.labels[place] == "cat"
    np.testing.assert_allclose(found.embedding[place], vision(vision.prepare(one)[None]).embedding[0], atol=0.05)


def test_what_cannot_be_used_is_named(folder: Path, views: Any) -> None:
    (folder / "cat" / "notes.txt").write_text("not a picture")
    (folder / "cat" / ".hidden.jpg").write_text("passed over")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.jpg").write_text("passed over")
    (folder / "cat" / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "coffee" / "really a cat.jpg").write_bytes(views("cat", 4)[1])
    found = from_folder(folder, reference(MODEL)[0], ONE)
    why = {Path(where).name: reason for where, reason in found.refused}
    assert set(why) == {"notes.txt", "gone.jpg", "really a cat.jpg"}
    assert "neither is used" in why["really a cat.jpg"]
    assert "cannot be read" in why["gone.jpg"]
    assert len(found.ids) == 7


def test_a_picture_given_twice_counts_once(folder: Path, views: Any) -> None:
    (folder / "cat" / "again.jpg").write_bytes(views("cat", 4)[1])
    found = from_folder(folder, reference(MODEL)[0], ONE)
    assert len(found.ids) == 8
    assert found.refused == ()


def test_the_digest_depends_on_pictures_and_labels_alone(folder: Path) -> None:
    ref, _ = reference(MODEL)
    first = from_folder(folder, ref, ONE).digest
    (folder / "cat" / "1.jpg").rename(folder / "cat" / "renamed.jpg")
    assert from_folder(folder, ref, ONE).digest == first
    (folder / "cat" / "renamed.jpg").rename(folder / "coffee" / "renamed.jpg")
    assert from_folder(folder, ref, ONE).digest != first


def test_no_more_than_the_most_are_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[from_folder.__module__], "MOST_PER_CATEGORY", 2)
    found = from_folder(folder, reference(MODEL)[0], ONE)
    assert sorted(found.labels) == ["cat"] * 2 + ["coffee"] * 2


@pytest.mark.parametrize("empty", [False, True])
def test_a_folder_that_holds_no_categories_is_said_so(tmp_path: Path, empty: bool) -> None:
    where = tmp_path if empty else tmp_path / "missing"
    with pytest.raises(EyeError, match="subfolder"):
        from_folder(where, reference(MODEL)[0], ONE)


def test_corrections_are_labelled_pictures(make_corpus: Any, views: Any, label: Any) -> None:
    cats, cups = views("cat", 3), views("coffee", 3)
    corpus = make_corpus(cats, cups)
    label(corpus, {picture_id(cats[0]): "mine", picture_id(cups[1]): "yours"})
    ref, vision = reference(MODEL)
    looked = from_corrections(corpus, ref, str(vision.identity), ONE)
    assert sorted(zip(looked.ids, looked.labels, strict=True)) == sorted(
        [(picture_id(cats[0]), "mine"), (picture_id(cups[1]), "yours")]
    )
    categorise(corpus, workers=1)
    kept = from_corrections(corpus, ref, str(vision.identity), ONE)
    # Once from the pictures, once from the corpus's column: batches of other sizes, so within rounding.
    np.testing.assert_allclose(kept.embedding, looked.embedding, atol=0.05)
    assert kept.digest == looked.digest
    assert kept.logits is None
    wanted = from_corrections(corpus, ref, str(vision.identity), ONE, logits=True)
    assert wanted.logits is not None
    assert wanted.logits.shape == (2, 1000)


def test_no_corrections_are_no_labelled_pictures(make_corpus: Any, views: Any) -> None:
    ref, vision = reference(MODEL)
    assert from_corrections(make_corpus(views("cat", 1)), ref, str(vision.identity), ONE).ids == ()


def test_a_folder_and_corrections_together(folder: Path, make_corpus: Any, views: Any, label: Any) -> None:
    same, other = views("cat", 4)[1], views("rocket", 1)[0]
    corpus = make_corpus([same, other])
    ref, vision = reference(MODEL)
    label(corpus, {picture_id(same): "coffee", picture_id(other): "rocket"})
    corrected = from_corrections(corpus, ref, str(vision.identity), ONE)
    found = both(from_folder(folder, ref, ONE), corrected)
    assert len(found.ids) == 8
    assert picture_id(same) not in found.ids
    assert found.labels[found.ids.index(picture_id(other))] == "rocket"
    assert any("neither is used" in reason for _, reason in found.refused)
