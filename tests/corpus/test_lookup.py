"""Both ways to look keys up agree, and an index that grows stays cheap to keep."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import lance
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.corpus import _lookup
from compoundeye.corpus._lookup import keep_indexed, rows_with_keys, to_merge
from compoundeye.corpus._schema import ID

SCHEMA = pa.schema([pa.field("key", ID, nullable=False), pa.field("outcome", pa.string())])


def keys(first: int, count: int) -> list[bytes]:
    return [random.Random(number).randbytes(16) for number in range(first, first + count)]


def add(path: Path, first: int, count: int) -> lance.LanceDataset:
    table = pa.table(
        [pa.array(keys(first, count), ID), pa.array([str(n) for n in range(first, first + count)])], SCHEMA
    )
    return lance.write_dataset(table, str(path), mode="append" if path.exists() else "create")


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("way", [_lookup._by_index, _lookup._by_scan, rows_with_keys])
def test_both_ways_find_the_same_rows(tmp_path: Path, indexed: bool, way: object) -> None:
    dataset = add(tmp_path / "d.lance", 0, 500)
    if indexed:
        keep_indexed(dataset, "key", limit=0)
        dataset = add(tmp_path / "d.lance", 500, 100)  # outside the index
    asked = [*keys(450, 100), b"\0" * 16]
    for some in (asked, pa.array(asked, ID)):
        found = way(dataset, "key", some, ["outcome", "key"])  # type: ignore[operator]
        present = 100 if indexed else 50
        assert found.schema.names == ["outcome", "key"]
        assert sorted(found["outcome"].to_pylist()) == [str(n) for n in range(450, 450 + present)]
        assert set(found["key"].to_pylist()) == set(keys(450, present))


def test_no_keys_find_no_rows_but_their_columns(tmp_path: Path) -> None:
    found = rows_with_keys(add(tmp_path / "d.lance", 0, 5), "key", [], ["outcome"])
    assert (found.num_rows, found.schema.names) == (0, ["outcome"])


def test_many_keys_of_few_rows_are_scanned_and_few_of_many_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = add(tmp_path / "d.lance", 0, 1_000)
    ways: list[str] = []
    for name in ("_by_index", "_by_scan"):
        monkeypatch.setattr(_lookup, name, lambda *_, name=name: ways.append(name))
    rows_with_keys(dataset, "key", keys(0, 1_000), ["key"])
    rows_with_keys(dataset, "key", keys(0, 1), ["key"])
    assert ways == ["_by_scan", "_by_index"]


def test_the_index_takes_rows_in_once_enough_are_outside(tmp_path: Path) -> None:
    def covered(dataset: lance.LanceDataset) -> int:
        return sum(len(list(part.fragment_ids)) for index in dataset.describe_indices() for part in index.segments)

    dataset = add(tmp_path / "d.lance", 0, 100)
    assert keep_indexed(dataset, "key", limit=100) == 100
    assert covered(dataset) == 0
    for number in range(1, 12):
        dataset = add(tmp_path / "d.lance", 100 * number, 100)
        assert keep_indexed(dataset, "key", limit=100) == (0 if number % 2 else 100)
    dataset = lance.dataset(str(tmp_path / "d.lance"))
    assert covered(dataset) == 12
    assert len(dataset.describe_indices()[0].segments) <= 3
    found = rows_with_keys(dataset, "key", keys(0, 1_300), ["key"])
    assert found.num_rows == 1_200


@given(st.lists(st.integers(1, 50), min_size=1, max_size=120))
def test_segments_stay_few_and_rows_are_seldom_written_again(fresh: list[int]) -> None:
    segments: list[int] = []
    written = 0
    for rows in fresh:
        merged = to_merge(segments, rows)
        joined = rows + sum(segments[len(segments) - merged :])
        segments = [*segments[: len(segments) - merged], joined]
        written += joined
        assert all(older > newer for older, newer in itertools.pairwise(segments))
    assert sum(segments) == sum(fresh)
    steps = (sum(fresh) // min(fresh)).bit_length() + 1
    assert written <= sum(fresh) * steps
