"""Rows that fit: the i-th of them, and what a person's label changes about which they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.corpus import Corpus, CorpusError, correct
from compoundeye.corpus._selection import Selection, chosen, select

Write = Callable[..., Corpus]


@settings(deadline=None)
@given(st.sets(st.integers(0, 3_000)), st.integers(3_001, 4_000), st.integers(1, 50))
def test_the_ith_selected_row_is_found(rows: set[int], count: int, part: int) -> None:
    given_rows = list(rows)  # in any sequence, in parts
    parts = [np.array(given_rows[first : first + part], np.int64) for first in range(0, len(rows), part)]
    selection = Selection(count, parts)
    assert selection.rows == len(rows)
    assert selection.at(np.arange(len(rows))).tolist() == sorted(rows)


@pytest.mark.parametrize("step", [1, 3, 700, 40_000])
def test_dense_and_sparse_sets_of_many_lines(step: int) -> None:
    rows = np.arange(5, 40_000_000 if step > 1 else 70_000 * 512, step)
    selection = Selection(int(rows[-1]) + 1, [rows])
    ranks = np.random.default_rng(0).integers(0, len(rows), 2_000)
    assert np.array_equal(selection.at(ranks), rows[ranks])
    assert selection.at(np.array([len(rows) - 1])).tolist() == [int(rows[-1])]


def test_nothing_selected() -> None:
    selection = Selection(1000, [])
    assert selection.rows == 0
    assert selection.at(np.empty(0, np.int64)).tolist() == []


@pytest.fixture(scope="module")
def corpus(write_rows: Write, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Three fragments with deleted rows; categories a, b, null in turn with confidence 0.00 to 0.79."""
    path = tmp_path_factory.mktemp("selection") / "corpus"
    for first in (0, 30, 50):
        count = {0: 30, 30: 20, 50: 30}[first]
        numbers = range(first, first + count)
        store = write_rows(
            path,
            count,
            first=first,
            category=pa.array([("a", "b", None)[number % 3] for number in numbers], pa.string()),
            category_confidence=pa.array([number / 100 for number in numbers], pa.float32()),
            metadata=[f'{{"n": {number}}}' for number in numbers],
        )
    store.dataset.delete("metadata IN ('{\"n\": 4}', '{\"n\": 33}', '{\"n\": 34}')")
    return store.refresh()


def fitting(corpus: Corpus, sql: str) -> list[str]:
    """Sources of the selected rows, read through their offsets."""
    selection = select(corpus, sql)
    rows = selection.at(np.arange(selection.rows))
    return list(corpus.dataset.take(rows.tolist(), columns=["source"])["source"].to_pylist())


def test_offsets_count_what_is_left_after_deletions(corpus: Corpus) -> None:
    found = fitting(corpus, "category = 'a'")
    expected = corpus.dataset.to_table(columns=["source"], filter="category = 'a'", scan_in_order=True)
    assert found == expected["source"].to_pylist()
    assert "folder/0033.jpg" not in found
    assert "folder/0060.jpg" in found


def test_a_label_counts_before_the_models_category_and_its_confidence(corpus: Corpus) -> None:
    sql = chosen(corpus, category="a", min_confidence=0.7)
    assert sql is not None
    assert fitting(corpus, sql) == [f"folder/{number:04}.jpg" for number in (72, 75, 78)]
    ids = corpus.dataset.to_table(columns=["id"], filter="source = 'folder/0001.jpg'")["id"].to_pylist()
    away = corpus.dataset.to_table(columns=["id"], filter="source = 'folder/0075.jpg'")["id"].to_pylist()
    correct(corpus, ids, "a", by="tester")
    correct(corpus, away, "b", by="tester")
    corpus.refresh()
    corrected = chosen(corpus, category="a", min_confidence=0.7)
    assert corrected is not None
    assert fitting(corpus, corrected) == [f"folder/{number:04}.jpg" for number in (1, 72, 78)]
    with_where = chosen(corpus, where="source > 'folder/0070' OR width < 9", category="a")
    assert with_where is not None
    assert fitting(corpus, with_where) == [f"folder/{number:04}.jpg" for number in (72, 78)]


def test_nothing_asked_is_no_condition(corpus: Corpus) -> None:
    assert chosen(corpus) is None


def test_what_cannot_be_asked_is_refused(corpus: Corpus, write_rows: Write, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has no column nonsense"):
        chosen(corpus, where="nonsense > 1")
    plain = write_rows(tmp_path / "plain", 3)
    with pytest.raises(CorpusError, match="eye categorise"):
        chosen(plain, category="a")
    with pytest.raises(CorpusError, match="no category_confidence yet; run `eye categorise"):
        chosen(plain, min_confidence=0.9)
