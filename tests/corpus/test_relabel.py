"""Labels that depend on those that are there: decided at the commit, however many others write meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from compoundeye.corpus import SAID, Corpus, CorpusError, StagedColumns, correct, read_said, relabel
from compoundeye.corpus import _relabel as module
from compoundeye.records import picture_id

Write = Callable[..., Corpus]


def ids(*numbers: int) -> list[bytes]:
    return [picture_id(b"%04d" % number) for number in numbers]


@pytest.fixture
def store(write_rows: Write, tmp_path: Path) -> Corpus:
    write_rows(tmp_path / "c", 10)
    return write_rows(tmp_path / "c", 10, first=10)


def labels(store: Corpus, *numbers: int) -> list[str | None]:
    found = dict(
        zip(*(read_said(store.refresh(), ids(*numbers))[name].to_pylist() for name in ("id", "label")), strict=True)
    )
    return [found[one] for one in ids(*numbers)]


def where_none(label: str, by: str) -> Callable[[pa.Table], pa.Table]:
    """Give a label to pictures that have none."""

    def decide(there: pa.Table) -> pa.Table:
        free = there.filter(pc.is_null(there["label"]))
        said = {"label": label, "label_by": by, "label_at": None}
        return pa.table({"id": free["id"], **{name: [said[name]] * len(free) for name in said}}).cast(SAID)

    return decide


def test_only_what_was_decided_is_written(store: Corpus) -> None:
    correct(store, ids(3, 12), "cat", by="Ada")
    written = relabel(store, ids(2, 3, 12, 17), where_none("dog", "Bob"))
    assert written["id"].to_pylist() == ids(2, 17)
    assert labels(store, 2, 3, 12, 17, 4) == ["dog", "cat", "cat", "dog", None]


def test_nothing_decided_is_no_commit(store: Corpus) -> None:
    correct(store, ids(3), "cat", by="Ada")
    version = store.refresh().version
    assert relabel(store, ids(3), where_none("dog", "Bob")).num_rows == 0
    assert store.refresh().version == version


def test_pictures_that_are_not_there_are_left_out(store: Corpus) -> None:
    assert relabel(store, [*ids(1), b"x" * 16], where_none("dog", "Bob"))["id"].to_pylist() == ids(1)
    assert relabel(store, [], where_none("dog", "Bob")).num_rows == 0


def test_it_is_decided_again_when_somebody_was_faster(store: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada labels one of Bob's pictures between his staging and his commit: he keeps off it."""
    commit = Corpus.commit_columns
    correct(store, ids(9), "bird", by="Ada")

    def late(self: Corpus, staged: Sequence[StagedColumns]) -> bool:
        monkeypatch.setattr(Corpus, "commit_columns", commit)
        correct(store.path, ids(1), "cat", by="Ada")
        return commit(self, staged)

    monkeypatch.setattr(Corpus, "commit_columns", late)
    assert relabel(store, ids(1, 2), where_none("dog", "Bob"))["id"].to_pylist() == ids(2)
    assert labels(store, 1, 2, 9) == ["cat", "dog", "bird"]


def test_many_are_found_by_one_pass(store: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    everything = ids(*range(20))
    assert relabel(store, everything[::-1], where_none("dog", "Bob"))["id"].to_pylist() == everything
    assert labels(store, *range(20)) == ["dog"] * 20


def test_an_endless_stream_of_others_ends_in_a_sentence(store: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Corpus, "commit_columns", lambda _self, _staged: False)
    with pytest.raises(CorpusError, match="is written to all the time"):
        relabel(store, ids(1), where_none("dog", "Bob"))


def test_what_was_said_can_be_read_before_anybody_said_anything(store: Corpus) -> None:
    found = read_said(store, ids(4, 1))
    assert found.schema.names == SAID.names
    assert found.to_pylist() == [{"id": one, "label": None, "label_by": None, "label_at": None} for one in ids(1, 4)]
