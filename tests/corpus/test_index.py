"""The vector index: made when needed, measured, kept up to date, and never in the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from compoundeye.corpus import Corpus, CorpusError, _index, ensure_index, index_report, search

N, D = 1_500, 16
BY = "m/1 sha256:00"
Write = Callable[..., Corpus]
Column = Callable[[Any], pa.Array]


def clustered(count: int, seed: int = 0) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(30, D))
    return centres[rng.integers(0, 30, count)] + 0.3 * rng.normal(size=(count, D))


@pytest.fixture
def store(write_rows: Write, vectors: Column, tmp_path: Path) -> Corpus:
    return write_rows(tmp_path / "c", N, embedding=vectors(clustered(N)), embedding_by=[BY] * N)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is too much for exact search."""
    monkeypatch.setattr(_index, "EXACT_BYTES", 1_000)


def test_a_small_corpus_needs_none(store: Corpus) -> None:
    report = ensure_index(store)
    assert (report.kind, report.recall, report.built) == ("exact", 1.0, False)
    assert index_report(store) is None
    assert store.dataset.describe_indices() == []


@pytest.mark.usefixtures("eager")
def test_it_is_made_by_itself_measured_and_remembered(store: Corpus) -> None:
    told = list[tuple[int, int | None]]()
    report = ensure_index(store, progress=lambda done, total: told.append((done, total)))
    assert report.kind == "IVF_RQ"
    assert report.built
    assert report.rows == N
    assert report.by == BY
    assert report.queries == 64
    assert report.recall is not None
    assert report.recall >= 0.95
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    again = ensure_index(store)
    assert not again.built
    assert again == index_report(Corpus.open(store.path))
    assert again.recall == report.recall


def test_the_recall_is_that_of_the_index_against_exact_search(store: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    # One partition of many and hardly any second look: it must miss some, and say so.
    monkeypatch.setattr(_index, "_LADDER", ((1, 1),))
    monkeypatch.setattr(_index, "_ROWS_A_PARTITION", 50)
    poor = ensure_index(store, force=True)
    assert poor.recall is not None
    hits = 0
    own, queries = _index._sample(store.dataset)
    for mine, query in zip(own, queries, strict=True):
        exact = search(store, query, k=11, exact=True, columns=["id"])["id"].to_pylist()
        found = search(store, query, k=11, exact=False)["id"].to_pylist()
        me = store.dataset.take([int(mine)], columns=["id"])["id"][0].as_py()
        hits += len({one for one in exact if one != me} & set([one for one in found if one != me][:10]))
    assert poor.recall == pytest.approx(hits / (10 * len(own)), abs=0.02)
    assert poor.recall < 0.95


@pytest.mark.usefixtures("eager")
def test_new_rows_are_found_before_and_after_the_index_takes_them_in(
    store: Corpus, write_rows: Write, vectors: Column, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_index, "_OUTSIDE", 10.0)
    ensure_index(store)
    fresh = clustered(200, seed=5)
    store = write_rows(store.path, 200, first=N, embedding=vectors(fresh), embedding_by=[BY] * 200)
    assert not ensure_index(store).built
    assert search(store, fresh[7], k=1)["source"].to_pylist() == [f"folder/{N + 7:04d}.jpg"]
    monkeypatch.setattr(_index, "_OUTSIDE", 0.25)
    report = ensure_index(store)
    assert report.built
    assert (report.rows, report.built_rows) == (N + 200, N)
    assert _index._outside(store.dataset, store.rows) == 0
    assert search(store, fresh[7], k=1)["source"].to_pylist() == [f"folder/{N + 7:04d}.jpg"]


@pytest.mark.usefixtures("eager")
def test_rows_without_an_embedding_are_left_out(write_rows: Write, vectors: Column, tmp_path: Path) -> None:
    values = clustered(N)
    values[::3] = np.nan
    values[1] = 0
    store = write_rows(tmp_path / "c", N, embedding=vectors(values), embedding_by=[BY] * N)
    report = ensure_index(store)
    assert report.kind == "IVF_RQ"
    found = search(store, values[4], k=N)
    assert found.num_rows <= N - N // 3 - 1
    assert found["source"][0].as_py() == "folder/0004.jpg"
    assert not {f"folder/{number:04d}.jpg" for number in [1, *range(0, N, 3)]} & set(found["source"].to_pylist())


@pytest.mark.usefixtures("eager")
def test_grown_fourfold_or_embedded_anew_it_is_made_anew(store: Corpus, write_rows: Write, vectors: Column) -> None:
    assert ensure_index(store).built_rows == N
    more = 3 * N
    store = write_rows(store.path, more, first=N, embedding=vectors(clustered(more, 2)), embedding_by=[BY] * more)
    assert ensure_index(store).built_rows == 4 * N
    ids = store.dataset.to_table(columns=[], with_row_id=True)["_rowid"]
    for part in store.dataset.get_fragments():
        rows = [row for row in ids.to_pylist() if row >> 32 == part.fragment_id]
        values = pa.table(
            {
                "_rowid": pa.array(rows, pa.uint64()),
                "embedding": vectors(clustered(len(rows), part.fragment_id + 20)),
                "embedding_by": ["newer/1 sha256:11"] * len(rows),
            }
        )
        assert store.commit_columns([store.stage_columns(part.fragment_id, values)])
        store.refresh()
    report = ensure_index(store)
    assert report.built
    assert report.by == "newer/1 sha256:11"


@pytest.mark.usefixtures("eager")
def test_while_another_makes_it_search_is_exact(store: Corpus) -> None:
    query = clustered(N)[3]
    with store.lock("index"):
        assert search(store, query, k=1)["source"].to_pylist() == ["folder/0003.jpg"]
        assert index_report(store) is None
        with pytest.raises(CorpusError, match="another index"):
            search(store, query, k=1, exact=False)


@pytest.mark.usefixtures("eager")
def test_a_corpus_at_an_old_version_stays_there(store: Corpus, write_rows: Write, vectors: Column) -> None:
    old = Corpus.open(store.path)
    write_rows(store.path, 1, first=N, embedding=vectors(clustered(1, 9)), embedding_by=[BY])
    assert search(old, clustered(N)[3], k=1)["source"].to_pylist() == ["folder/0003.jpg"]
    assert (old.version, old.rows) == (store.version, N)


def test_without_embeddings_it_says_what_to_run(write_rows: Write, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has no embeddings yet; run `eye categorise"):
        ensure_index(write_rows(tmp_path / "c", 3))
