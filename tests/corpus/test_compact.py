"""Tidying changes nothing but files: fewer fragments, no orphans, all pictures and inputs as before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from compoundeye.corpus import Corpus, CorpusError, account, compact, ingest
from compoundeye.corpus._compact import _wanted_rows
from compoundeye.corpus._stage import Limits, Shard, stage

JpegMaker = Callable[[int], bytes]
Contents = Callable[[Any], Any]


@pytest.fixture
def store(tmp_path: Path, jpeg: JpegMaker) -> Corpus:
    """A corpus of many small ingests."""
    for number in range(6):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        for copy in range(3):
            (folder / f"{copy}.jpg").write_bytes(jpeg(10 * number + copy))
        (folder / "empty.jpg").touch()
        ingest(folder, tmp_path / "c.lance", workers=1)
    return Corpus.open(tmp_path / "c.lance")


def files(store: Corpus) -> list[str]:
    return sorted(path.name for path in Path(store.path, "data").iterdir())


def orphans(store: Corpus, jpeg: JpegMaker) -> None:
    """What a kill between staging and committing leaves."""
    from compoundeye.corpus._inputs import Inputs

    folder = Path(store.path).parent / "late"
    folder.mkdir(exist_ok=True)
    (folder / "late.jpg").write_bytes(jpeg(999))
    stage(Shard(store.path, store.version, tuple(Inputs([folder])), Limits(10**8, 10**8), (0, 0)))


def test_small_fragments_are_joined_and_orphans_removed(store: Corpus, jpeg: JpegMaker, contents: Contents) -> None:
    before, sums = contents(store.path), account(store.path)
    orphans(store, jpeg)
    assert len(files(store)) == 7
    done = compact(store.path)
    assert (done.fragments_before, done.fragments_after) == (6, 1)
    assert done.versions_removed >= 12
    assert done.bytes_removed > 0
    assert len(files(store)) == 1
    assert contents(store.path) == before
    assert account(store.path) == sums


def test_what_was_learnt_stays_with_its_picture(store: Corpus) -> None:
    store.ensure_columns(pa.schema([pa.field("category", pa.string())]))
    for fragment in store.dataset.get_fragments():
        rows = fragment.to_table(columns=["source"], with_row_id=True)
        values = pa.table(
            {"_rowid": rows["_rowid"], "category": [f"of {source}" for source in rows["source"].to_pylist()]}
        )
        assert store.commit_columns([store.stage_columns(fragment.fragment_id, values)])
    compact(store)
    for row in Corpus.open(store.path).dataset.to_table(columns=["source", "category"]).to_pylist():
        assert row["category"] == f"of {row['source']}"


def test_an_ingest_goes_on_after_it(store: Corpus, tmp_path: Path, jpeg: JpegMaker) -> None:
    compact(store.path)
    (tmp_path / "0" / "new.jpg").write_bytes(jpeg(777))
    done = ingest([tmp_path / str(number) for number in range(6)], store.path, workers=1)
    assert (done.seen, done.done, done.known) == (1, 1, 24)
    ids = store.refresh().dataset.to_table(columns=["id"])["id"].to_pylist()
    assert store.pictures_by_id(ids).num_rows == 19


def test_twice_is_once(store: Corpus) -> None:
    compact(store.path)
    left = files(store)
    again = compact(store.path)
    assert (again.fragments_before, again.fragments_after) == (1, 1)
    assert files(store) == left


def test_versions_that_are_tagged_or_young_stay(store: Corpus) -> None:
    store.dataset.tags.create("before", store.version)
    compact(store.path)
    assert Corpus.open(store.path, version=lance.dataset(store.path).tags.get_version("before")).rows == 18
    assert compact(store.path, keep=timedelta(days=1)).versions_removed == 0


@pytest.mark.parametrize("job", ["ingest", "categorise"])
def test_it_waits_for_nobody_and_disturbs_nobody(store: Corpus, job: str) -> None:
    with store.lock(job), pytest.raises(CorpusError, match=f"another {job}"):
        compact(store.path)


@pytest.mark.parametrize(
    ("rows", "mean", "wanted"), [(10, 1_000, 512), (10**6, 1_000, 16_384), (10**9, 50_000, 2_684), (10, 10**9, 1)]
)
def test_fragments_are_small_by_rows_and_by_bytes(rows: int, mean: int, wanted: int) -> None:
    assert _wanted_rows(rows, mean) == wanted
