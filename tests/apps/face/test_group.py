"""Grouping equals SciPy's average linkage, keeps what it was told, and leaves no two groups that should be one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from compoundeye.apps.face import ALONE, group
from compoundeye.apps.face import _group as grouping
from compoundeye.evaluate import bcubed
from compoundeye.records import EyeError

Array = np.ndarray


def around(people: int, faces: int, spread: float, seed: int) -> tuple[Array, Array]:
    """Embeddings of people whose faces are scattered about one direction each, in random order; and who each is."""
    rng = np.random.default_rng(seed)
    who = rng.permutation(np.repeat(np.arange(people), faces))
    vectors = rng.standard_normal((people, 32))[who] + spread * rng.standard_normal((people * faces, 32))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), who


def same_groups(one: Array, other: Array) -> bool:
    """Whether two labellings put the same faces together; groups of one face are like ``ALONE``."""
    ends = bcubed(one, other, alone=None)
    return ends.precision == ends.recall == 1.0


def singles_apart(labels: Array) -> Array:
    """The same groups with a number for each face that is alone."""
    return np.where(labels == ALONE, labels.max(initial=0) + 1 + np.arange(len(labels)), labels)


def blocked(labels: Array, pictures: Array) -> bool:
    return any(len(set(pictures[labels == one])) < (labels == one).sum() for one in set(labels.tolist()) - {ALONE})


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 8), st.floats(0.3, 2.0), st.floats(0.05, 0.9), st.integers(0, 99))
def test_groups_equal_scipys_average_linkage(
    people: int, faces: int, spread: float, threshold: float, seed: int
) -> None:
    vectors, _ = around(people, faces, spread, seed)
    found = group(vectors, np.arange(len(vectors)), threshold=threshold)
    if len(vectors) > 1:
        distances = 1 - vectors.astype(np.float64) @ vectors.T.astype(np.float64)
        condensed = np.maximum(distances[np.triu_indices(len(vectors), 1)], 0)
        expected = fcluster(linkage(condensed, "average"), 1 - threshold, "distance")
        assert same_groups(singles_apart(found), expected)


@pytest.mark.parametrize("kept", [1, 2, 5])
def test_few_links_a_face_still_leave_no_two_groups_that_should_be_one(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "_LINKS", kept)
    vectors, _ = around(6, 40, 0.5, 3)
    pictures = np.random.default_rng(0).integers(0, 100, len(vectors))
    labels = singles_apart(group(vectors, pictures, threshold=0.5))
    names, inverse = np.unique(labels, return_inverse=True)
    means = np.stack([vectors[inverse == one].mean(axis=0) for one in range(len(names))])
    shown = [set(pictures[inverse == one]) for one in range(len(names))]
    assert 6 <= len(names) < len(vectors)
    for one, other in zip(*np.nonzero(means @ means.T >= 0.5), strict=True):
        assert one == other or shown[one] & shown[other]


def test_blocks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _ = around(20, 6, 1.0, 5)
    whole = group(vectors, np.arange(120), threshold=0.4)
    monkeypatch.setattr("compoundeye.apps.face._group_links._ROWS", 7)
    monkeypatch.setattr("compoundeye.apps.face._group_links._COLUMNS", 11)
    assert (group(vectors, np.arange(120), threshold=0.4) == whole).all()
    assert (whole != ALONE).sum() > 20


def test_the_order_of_faces_does_not_matter() -> None:
    vectors, _ = around(30, 5, 1.0, 1)
    pictures = np.random.default_rng(1).integers(0, 60, len(vectors))
    order = np.random.default_rng(2).permutation(len(vectors))
    labels = group(vectors, pictures, threshold=0.4)
    again = group(vectors[order], pictures[order], threshold=0.4)
    assert same_groups(singles_apart(labels)[order], singles_apart(again))
    firsts = [int(np.flatnonzero(labels == one)[0]) for one in range(labels.max() + 1)]
    assert firsts == sorted(firsts)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 0.9))
def test_two_faces_of_a_picture_are_two_people(seed: int, threshold: float) -> None:
    vectors, _ = around(5, 8, 0.8, seed)
    pictures = np.random.default_rng(seed).integers(0, 12, len(vectors))
    assert not blocked(group(vectors, pictures, threshold=threshold), pictures)


def test_a_person_twice_in_a_picture_is_told_by_pair_or_by_picture() -> None:
    vectors, _ = around(1, 4, 0.1, 0)
    pictures = np.array([7, 7, 8, 9])
    assert group(vectors, pictures, threshold=0.5).tolist().count(ALONE) == 1
    assert (group(vectors, pictures, threshold=0.5, collages=[7]) == 0).all()
    assert (group(vectors, pictures, threshold=0.5, together=[(0, 1)]) == 0).all()
    assert (group(vectors, pictures, threshold=0.5, people=[3, 3, -1, -1]) == 0).all()


def test_what_was_said_of_people_holds_whatever_the_faces_are_like() -> None:
    vectors, who = around(3, 10, 0.3, 4)
    first, second, third = (np.flatnonzero(who == person) for person in range(3))
    pictures = np.arange(len(vectors))
    merged = group(vectors, pictures, threshold=0.5, together=[(first[0], second[0]), (second[5], first[3])])
    assert merged[first[0]] == merged[second[0]] != merged[third[0]]
    split = group(vectors, pictures, threshold=0.5, apart=[(first[0], one) for one in first[1:]])
    assert split[first[0]] not in split[first[1:]]
    assert len(set(split[first[1:]].tolist())) == 1
    named = np.full(len(vectors), -1)
    named[first[:2]] = [10, 20]
    labels = group(vectors, pictures, threshold=0.5, people=named)
    assert labels[first[0]] != labels[first[1]]
    assert set(labels[first].tolist()) == set(labels[first[:2]].tolist())


def test_apart_holds_through_others_that_join_either_side() -> None:
    vectors, _ = around(1, 30, 0.2, 2)
    apart = [(0, 1), (1, 2), (0, 2)]
    labels = group(vectors, np.arange(30), threshold=0.3, apart=apart)
    assert len(set(labels[:3].tolist())) == 3


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"together": [(0, 1), (1, 2)], "apart": [(0, 2)]}, "0 and 2 are said to be apart, and together"),
        ({"together": [(0, 1)], "people": [1, 2, -1]}, "0 and 1 are said to be together, and to be two people"),
        ({"together": [(0, 3)]}, "together names a face that is not there"),
        ({"quality": [50.0, np.nan, 1.0]}, "quality must be a number"),
        ({"people": [1]}, "an embedding, a picture and a person each"),
    ],
)
def test_what_cannot_be_is_refused(said: dict[str, object], words: str) -> None:
    vectors, _ = around(1, 3, 0.3, 0)
    with pytest.raises(EyeError, match=words):
        group(vectors, np.arange(3), threshold=0.5, **said)  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [0.0, 2.0, np.nan])
def test_embeddings_of_another_length_are_refused(length: float) -> None:
    vectors, _ = around(1, 3, 0.3, 0)
    vectors[1] *= length
    with pytest.raises(EyeError, match="embedding 1 is of length"):
        group(vectors, np.arange(3), threshold=0.5)


def test_no_face_one_face_and_equal_faces() -> None:
    assert group(np.empty((0, 8), np.float32), np.empty(0), threshold=0.5).shape == (0,)
    one = np.eye(1, 8, dtype=np.float32)
    assert group(one, [0], threshold=0.5).tolist() == [ALONE]
    assert group(np.repeat(one, 100, 0), np.arange(100), threshold=0.5).tolist() == [0] * 100


def test_faces_of_no_quality_decide_little() -> None:
    """Blurred faces of two people are alike; with quality known they do not make one group of the sharp ones."""
    sharp, other = np.eye(2, 3, dtype=np.float32)
    blurred = np.array([0.7, 0.7, 0.14], np.float32)
    vectors = np.stack([sharp, sharp, other, other, *[blurred] * 12])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    quality = [90, 90, 90, 90, *[0] * 12]
    careless = group(vectors, np.arange(16), threshold=0.45)
    careful = group(vectors, np.arange(16), threshold=0.45, quality=quality)
    assert careless[0] == careless[2]
    assert careful[0] != careful[2]
