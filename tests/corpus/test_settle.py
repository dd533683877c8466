"""However inputs are cut, staged and committed, the corpus is the one that a single pass in order would make."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from compoundeye.corpus import Corpus, account
from compoundeye.corpus._input import Input, UnreadableError
from compoundeye.corpus._settle import Settler
from compoundeye.corpus._stage import CRASHED, Limits, Shard, Staged, batches, smaller, stage
from compoundeye.pixels import MAX_PIXELS
from compoundeye.records import Account, picture_id

LIMITS = Limits(MAX_PIXELS, 1 << 20)


class Held(NamedTuple):
    """A locator that holds its bytes; None cannot be read."""

    data: bytes | None

    def read(self, limit: int) -> bytes:
        if self.data is None:
            raise UnreadableError("input/output error")
        assert len(self.data) <= limit
        return self.data


@cache
def content(kind: int) -> bytes | None:
    """Five pictures, two things that are none, and one that cannot be read."""
    if kind >= 5:
        return (b"not a picture at all", b"", None)[kind - 5]
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 40 * kind, np.uint8)).save(file, "PNG")
    return file.getvalue()


def one(place: int, kind: int) -> Input:
    """An input is its place: whoever lists it twice means the same one."""
    data = content(kind)
    return Input(b"place %010d" % place, f"place {place}", len(data or b""), 0, Held(data))


def shard(store: Corpus, settler: Settler, inputs: list[Input], looked_up: int) -> Shard:
    return Shard(store.path, store.version, tuple(inputs), LIMITS, (looked_up, settler.commits))


def reference(inputs: list[Input]) -> tuple[dict[bytes, str], dict[bytes, tuple[str, str | None]]]:
    """Pictures by id with their source, and inputs by key with outcome and reason, of one pass in order."""
    stored: dict[bytes, str] = {}
    ended: dict[bytes, tuple[str, str | None]] = {}
    for this in inputs:
        data = this.locator.data  # type: ignore[attr-defined]
        if this.key in ended:
            continue
        if data is None or len(data) < 30:
            reason = {None: "input/output error", b"": "empty file"}.get(data, "not a picture")
            ended[this.key] = ("failed", reason)
        elif picture_id(data) in stored:
            ended[this.key] = ("duplicate", None)
        else:
            stored[picture_id(data)] = this.source
            ended[this.key] = ("stored", None)
    return stored, ended


def check(store: Corpus, inputs: list[Input], contents: Callable[[Any], Any], done: Account) -> None:
    stored, ended = reference(inputs)
    pictures, booked = contents(store.path)
    assert {identity: row["source"] for identity, row in pictures.items()} == stored
    assert {key: (row["outcome"], row["reason"]) for key, row in booked.items()} == ended
    assert account(store.path) == done.check()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_outcome_is_that_of_one_pass_in_order(
    tmp_path_factory: pytest.TempPathFactory, contents: Callable[[Any], Any], data: st.DataObject
) -> None:
    places = st.integers(0, 9)
    kinds = data.draw(st.lists(st.integers(0, 7), min_size=10, max_size=10), label="what lies at each place")
    inputs = [one(place, kinds[place]) for place in data.draw(st.lists(places, max_size=25), label="places")]
    now = 0.0
    store = Corpus.create(tmp_path_factory.mktemp("settle") / "c.lance")
    settler = Settler(store, replace=False, clock=lambda: now)
    in_flight: list[Staged] = []
    looked_up, known = 0, set[bytes]()
    left = inputs
    while left:
        if data.draw(st.booleans(), label="look the next inputs up"):
            looked_up = settler.commits
            known = set(Corpus.open(store.path).inputs.to_table(columns=["key"])["key"].to_pylist())
        count = data.draw(st.integers(1, 6), label="inputs in the shard")
        piece, left = left[:count], left[count:]
        in_flight.append(stage(shard(store, settler, [this for this in piece if this.key not in known], looked_up)))
        while in_flight and data.draw(st.booleans(), label="settle the oldest shard"):
            now += data.draw(st.sampled_from([0.0, 1e9]), label="time passes")
            settler.add(in_flight.pop(0))
    for staged in in_flight:
        settler.add(staged)
    settler.flush()
    check(store, inputs, contents, settler.account)


@pytest.fixture
def store(tmp_path: Path) -> Corpus:
    return Corpus.create(tmp_path / "c.lance")


def files(store: Corpus) -> set[str]:
    return {path.name for path in (Path(store.path) / "data").iterdir()}


def test_a_duplicate_across_shards_leaves_no_file_behind(store: Corpus, contents: Callable[[Any], Any]) -> None:
    settler = Settler(store, replace=False)
    inputs = [one(0, 0), one(1, 1), one(2, 1), one(3, 2)]
    first, second = stage(shard(store, settler, inputs[:2], 0)), stage(shard(store, settler, inputs[2:], 0))
    settler.add(first)
    settler.add(second)
    settler.flush()
    check(store, inputs, contents, settler.account)
    assert settler.account == Account(seen=4, done=3, duplicate=1)
    assert len(files(store)) == 2


def test_a_shard_that_brings_nothing_new_adds_no_fragment(store: Corpus, contents: Callable[[Any], Any]) -> None:
    settler = Settler(store, replace=False)
    inputs = [one(0, 0), one(1, 0), one(2, 0)]
    staged = [stage(shard(store, settler, [this], 0)) for this in inputs]
    for part in staged:
        settler.add(part)
    settler.flush()
    check(store, inputs, contents, settler.account)
    assert len(store.dataset.get_fragments()) == len(files(store)) == 1


def test_an_input_that_changed_between_two_listings_is_left_to_the_next_run(store: Corpus) -> None:
    settler = Settler(store, replace=False)
    before = one(0, 0)
    after, copy = before._replace(locator=Held(content(1))), one(1, 1)
    staged = [stage(shard(store, settler, inputs, 0)) for inputs in ([before], [after, copy])]
    for part in staged:
        settler.add(part)
    settler.flush()
    assert settler.account == Account(seen=1, done=1)
    assert settler.repeated == 2
    assert account(store.path).done == store.rows == 1


def test_commits_are_as_rare_as_they_are_slow(store: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    cost = 2.0
    append = Corpus.append

    def slow(*arguments: Any, **options: Any) -> None:
        nonlocal now
        append(*arguments, **options)
        now += cost

    monkeypatch.setattr(Corpus, "append", slow)
    settler = Settler(store, replace=False, clock=lambda: now)
    commits = []
    for place in range(100):
        settler.add(stage(shard(store, settler, [one(place, place % 3)], 0)))
        commits.append(settler.commits)
        now += 1.0
    # The first at once; each then waits twenty times as long as the last took.
    assert commits[0] == 1
    assert commits[39] == 1
    assert commits[-1] == 3
    settler.flush()
    assert store.inputs.count_rows() == 100


def test_what_it_remembers_of_commits_is_bounded_by_what_is_in_flight(store: Corpus) -> None:
    settler = Settler(store, replace=False, clock=lambda: 0.0)
    for place in range(30):
        settler.add(stage(shard(store, settler, [one(place, place % 5)], settler.commits)))
        assert len(settler._recent) <= 2


def test_inputs_are_read_a_bounded_number_of_bytes_at_a_time() -> None:
    sizes = [5 << 20] * 7 + [40 << 20] + [1] * 3_000
    inputs = tuple(one(place, 5)._replace(size=size) for place, size in enumerate(sizes))
    cut = list(batches(inputs))
    assert [this for batch in cut for this in batch] == list(inputs)
    assert all(len(batch) == 1 or sum(this.size for this in batch) <= 16 << 20 for batch in cut)
    assert max(len(batch) for batch in cut) == 1_024


def test_a_decoder_that_fails_in_an_unknown_way_costs_one_input(store: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(data: bytes, **_: Any) -> None:
        raise {40: KeyError, 80: MemoryError}.get(len(data) % 7, ZeroDivisionError)

    monkeypatch.setattr("compoundeye.corpus._stage.look", odd)
    settler = Settler(store, replace=False)
    settler.add(stage(shard(store, settler, [one(0, 0), one(1, 0), one(2, 1)], 0)))
    assert settler.account.reasons == Counter({"decoder error: ZeroDivisionError": 3})


def test_a_shard_that_kills_workers_is_halved_down_to_the_input_to_blame(store: Corpus) -> None:
    whole = shard(store, Settler(store, replace=False), [one(place, place % 3) for place in range(5)], 0)
    parts = [whole]
    while any(len(part.inputs) > 1 for part in parts):
        parts = [half for part in parts for half in (smaller(part) if len(part.inputs) > 1 else [part])]
    assert [part.inputs for part in parts] == [(this,) for this in whole.inputs]
    (not_looked_at,) = smaller(parts[0])
    (not_read,) = smaller(not_looked_at)
    assert smaller(not_read) == ()
    for part, read in ((not_looked_at, True), (not_read, False)):
        (row,) = stage(part).inputs.to_pylist()
        assert (row["outcome"], row["reason"]) == ("failed", CRASHED)
        assert (row["id"] is not None) == read
