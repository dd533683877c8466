"""Rows by row ids, by ids, and by the beginnings of ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from compoundeye.corpus import Corpus, CorpusError, _rows, find_ids
from compoundeye.corpus._rows import opened, rows_of, take_rows
from compoundeye.records import picture_id


@pytest.fixture
def store(write_rows: Callable[..., Corpus], tmp_path: Path) -> Corpus:
    write_rows(tmp_path / "c", 50)
    return write_rows(tmp_path / "c", 50, first=50)


def test_rows_come_in_the_order_they_were_asked_for(store: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rows, "_ROWS_A_LOOK_UP", 3)
    second_fragment = 1 << 32
    rows = np.array([second_fragment + 7, 3, second_fragment, 49, 0], np.uint64)
    table = take_rows(store.dataset, rows, ["source"])
    assert table["source"].to_pylist() == [f"folder/{number:04d}.jpg" for number in (57, 3, 50, 49, 0)]
    assert take_rows(store.dataset, rows[:0], ["source", "id"]).schema.names == ["source", "id"]


@pytest.mark.parametrize("most", [2, 4_096], ids=["by a scan", "by the index"])
def test_row_ids_of_pictures_that_are_there(store: Corpus, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rows, "_ROWS_A_LOOK_UP", most)
    ids = [picture_id(b"%04d" % number) for number in (99, 2, 40)] + [b"not there at all"]
    assert rows_of(store.dataset, ids).tolist() == [2, 40, (1 << 32) + 49]
    assert rows_of(store.dataset, []).tolist() == []


def test_the_beginning_of_an_id_is_enough(store: Corpus) -> None:
    id_ = picture_id(b"0007")
    assert find_ids(store, [id_.hex()[:6], id_.hex().upper()[:9], id_.hex()]) == [id_] * 3


def test_a_beginning_that_several_ids_share_is_refused(write_rows: Callable[..., Corpus], tmp_path: Path) -> None:
    store = write_rows(tmp_path / "c", 2)
    some = bytes.fromhex("abcdef" + "00" * 13)
    other = bytes.fromhex("abcdef" + "ff" * 13)
    assert store.rows == 2
    twins = write_rows(tmp_path / "twins", 2, id=_ids([some, other]))
    with pytest.raises(CorpusError, match=f"abcdef begins the ids of several pictures .{some.hex()}, {other.hex()}"):
        find_ids(twins, ["abcdef"])
    assert find_ids(twins, ["abcdeff"]) == [other]


def _ids(ids: list[bytes]) -> pa.Array:
    return pa.array(ids, pa.binary(16))


@pytest.mark.parametrize("name", ["abcde", "xyzxyz", "", "abc def", "0" * 33, "'; drop"])
def test_what_is_no_id_is_said(store: Corpus, name: str) -> None:
    with pytest.raises(CorpusError, match="is no picture id"):
        find_ids(store, [name])


def test_an_id_that_is_not_there_is_said(store: Corpus) -> None:
    for name in ("ffffffffff", "0" * 32):
        with pytest.raises(CorpusError, match=f"id that begins with {name}"):
            find_ids(store, [name])


def test_a_corpus_or_where_it_is(store: Corpus) -> None:
    assert opened(store) is store
    assert opened(store.path).rows == 100
