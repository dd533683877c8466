"""The account of a corpus: summed from the ledger, checked against the pictures, also while others write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from compoundeye.corpus import Corpus, CorpusError, _accounts, account, failures, ingest
from compoundeye.corpus._schema import INPUTS
from compoundeye.records import AccountError

JpegMaker = Callable[[int], bytes]


@pytest.fixture
def store(tmp_path: Path, jpeg: JpegMaker) -> Corpus:
    """Five pictures, a copy, and two failures."""
    folder = tmp_path / "pics"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(jpeg(number))
    (folder / "copy.jpg").write_bytes(jpeg(3))
    (folder / "empty.jpg").touch()
    (folder / "cut.jpg").write_bytes(jpeg(9)[:100])
    ingest(folder, tmp_path / "c.lance", workers=1)
    return Corpus.open(tmp_path / "c.lance")


def more_pictures(store: Corpus, count: int = 1) -> None:
    """Rows that no ledger knows of."""
    rows = store.dataset.to_table(limit=count)
    ids = pa.array([b"%016d" % number for number in range(count)], rows.schema.field("id").type)
    lance.write_dataset(rows.set_column(0, rows.schema.field("id"), ids), store.path, mode="append")


def test_sums_are_those_of_the_ledger(store: Corpus) -> None:
    found = account(store)
    assert (found.seen, found.done, found.duplicate, found.failed) == (8, 5, 1, 2)
    assert found.reasons == Counter({"empty file": 1, "truncated JPEG": 1})
    assert account(Path(store.path)) == found


def test_each_failure_is_told_with_its_source(store: Corpus) -> None:
    listed = {Path(row["source"]).name: (row["reason"], row["id"] is None) for row in failures(store.path)}
    assert listed == {"empty.jpg": ("empty file", False), "cut.jpg": ("truncated JPEG", False)}


def test_figures_in_reasons_do_not_split_the_sums(store: Corpus) -> None:
    row = store.inputs.to_table(limit=1).to_pylist()[0]
    rows = [
        row | {"key": b"%016d" % number, "outcome": "failed", "reason": f"too many pixels: {number} x {number}"}
        for number in range(3)
    ]
    store.append([], pa.Table.from_pylist(rows, INPUTS))
    assert account(store).reasons["too many pixels"] == 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (more_pictures, "5 inputs are called stored, but it holds 6 pictures"),
        (lambda store: store.dataset.delete("width > 0"), "5 inputs are called stored, but it holds 0 pictures"),
        (lambda store: store.inputs.delete("outcome = 'stored'"), "0 inputs are called stored, but it holds 5"),
        (
            lambda store: store.inputs.update({"outcome": "'lost'"}, where="outcome = 'duplicate'"),
            "8 seen but 7 ended",
        ),
        (
            lambda store: store.inputs.update({"reason": "NULL"}, where="reason = 'empty file'"),
            "2 failed, 1 with a reason",
        ),
    ],
)
def test_what_was_lost_or_added_by_others_is_noticed(
    store: Corpus, change: Callable[[Corpus], Any], sentence: str
) -> None:
    change(store)
    with pytest.raises(AccountError, match=sentence):
        account(store.path)


@pytest.mark.parametrize("at_once", [1, 2, 1 << 24])
def test_a_picture_that_is_there_twice_is_noticed(store: Corpus, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(_accounts, "IDS_AT_ONCE", at_once)
    account(store)
    twice = store.dataset.to_table(limit=1)
    store.dataset.delete(f"source = '{store.dataset.to_table(offset=4)['source'][0]}'")
    lance.write_dataset(twice, store.path, mode="append")
    with pytest.raises(AccountError, match=f"holds picture {twice['id'][0].as_py().hex()} more than once"):
        account(store.path)


def test_ids_that_begin_alike_are_not_one(store: Corpus) -> None:
    ids = [b"same be" + b"ginning%d" % number for number in range(5)]
    rows = store.dataset.to_table()
    table = rows.set_column(
        0, rows.schema.field("id"), pa.array([i.ljust(16) for i in ids], rows.schema.field("id").type)
    )
    lance.write_dataset(table, store.path, mode="overwrite", schema=rows.schema)
    assert account(store.path).done == 5


def test_what_a_kill_left_half_done_is_finished_first(
    store: Corpus, monkeypatch: pytest.MonkeyPatch, jpeg: JpegMaker
) -> None:
    folder = Path(store.path).parent / "pics"
    (folder / "new.jpg").write_bytes(jpeg(7))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Corpus, "_book", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest(folder, store.path, workers=1)
    assert account(store.path).done == Corpus.open(store.path).rows == 6
    assert ingest(folder, store.path, workers=1).seen == 0


def test_while_an_ingest_runs_pictures_may_be_ahead_of_their_inputs(store: Corpus) -> None:
    before = account(store.path)
    more_pictures(store)
    with store.lock("ingest"):  # as the running ingest does
        assert account(store.path) == before
    with pytest.raises(AccountError):
        account(store.path)


def test_a_reader_who_may_not_write_still_gets_the_sums(store: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise CorpusError("cannot write")

    more_pictures(store)
    monkeypatch.setattr(Corpus, "lock", refused)
    assert account(store.path).done == 5


def test_there_is_no_account_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no corpus at"):
        account(tmp_path)
