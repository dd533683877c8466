"""Every class as often as every other, and within a class no picture again before all have come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.corpus import Corpus, CorpusError, balanced, correct, targets
from compoundeye.corpus._balance import _Balanced

Write = Callable[..., Corpus]
SIZES = {"a": 40, "b": 9, "c": 1}


@pytest.fixture(scope="module")
def corpus(write_rows: Write, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Classes of 40, 9 and 1 pictures, and ten of none, in a sequence by chance."""
    names = np.random.default_rng(0).permutation([*"a" * 40, *"b" * 9, "c", *"?" * 10])
    return write_rows(
        tmp_path_factory.mktemp("balance") / "corpus",
        60,
        category=pa.array([None if name == "?" else str(name) for name in names], pa.string()),
        category_confidence=pa.array(np.arange(60) / 60, pa.float32()),
    )


def test_every_turn_holds_every_class_once(corpus: Corpus) -> None:
    order = balanced(corpus, "category", seed=2)
    assert order.rows == 50
    found = order.at(np.arange(3 * 120))
    numbers = np.asarray(targets(corpus, "category").read(found.row)).reshape(-1, 3)
    assert (np.sort(numbers, axis=1) == [0, 1, 2]).all()
    assert len({tuple(turn) for turn in numbers.tolist()}) == 6  # in every sequence


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=9), st.integers(0, 2**40))
def test_within_a_class_no_picture_comes_again_before_all_have(sizes: list[int], seed: int) -> None:
    edges = np.concatenate([[0], np.cumsum(sizes)])
    order = _Balanced(np.arange(edges[-1], dtype=np.uint32), edges, seed, "key")
    turns = 3 * max(sizes)
    found = order.at(np.arange(turns * len(sizes))).row
    for number, size in enumerate(sizes):
        here = found[(found >= edges[number]) & (found < edges[number + 1])]
        assert len(here) == turns
        for first in range(0, turns - size + 1, size):
            assert sorted(here[first : first + size]) == list(range(edges[number], edges[number + 1]))


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 60), st.integers(1, 7), st.integers(0, 200))
def test_any_batch_world_and_start_see_the_same(batch: int, world: int, start: int) -> None:
    edges = np.array([0, 5, 6, 80, 200])
    order = _Balanced(np.arange(200, dtype=np.uint32), edges, 1, "key")
    whole = order.at(np.arange(400)).row
    for first in range(start, 400, batch):
        step = np.arange(first, min(first + batch, 400))
        for rank in range(world):
            mine = step[step % world == rank]
            assert np.array_equal(order.at(mine).row, whole[mine])


def test_a_person_decides_what_class_a_picture_is_of(write_rows: Write, tmp_path: Path) -> None:
    store = write_rows(f"{tmp_path}/corpus", 6, category=[*"aaab", None, None])
    correct(store, store.dataset.to_table(columns=["id"])["id"].to_pylist()[4:5], "c", by="tester")
    order = balanced(store.refresh(), "category")
    assert order.rows == 5
    assert np.bincount(order.at(np.arange(30)).row, minlength=6)[[3, 4, 5]].tolist() == [10, 10, 0]


def test_a_condition_leaves_what_fits(corpus: Corpus) -> None:
    order = balanced(corpus, "category", where="category <> 'b'", min_confidence=0.5)
    rows = np.unique(order.at(np.arange(200)).row)
    assert rows.min() >= 30
    expected = corpus.dataset.to_table(columns=["_rowoffset"], filter="category <> 'b' AND category_confidence >= 0.5")
    assert rows.tolist() == sorted(expected["_rowoffset"].to_pylist())


def test_keys_hang_on_what_is_asked(corpus: Corpus) -> None:
    keys = [
        balanced(corpus, "category").key,
        balanced(corpus, "category", seed=1).key,
        balanced(corpus, "folder").key,
        balanced(corpus, "category", where="width > 0").key,
    ]
    assert len(set(keys)) == 4
    assert balanced(corpus, "category").key == keys[0]


def test_classes_that_are_not_there_are_refused(corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match="no target species"):
        balanced(corpus, "species")
    for target, where in (("category", "width < 0"), ("caption", None), ("none", None), ("metadata.cls", None)):
        with pytest.raises(CorpusError, match=f"has a class of {target}; choose another"):
            balanced(corpus, target, where=where)
    with pytest.raises(ValueError, match="negative"):
        balanced(corpus, "category").at(np.array([-1]))
