"""A corpus is made, opened, and added to, so that a kill between any two steps leaves it whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest
from lance.fragment import write_fragments

from compoundeye.corpus import Corpus, CorpusError, account
from compoundeye.corpus._error import storage_errors
from compoundeye.corpus._journal import NAME, Journal
from compoundeye.corpus._schema import INPUTS, PICTURES


class Killed(BaseException):
    """What a kill would do at this point, without the process."""


def pictures(store: Corpus, *names: str) -> list[str]:
    """Staged pictures, by names of sixteen letters."""
    values: dict[str, Any] = {
        "id": [name.encode() for name in names],
        "image": [b"bytes"] * len(names),
        "thumbnail": [b"small"] * len(names),
        "source": list(names),
        "format": ["JPEG"] * len(names),
        "mode": ["RGB"] * len(names),
    }
    ones = [1] * len(names)
    arrays = [
        pa.array(values.get(field.name, None if field.nullable else ones), field.type)
        if field.name in values or not field.nullable
        else pa.nulls(len(names), field.type)
        for field in PICTURES
    ]
    parts = write_fragments(pa.Table.from_arrays(arrays, schema=PICTURES), store.dataset)
    return [json.dumps(part.to_json()) for part in parts]


def booked(*rows: tuple[str, str]) -> pa.Table:
    """Rows of the ledger by name and outcome."""
    return pa.Table.from_pylist(
        [
            {
                "key": name.encode(),
                "source": name,
                "size": 5,
                "mtime_ns": 0,
                "outcome": outcome,
                "id": name.encode(),
                "reason": "truncated JPEG" if outcome == "failed" else None,
                "at": datetime.now(UTC),
            }
            for name, outcome in rows
        ],
        INPUTS,
    )


A, B, C = "picture-a-------", "picture-b-------", "picture-c-------"


def outcomes(store: Corpus) -> dict[str, str]:
    rows = store.inputs.to_table(columns=["source", "outcome"]).to_pylist()
    assert len(rows) == len({row["source"] for row in rows})
    return {row["source"]: row["outcome"] for row in rows}


def test_a_corpus_is_made_once_and_opened_after(tmp_path: Path) -> None:
    made = Corpus.create(tmp_path / "new" / "c.lance")
    assert made.rows == 0
    assert Corpus.create(tmp_path / "new" / "c.lance").version == made.version
    assert lance.dataset(str(tmp_path / "new" / "c.lance")).schema.names == PICTURES.names


@pytest.mark.parametrize("left", [["_transactions"], ["_versions", "data"], ["_inputs.lance"], ["_ingest.lock"]])
def test_a_kill_while_it_is_made_is_no_obstacle(tmp_path: Path, left: list[str]) -> None:
    for name in left:
        (tmp_path / "c.lance" / name).mkdir(parents=True)
    assert Corpus.create(tmp_path / "c.lance").rows == 0


@pytest.mark.parametrize("name", ["photo.jpg", "data/photo.jpg"])
def test_nothing_is_made_on_top_of_other_things(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    with pytest.raises(CorpusError, match="a folder with other things in it"):
        Corpus.create(tmp_path)
    with pytest.raises(CorpusError, match="is a file, not a corpus"):
        Corpus.create(tmp_path / name)


def test_what_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no corpus at .* make one with `eye ingest"):
        Corpus.open(tmp_path / "nowhere.lance")
    made = Corpus.create(tmp_path / "c.lance")
    with pytest.raises(CorpusError, match="has no version 99"):
        Corpus.open(made.path, version=99)


def test_a_corpus_of_another_format_is_refused(tmp_path: Path) -> None:
    made = Corpus.create(tmp_path / "c.lance")
    made.dataset.update_schema_metadata({"compoundeye.format": "9"}, replace=True)
    with pytest.raises(CorpusError, match="has corpus format 9, this version reads format 1"):
        Corpus.open(made.path)


def test_an_append_shows_pictures_and_inputs_together(tmp_path: Path) -> None:
    store = Corpus.create(tmp_path / "c.lance")
    store.append(pictures(store, A, B), booked((A, "stored"), (B, "stored"), (C, "failed")))
    assert store.rows == 2
    assert outcomes(store) == {A: "stored", B: "stored", C: "failed"}
    assert not (tmp_path / "c.lance" / NAME).exists()
    assert not store.mend()


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        ("compoundeye.corpus._journal.Journal.write", False),
        ("lance.LanceDataset.commit", False),
        ("compoundeye.corpus._store.Corpus._book", True),
        ("compoundeye.corpus._journal.Journal.remove", True),
        ("compoundeye.corpus._store.Corpus._keep_indexed", True),
    ],
)
def test_a_kill_at_any_step_is_mended_to_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, kept: bool
) -> None:
    store = Corpus.create(tmp_path / "c.lance")
    store.append(pictures(store, A), booked((A, "stored")))

    def kill(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(step, kill)
        with pytest.raises(Killed):
            store.append(pictures(store, B), booked((B, "stored"), (C, "failed")))
    after = Corpus.open(store.path)
    after.mend()
    assert outcomes(after) == ({A: "stored", B: "stored", C: "failed"} if kept else {A: "stored"})
    assert after.rows == (2 if kept else 1)
    assert not after.mend()
    assert account(after).done == after.rows


@pytest.mark.parametrize("step", ["lance.LanceDataset.merge_insert", "compoundeye.corpus._journal.Journal.remove"])
def test_a_kill_while_mending_is_mended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    store = Corpus.create(tmp_path / "c.lance")

    def kill(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Corpus, "_book", kill)
        with pytest.raises(Killed):
            store.append(pictures(store, A), booked((A, "stored"), (B, "duplicate")))
    with monkeypatch.context() as patch:
        patch.setattr(step, kill)
        with pytest.raises(Killed):
            Corpus.open(store.path).mend()
    after = Corpus.open(store.path)
    assert after.mend()
    assert outcomes(after) == {A: "stored", B: "duplicate"}


def test_an_append_after_one_that_failed_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Corpus.create(tmp_path / "c.lance")

    def full(*_: Any, **__: Any) -> None:
        raise OSError("LanceError(IO): No space left on device (os error 28), /somewhere/writer.rs:190:9")

    with monkeypatch.context() as patch:
        patch.setattr(Corpus, "_book", full)
        with pytest.raises(CorpusError, match="no space left on device; free some space"):
            store.append(pictures(store, A), booked((A, "stored")))
    store.append(pictures(store, B), booked((B, "stored")))
    assert outcomes(store) == {A: "stored", B: "stored"}


def test_an_input_gets_a_new_outcome_in_place_of_the_old(tmp_path: Path) -> None:
    store = Corpus.create(tmp_path / "c.lance")
    store.append([], booked((A, "failed"), (B, "failed")))
    store.append(pictures(store, A), booked((A, "stored"), (C, "duplicate")), replace=True)
    assert outcomes(store) == {A: "stored", B: "failed", C: "duplicate"}


def test_pictures_can_come_after_columns_were_added(tmp_path: Path) -> None:
    store = Corpus.create(tmp_path / "c.lance")
    before = pictures(store, A)
    other = Corpus.open(store.path)
    other.ensure_columns(pa.schema([pa.field("category", pa.string())]))
    store.append(before, booked((A, "stored")))
    store.append(pictures(store, B), booked((B, "stored")))
    assert store.dataset.to_table(columns=["id", "category"]).num_rows == 2


def test_a_journal_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(str(tmp_path))
    assert journal.read() is None

    def kill(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", kill)
        with pytest.raises(Killed):
            journal.write(booked((A, "stored")))
    assert journal.read() is None
    table = booked((A, "stored"), (B, "failed"))
    journal.write(table)
    assert journal.read() == table
    journal.remove()
    assert journal.read() is None


def test_one_ingest_at_a_time_and_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    store = Corpus.create(tmp_path / "c.lance")
    with store.lock("ingest"):
        with pytest.raises(CorpusError, match=r"another ingest \(process \d+\) is writing"), store.lock("ingest"):
            pytest.fail("two hold it")
        with store.lock("categorise"):
            pass
    with store.lock("ingest"):
        pass


def raising(error: Exception) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("path", "error", "sentence"),
    [
        ("/c.lance", OSError(28, "No space left on device"), "cannot write to /c.lance: no space left on device; free"),
        (
            "/c.lance",
            OSError("LanceError(IO): x (os error 13), /a/b.rs:1:2"),
            "permission denied; get the right to write",
        ),
        ("/c.lance", OSError("LanceError(IO): x (os error 30), /a/b.rs:1:2"), "read-only file system; mount it"),
        (
            "s3://b/c",
            OSError("LanceError(IO): Generic S3 error: gone, /a/b.rs:1:2"),
            "s3://b/c: Generic S3 error: gone",
        ),
    ],
)
def test_what_a_disk_can_do_is_one_sentence(path: str, error: OSError, sentence: str) -> None:
    with pytest.raises(CorpusError) as caught, storage_errors(path):
        raising(error)()
    assert sentence in str(caught.value)
    assert ".rs" not in str(caught.value)


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(OSError, match="Encountered internal error") as caught, storage_errors("/c.lance"):
        raising(OSError("LanceError(Internal): Encountered internal error"))()
    assert not isinstance(caught.value, CorpusError)
