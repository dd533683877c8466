"""Exact nearest rows equal those of plain numpy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from compoundeye.corpus import Corpus, _nearest
from compoundeye.corpus._nearest import exact_nearest, unit_rows


@pytest.mark.parametrize("rows", [3, 4_096])
def test_equal_to_sorting_all(
    rows: int,
    write_rows: Callable[..., Corpus],
    vectors: Callable[[Any], pa.Array],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(_nearest.IN_SMALL_BITES, "batch_size", rows)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 6)).astype(np.float16).astype(np.float32)
    store = write_rows(tmp_path / "c", 40, embedding=vectors(values), width=np.arange(40))
    queries = rng.normal(size=(3, 6)).astype(np.float32)
    cosine = (queries / np.linalg.norm(queries, axis=1)[:, None]) @ (values / np.linalg.norm(values, axis=1)[:, None]).T
    found, scores = exact_nearest(store.dataset, queries, 5)
    assert found.tolist() == np.argsort(-cosine, axis=1)[:, :5].tolist()
    assert scores == pytest.approx(-np.sort(-cosine, axis=1)[:, :5], abs=1e-5)
    few, _ = exact_nearest(store.dataset, queries, 5, "width < 3")
    assert few.shape == (3, 3)
    none, _ = exact_nearest(store.dataset, queries, 5, "width > 99")
    assert none.shape == (3, 0)


def test_of_equals_the_earlier_row_comes_first(
    write_rows: Callable[..., Corpus], vectors: Callable[[Any], pa.Array], tmp_path: Path
) -> None:
    store = write_rows(tmp_path / "c", 6, embedding=vectors(np.ones((6, 4))))
    assert exact_nearest(store.dataset, np.ones((1, 4), np.float32), 6)[0].tolist() == [[0, 1, 2, 3, 4, 5]]


def test_null_zero_and_infinite_vectors_are_not_there(vectors: Callable[[Any], pa.Array]) -> None:
    column = vectors([[3, 4], [0, 0], [np.nan, 1], [np.inf, 0], [0, 2]])
    unit, known = unit_rows(column)
    assert known.tolist() == [True, False, False, False, True]
    assert unit.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0], [0, 0], [0, 0], [0, 1]]
    part, known = unit_rows(column[3:])
    assert known.tolist() == [False, True]
    assert part.tolist() == [[0, 0], [0, 1]]
