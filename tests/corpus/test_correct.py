"""Corrections: recorded for all or none, and never lost to somebody else's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from compoundeye.corpus import Corpus, CorpusError, StagedColumns, compact, correct, read_corrections
from compoundeye.records import picture_id

Write = Callable[..., Corpus]


def ids(*numbers: int) -> list[bytes]:
    return [picture_id(b"%04d" % number) for number in numbers]


@pytest.fixture
def store(write_rows: Write, tmp_path: Path) -> Corpus:
    write_rows(tmp_path / "c", 10)
    return write_rows(tmp_path / "c", 10, first=10)


def said(store: Corpus) -> dict[str, tuple[str, str]]:
    """Number of the picture: (label, who said it)."""
    rows = store.dataset.to_table(columns=["source", "label", "label_by"], filter="label IS NOT NULL").to_pylist()
    return {row["source"][-8:-4]: (row["label"], row["label_by"]) for row in rows}


def test_a_label_is_recorded_with_who_and_when(store: Corpus) -> None:
    before = datetime.now(UTC)
    assert correct(store, ids(3, 15, 3), " tabby ", by="Ada") == 2
    assert said(store) == {"0003": ("tabby", "Ada"), "0015": ("tabby", "Ada")}
    table = read_corrections(store.path)
    assert table.schema.names == ["id", "label", "label_by", "label_at"]
    assert set(table["id"].to_pylist()) == set(ids(3, 15))
    assert all(before <= at <= datetime.now(UTC) for at in table["label_at"].to_pylist())


def test_ids_may_be_written_out_or_begun(store: Corpus) -> None:
    assert correct(store.path, [ids(1)[0].hex(), ids(2)[0].hex()[:8]], "dog", by="Ada") == 2
    assert set(said(store.refresh())) == {"0001", "0002"}


def test_a_condition_labels_all_that_fit(store: Corpus) -> None:
    assert correct(store, where="source LIKE '%5.jpg'", label="five", by="Ada") == 2
    assert set(said(store)) == {"0005", "0015"}
    assert correct(store, where="source = 'nowhere'", label="none", by="Ada") == 0


def test_the_last_word_counts_and_can_be_taken_back(store: Corpus) -> None:
    correct(store, ids(1, 2), "cat", by="Ada")
    correct(store, ids(2), "dog", by="Bob")
    assert said(store) == {"0001": ("cat", "Ada"), "0002": ("dog", "Bob")}
    assert correct(store, ids(2), None, by="Bob") == 1
    assert said(store) == {"0001": ("cat", "Ada")}
    assert store.dataset.to_table(columns=["label_by"], filter="label IS NULL")["label_by"].null_count == 19


def test_an_unknown_id_is_named_and_nothing_is_written(store: Corpus) -> None:
    version = store.version
    unknown = [b"unknown-%08d" % number for number in range(5)]
    with pytest.raises(CorpusError, match=rf"not in .*: {unknown[0].hex()}, .* and 2 more; nothing was written"):
        correct(store, [*ids(1), *unknown], "cat", by="Ada")
    with pytest.raises(CorpusError, match=r"no picture of .* has an id that begins with ffffff"):
        correct(store, [*ids(1), "ffffff"], "cat", by="Ada")
    assert store.refresh().version == version
    assert read_corrections(store).num_rows == 0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"label": "x", "by": "Ada"}, "by their ids or by a condition, one of the two"),
        ({"ids": [], "where": "true", "label": "x", "by": "Ada"}, "one of the two"),
        ({"ids": [], "label": "  ", "by": "Ada"}, "the label is empty"),
        ({"ids": [], "label": "x", "by": " "}, "say who corrects"),
        ({"ids": [b"short"], "label": "x", "by": "Ada"}, "a picture id has 16 bytes"),
        ({"where": "colour = 'x'", "label": "x", "by": "Ada"}, "has no column colour"),
    ],
)
def test_what_cannot_be_is_said(store: Corpus, asked: dict[str, object], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        correct(store, **asked)  # type: ignore[arg-type]


def test_who_comes_second_keeps_what_the_first_one_wrote(store: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bob's whole correction happens between Ada's staging and her commit, three times in a row."""
    commit = Corpus.commit_columns
    between = [2, 3, 4]

    def late(self: Corpus, staged: Sequence[StagedColumns]) -> bool:
        if between:
            monkeypatch.setattr(Corpus, "commit_columns", commit)
            correct(store.path, ids(between.pop()), "dog", by="Bob")
            monkeypatch.setattr(Corpus, "commit_columns", late)
        return commit(self, staged)

    correct(store, ids(1), "bird", by="Ada")  # the columns are there
    monkeypatch.setattr(Corpus, "commit_columns", late)
    assert correct(store, ids(1, 12), "cat", by="Ada") == 2
    bob = {f"{number:04d}": ("dog", "Bob") for number in (2, 3, 4)}
    assert said(store) == bob | {"0001": ("cat", "Ada"), "0012": ("cat", "Ada")}


def test_an_endless_stream_of_others_ends_in_a_sentence(store: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Corpus, "commit_columns", lambda _self, _staged: False)
    with pytest.raises(CorpusError, match="is written to all the time"):
        correct(store, ids(1), "cat", by="Ada")
    assert said(store.refresh()) == {}


PERSON = """
import sys
from compoundeye.corpus import Corpus, correct
corpus, name = sys.argv[1:]
store = Corpus.open(corpus)
numbers = range(int(name), 20, 3)
sources = [f"folder/{number:04d}.jpg" for number in numbers]
sys.stdin.readline()  # all begin at once
for source in sources:
    assert correct(store, where=f"source = '{source}'", label=f"label {name}", by=name) == 1
"""


def test_three_people_at_once_lose_nothing(store: Corpus) -> None:
    people = [
        subprocess.Popen([sys.executable, "-c", PERSON, store.path, str(name)], stdin=subprocess.PIPE)
        for name in range(3)
    ]
    for person in people:
        assert person.stdin is not None
        person.stdin.write(b"go\n")
        person.stdin.flush()
    assert [person.wait() for person in people] == [0, 0, 0]
    for person in people:
        assert person.stdin is not None
        person.stdin.close()
    assert said(store.refresh()) == {f"{n:04d}": (f"label {n % 3}", str(n % 3)) for n in range(20)}


def test_nobody_corrects_while_unused_files_are_removed(store: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Corpus.stage_columns

    def tidying(self: Corpus, fragment_id: int, values: pa.Table) -> StagedColumns:
        staged = stage(self, fragment_id, values)
        with pytest.raises(CorpusError, match="another correction"):
            compact(store.path)
        return staged

    monkeypatch.setattr(Corpus, "stage_columns", tidying)
    assert correct(store, ids(3), "cat", by="Ada") == 1
    with store.lock("correction"), pytest.raises(CorpusError, match="another correction"):
        correct(store, ids(3), "dog", by="Ada")
    compact(store.path)
    assert said(Corpus.open(store.path)) == {"0003": ("cat", "Ada")}


def test_a_correction_leaves_everything_else_as_it_was(store: Corpus) -> None:
    before = store.dataset.to_table().to_pylist()
    correct(store, ids(7), "cat", by="Ada")
    kept = [name for name in store.dataset.schema.names if not name.startswith("label")]
    assert store.dataset.to_table(columns=kept).to_pylist() == before


def test_no_corrections_yet(store: Corpus) -> None:
    assert read_corrections(store).num_rows == 0
    assert "label_at" in read_corrections(store).schema.names
