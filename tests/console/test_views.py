"""Views say what the corpus's own SQL says, in a stable order, whatever happens to the corpus meanwhile."""

from __future__ import annotations

import json
import re
import shutil
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lance.fragment import write_fragments

from compoundeye.console import _columns, _twins
from compoundeye.console._columns import Columns, files_of
from compoundeye.console._cursor import Cursor
from compoundeye.console._filters import Filter
from compoundeye.console._refusals import Conflict, NotFound, Unprocessable
from compoundeye.console._snapshot import Snapshots
from compoundeye.console._state import Console, Served
from compoundeye.console._views import Looking, Views
from compoundeye.corpus import Corpus, CorpusError, compact, correct
from compoundeye.records import EyeError, picture_id

KINDS = ("tabby", "Tiger cat", "beagle", "pizza", "It's")
ROWS = 40


def append(store: Corpus, first: int, count: int, seed: int = 0) -> None:
    """A fragment of made-up rows, some values missing, many of them equal."""
    rng = np.random.default_rng(seed + first)
    images = [b"%06d" % number for number in range(first, first + count)]
    state = rng.choice(["done", "abstained", "failed", ""], count)
    kind = [KINDS[one] for one in rng.integers(0, len(KINDS), count)]
    taken = [datetime(2020, 1, 1) + timedelta(days=int(day)) for day in rng.integers(0, 900, count)]
    columns: dict[str, Any] = {
        "id": [picture_id(image) for image in images],
        "image": images,
        "thumbnail": [b""] * count,
        "source": [f"album/{rng.choice(['Beach', 'forest', 'ÉTÉ'])}-{number % 7}.jpg" for number in range(count)],
        "format": ["JPEG"] * count,
        "width": rng.integers(100, 108, count),
        "height": rng.integers(100, 108, count),
        "mode": ["RGB"] * count,
        "orientation": [1] * count,
        "bytes": rng.integers(1, 2**40, count),
        "taken_at": [None if one % 3 == 0 else day for one, day in enumerate(taken)],
        "latitude": [None if one % 2 else float(rng.normal()) for one in range(count)],
        "camera": [rng.choice([None, "Canon", "NIKON"]) for _ in range(count)],
        "phash": rng.integers(0, 2**64, count, dtype=np.uint64),
        "category": [name if one == "done" else None for name, one in zip(kind, state, strict=True)],
        "category_confidence": [
            float(np.float32(rng.integers(0, 11) / 10)) if one == "done" else None for one in state
        ],
        "category_state": [one or None for one in state],
        "label": [str(rng.choice(KINDS)) if rng.random() < 0.3 else None for _ in range(count)],
    }
    arrays = [pa.array(columns.get(field.name, [None] * count), field.type) for field in store.dataset.schema]
    parts = write_fragments(pa.Table.from_arrays(arrays, schema=store.dataset.schema), store.dataset)
    store.append([json.dumps(part.to_json()) for part in parts], store.inputs.schema.empty_table())


RESULT = pa.schema(
    [
        pa.field("category", pa.string()),
        pa.field("category_confidence", pa.float32()),
        pa.field("category_state", pa.string()),
        pa.field("label", pa.string()),
        pa.field("label_by", pa.string()),
        pa.field("label_at", pa.timestamp("us", tz="UTC")),
    ]
)


def make(path: Path, fragments: int = 3) -> Corpus:
    store = Corpus.create(path)
    store.ensure_columns(RESULT)
    for number in range(fragments):
        append(store, number * ROWS, ROWS)
    return store


def looking_at(*stores: Corpus) -> Views:
    return Views(Console(Served(corpora=tuple(store.path for store in stores))))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Three fragments, from the second of which some rows were deleted by another program."""
    made = make(tmp_path_factory.mktemp("views") / "corpus.lance")
    found = made.dataset.to_table(columns=["id"])["id"].to_pylist()
    gone = ",".join(f"arrow_cast(X'{found[row].hex()}','FixedSizeBinary(16)')" for row in (41, 42, 60))
    made.dataset.delete(f"id IN ({gone})")
    return made.refresh()


@pytest.fixture(scope="module")
def views(store: Corpus) -> Views:
    return looking_at(store)


def by_sql(store: Corpus, asked: Filter) -> list[bytes]:
    """What a filter means, told by Lance alone."""
    table = store.dataset.scanner(columns=["id"], filter=asked.condition(store).sql, scan_in_order=True).to_table()
    return table["id"].to_pylist()  # type: ignore[no-any-return]


def ids(views: Views, *args: Any, **more: Any) -> list[bytes]:
    view = views.view("corpus", *args, **more)
    found: list[bytes] = view.at.take(view.page(0, 10_000), ["id"])["id"].to_pylist()
    assert len(found) == view.total
    return found


FILTERS = st.builds(
    Filter,
    where=st.sampled_from([None, "width > 103", "camera = 'Canon' OR camera IS NULL"]),
    category=st.sampled_from([(), ("tabby",), ("TIGER CAT", "it's"), ("nothing",)]),
    state=st.sampled_from([(), ("done",), ("abstained", "new"), ("new",), ("failed",)]),
    min_confidence=st.sampled_from([None, 0.0, 0.3, 0.7, 1.0]),
    max_confidence=st.sampled_from([None, 0.0, 0.3, 0.9]),
    since=st.sampled_from([None, "2020-05", "2021", "2022-01-01T12:00", "1066"]),
    until=st.sampled_from([None, "2021-03-05", "2020", "2021-03-05T00:00:00.000001"]),
    min_size=st.sampled_from([None, 0, 103, 107, 2**31 - 1]),
    corrected=st.sampled_from([None, True, False]),
    text=st.sampled_from([None, "beach", "BEACH canon", "été", "'"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=FILTERS)
def test_a_filter_means_in_memory_what_it_means_as_sql(store: Corpus, views: Views, asked: Filter) -> None:
    assert ids(views, asked) == by_sql(store, asked)


SORTS = (
    "width", "bytes", "taken_at", "latitude", "camera", "source", "category_confidence", "label", "phash", "pixels",
)  # fmt: skip


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("asked", [Filter(), Filter(min_size=104)], ids=["all", "some"])
def test_an_order_is_stable_and_ends_with_what_has_no_value(
    store: Corpus, views: Views, sort: str, descending: bool, asked: Filter
) -> None:
    columns = ["width", "height"] if sort == "pixels" else [sort]
    table = store.dataset.scanner(
        columns=["id", *columns], filter=asked.condition(store).sql, scan_in_order=True
    ).to_table()
    rows = table.to_pylist()
    value = (lambda row: row["width"] * row["height"]) if sort == "pixels" else (lambda row: row[sort])
    if table.schema.field(columns[0]).type == pa.string():
        key = lambda row: (value(row).casefold(), value(row))  # noqa: E731
    else:
        key = value
    # Python's own sort is stable in both directions.
    there = sorted([row for row in rows if value(row) is not None], key=key, reverse=False)
    if descending:
        there = sorted([row for row in rows if value(row) is not None], key=key, reverse=True)
    expected = [row["id"] for row in [*there, *(row for row in rows if value(row) is None)]]
    assert ids(views, asked, sort, descending) == expected


def test_as_ingested_is_the_order_unless_another_is_asked_for(store: Corpus, views: Views) -> None:
    everything = store.dataset.to_table(
        columns=["id"],
    )["id"].to_pylist()
    assert ids(views) == everything
    assert ids(views, descending=True) == everything[::-1]


def test_the_category_that_counts_is_a_persons(views: Views) -> None:
    view = views.view("corpus", sort="category")
    table = view.at.take(view.page(0, 1000), ["label", "category"])
    said = [
        label or category
        for label, category in zip(table["label"].to_pylist(), table["category"].to_pylist(), strict=True)
    ]
    there = [name for name in said if name is not None]
    assert there == sorted(there, key=lambda name: (name.casefold(), name))
    assert said[: len(there)] == there


def test_pages_are_slices_and_end_where_the_view_ends(views: Views) -> None:
    for view in (views.view("corpus"), views.view("corpus", sort="width")):
        whole = view.page(0, 10_000).tolist()
        assert [*view.page(0, 50), *view.page(50, 50), *view.page(100, 50)] == whole
        assert view.page(10_000_000, 50).tolist() == []
        assert [view.place(row) for row in whole] == list(range(view.total))
        assert view.place(100_000) is None


def test_many_different_texts_are_ranked_by_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make(tmp_path / "corpus.lance")
    monkeypatch.setattr("compoundeye.console._texts.MOST_NAMES", 5)
    monkeypatch.setattr("compoundeye.console._texts._RANKS_AT_ONCE", 7)
    rows = store.dataset.to_table(columns=["id", "source"]).to_pylist()
    for down in (False, True):
        expected = sorted(rows, key=lambda row: row["source"].encode(), reverse=down)
        assert ids(looking_at(store), sort="source", descending=down) == [row["id"] for row in expected]
    monkeypatch.setattr("compoundeye.console._texts.TEXT_BYTES", 100)
    with pytest.raises(Unprocessable, match="cannot be sorted"):
        ids(looking_at(store), sort="source")


@pytest.mark.parametrize(
    ("asked", "sort", "error"),
    [
        (Filter(), "thumbnail", Unprocessable),
        (Filter(), "no_such", NotFound),
        (Filter(where="no_such > 1"), "ingested", CorpusError),
        (Filter(where="width >"), "ingested", CorpusError),
        (Filter(state=("asleep",)), "ingested", CorpusError),
        (Filter(since="yesterday"), "ingested", CorpusError),
        (Filter(name="other", min_confidence=0.5), "ingested", CorpusError),
        (Filter(name="other", state=("done",)), "ingested", CorpusError),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(views: Views, asked: Filter, sort: str, error: type[Exception]) -> None:
    with pytest.raises(error) as told:
        views.view("corpus", asked, sort)
    assert "\n" not in str(told.value)


def test_a_corpus_that_is_not_served_is_not_found(views: Views) -> None:
    with pytest.raises(NotFound, match="there is corpus"):
        views.view("other")


def test_before_anything_is_categorised_all_pictures_are_new(tmp_path: Path) -> None:
    store = Corpus.create(tmp_path / "corpus.lance")
    append(store, 0, 5)
    views = looking_at(store)
    assert len(ids(views, Filter(state=("new",)))) == 5
    assert ids(views, Filter(corrected=True)) == []
    assert len(ids(views, Filter(corrected=False), "bytes")) == 5
    with pytest.raises(CorpusError, match="eye categorise"):
        ids(views, Filter(category=("tabby",)))


def test_an_empty_corpus_has_empty_views(tmp_path: Path) -> None:
    store = Corpus.create(tmp_path / "corpus.lance")
    store.ensure_columns(RESULT)
    views = looking_at(store)
    for sort in ("ingested", "category", "width", "source", "taken_at", "category_confidence", "duplicates"):
        assert ids(views, Filter(min_size=5), sort) == []


def test_a_correction_is_seen_at_once_and_reads_no_more_than_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(tmp_path / "corpus.lance")
    views = looking_at(store)
    before = views.view("corpus", Filter(category=("unheard of",)), "label")
    assert before.total == 0
    views.view("corpus", Filter(min_size=1), "width")
    chosen = store.dataset.to_table(columns=["id"])["id"][50].as_py()
    correct(store.path, [chosen], "unheard of", by="a person")
    read = list[tuple[str, list[int]]]()
    scan = _columns._scan
    monkeypatch.setattr(
        _columns, "_scan", lambda at, name, places: read.append((name, places)) or scan(at, name, places)
    )
    after = views.view("corpus", Filter(category=("unheard of",)), "label")
    views.view("corpus", Filter(min_size=1), "width")
    assert (after.total, after.version > before.version) == (1, True)
    assert after.at.take(after.page(0, 1), ["id"])["id"].to_pylist() == [chosen]
    assert [one for one in read if one[1]] == [("label", [1])]


def test_who_scrolls_keeps_the_version_while_others_write(tmp_path: Path) -> None:
    store = make(tmp_path / "corpus.lance")
    views = looking_at(store)
    first = views.view("corpus", Filter(min_size=101), "bytes")
    old = ids(views, Filter(min_size=101), "bytes")
    append(store, 1000, ROWS)
    assert views.newest("corpus").version > first.version
    again = Views(Console(Served(corpora=(store.path,))))  # nothing remembered: the old version is opened anew
    for one in (views, again):
        assert ids(one, Filter(min_size=101), "bytes", version=first.version) == old
    assert len(ids(views)) == 4 * ROWS


def test_a_version_that_was_removed_gives_way_to_the_newest(tmp_path: Path) -> None:
    store = make(tmp_path / "corpus.lance")
    old = store.version
    append(store, 1000, ROWS)
    compact(store.path)
    views = looking_at(store)
    view = views.view("corpus", version=old - 1)
    assert view.version == views.newest("corpus").version
    assert sorted(ids(views)) == sorted(store.refresh().dataset.to_table(columns=["id"])["id"].to_pylist())


def test_a_corpus_made_anew_at_the_same_place_is_another(tmp_path: Path) -> None:
    store = make(tmp_path / "corpus.lance", 1)
    views = looking_at(store)
    assert len(ids(views, sort="width")) == ROWS
    version = store.version
    shutil.rmtree(store.path)
    with pytest.raises(CorpusError, match="no corpus"):
        ids(views)
    new = Corpus.create(store.path)
    new.ensure_columns(RESULT)
    append(new, 5_000, 7, seed=9)
    assert new.version == version
    assert sorted(ids(views, sort="width")) == sorted(new.dataset.to_table(columns=["id"])["id"].to_pylist())


def test_columns_that_come_later_are_found(tmp_path: Path) -> None:
    store = make(tmp_path / "corpus.lance", 2)
    views = looking_at(store)
    with pytest.raises(NotFound, match="no column score"):
        ids(views, sort="score")
    store.ensure_columns(pa.schema([pa.field("score", pa.float32())]))
    assert len(ids(views, sort="score")) == 2 * ROWS
    rows = store.dataset.scanner(columns=[], with_row_id=True).to_table()["_rowid"]
    values = pa.table({"_rowid": rows[:3], "score": pa.array([0.1, 0.9, 0.5], pa.float32())})
    assert store.commit_columns([store.stage_columns(0, values)])
    view = views.view("corpus", sort="score", descending=True)
    assert view.page(0, 4).tolist() == [1, 2, 0, 3]


def test_near_duplicates_are_found_once_and_then_known(tmp_path: Path) -> None:
    store = make(tmp_path / "corpus.lance", 1)
    hashes = store.dataset.to_table(columns=["_rowid", "phash"])
    same = hashes["phash"].to_pylist()
    for row in (3, 7, 30):
        same[row] = same[11]
    values = pa.table({"_rowid": hashes["_rowid"], "phash": pa.array(same, pa.uint64())})
    assert store.commit_columns([store.stage_columns(0, values)])
    views = looking_at(store)
    assert views.view("corpus", Filter(duplicate=True)).page(0, 9).tolist() == [3, 7, 11, 30]
    assert views.view("corpus", Filter(duplicate=False)).total == ROWS - 4
    assert views.view("corpus", sort="duplicates").page(0, 5).tolist() == [3, 7, 11, 30, 0]


def test_of_a_large_corpus_near_duplicates_are_looked_for_beside_the_server(tmp_path: Path) -> None:
    store = make(tmp_path / "corpus.lance", 1)
    twins, at = _twins.Twins(at_once=0), Snapshots(store.path).newest()
    with pytest.raises(Conflict, match="ask again"):
        twins.groups(at)
    assert twins._search is not None
    twins._search[1].join()
    assert len(twins.groups(at)) == ROWS
    assert not twins.groups(at).present.any()
    twins.close()


def test_near_duplicates_of_a_corpus_that_goes_away_are_an_error_not_a_wait(tmp_path: Path) -> None:
    store = make(tmp_path / "corpus.lance", 1)
    twins, at = _twins.Twins(at_once=0), Snapshots(store.path).newest()
    shutil.rmtree(store.path)
    with pytest.raises(Conflict):
        twins.groups(at)
    assert twins._search is not None
    twins._search[1].join()
    for _ in range(2):
        with pytest.raises(EyeError, match="no corpus"):
            twins.groups(at)


def test_the_end_of_the_console_is_the_end_of_what_runs_beside_it(tmp_path: Path) -> None:
    store = make(tmp_path / "corpus.lance", 1)
    console = Console(Served(corpora=(store.path,)))
    looking = console.part(Views).looking("corpus")
    looking.twins._at_once = 0
    with pytest.raises(Conflict):
        console.part(Views).view("corpus", sort="duplicates")
    assert looking.twins._search is not None
    console.close()
    assert not looking.twins._search[1].is_alive()


def test_many_threads_that_ask_at_once_all_get_what_one_would_get(store: Corpus) -> None:
    questions = [(Filter(min_size=100 + n % 6), SORTS[n % len(SORTS)]) for n in range(24)]
    alone = looking_at(store)
    expected = [ids(alone, *question) for question in questions]
    views, got = looking_at(store), dict[int, list[bytes]]()
    threads = [
        threading.Thread(target=lambda n=n: got.update({n: ids(views, *questions[n])})) for n in range(len(questions))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got[n] for n in range(len(questions))] == expected


def test_columns_forget_what_was_used_longest_ago(store: Corpus) -> None:
    at = Snapshots(store.path).newest()
    columns = Columns(most=at.rows * 9)
    for name in ("bytes", "latitude", "width", "bytes"):
        column = columns.column(at, name)
        assert columns.held <= max(at.rows * 9, column.nbytes)
    stored = at.corpus.dataset.to_table(
        columns=["bytes"],
    )["bytes"].to_numpy()
    assert columns.column(at, "bytes").wide(slice(None)).tolist() == stored.tolist()
    assert len(set(files_of(at, "bytes"))) == 3
    assert lance.dataset(store.path).count_rows() == at.rows


@given(st.integers(1, 10**17), st.integers(0, 2**32), st.binary(min_size=16, max_size=16))
def test_a_cursor_is_read_as_it_was_written(version: int, place: int, last: bytes) -> None:
    word = str(Cursor(version, place, last))
    assert Cursor.read(word) == Cursor(version, place, last)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,120}", word)


@given(st.text(max_size=30))
def test_what_is_no_cursor_is_refused(word: str) -> None:
    with pytest.raises(Unprocessable, match="begin at the first page"):
        Cursor.read(word)


def test_a_cursor_of_a_removed_version_goes_on_behind_the_same_picture(tmp_path: Path) -> None:
    store = make(tmp_path / "corpus.lance")
    views = looking_at(store)
    view = views.view("corpus", sort="bytes")
    whole = ids(views, sort="bytes")
    cursor = Cursor(view.version, 50, whole[49])
    assert cursor.offset(view) == 50
    append(store, 1000, ROWS)
    compact(store.path)
    later = looking_at(store).view("corpus", sort="bytes", version=cursor.version)
    assert later.version > cursor.version
    rest = later.at.take(later.page(cursor.offset(later), 1000), ["id"])["id"].to_pylist()
    assert [one for one in rest if one in set(whole)] == whole[50:]
    assert Cursor(1, 50, bytes(16)).offset(later) == 50
    assert Cursor(1, 5_000, bytes(16)).offset(later) == later.total


def test_a_bucket_is_asked_for_a_newer_version_only_every_so_often(tmp_path: Path) -> None:
    store = make(tmp_path / "corpus.lance", 1)
    address = f"file://{store.path}"
    now = [100.0]
    snapshots = Snapshots(address, clock=lambda: now[0])
    first = snapshots.newest()
    assert first.rows == ROWS
    append(store, 1000, ROWS)
    now[0] += 1.9
    assert snapshots.newest() is first
    assert snapshots.newest(at_once=True).rows == 2 * ROWS
    append(store, 2000, ROWS)
    now[0] += 2.1
    assert snapshots.newest().rows == 3 * ROWS


def test_of_a_large_corpus_the_usual_columns_are_read_before_anybody_asks(tmp_path: Path) -> None:
    store = make(tmp_path / "corpus.lance", 1)
    large, small = Looking(store.path, warm_from=1), Looking(store.path)
    for looking in (large, small):
        looking.warming.join()
    assert (large.columns.held > 0, small.columns.held) == (True, 0)
    Looking(str(tmp_path / "none.lance"), warm_from=1).warming.join()  # nothing to read is for those who ask
