"""What a worker remembers of ids answers as the corpus itself does, and only where that is cheaper."""

from __future__ import annotations

import random
from pathlib import Path

import lance
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compoundeye.corpus import _known_ids
from compoundeye.corpus._kept import let_go
from compoundeye.corpus._known_ids import known_ids
from compoundeye.corpus._schema import ID

SCHEMA = pa.schema([pa.field("id", ID, nullable=False)])


@pytest.fixture(autouse=True)
def _forget() -> object:
    yield
    let_go()


def identity(number: int) -> bytes:
    """Some share their first half, as by a chance that never comes."""
    return random.Random(number // 2 if number % 10 < 2 else number).randbytes(8) + b"%08d" % number


def add(path: Path, numbers: list[int]) -> lance.LanceDataset:
    table = pa.table([pa.array([identity(number) for number in numbers], ID)], SCHEMA)
    return lance.write_dataset(table, str(path), mode="append" if path.exists() else "create", schema=SCHEMA)


STEPS = st.lists(st.tuples(st.lists(st.integers(0, 300), max_size=60), st.lists(st.integers(0, 300), max_size=30)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_memory_answers_as_the_corpus_does(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[list[int], list[int]]]
) -> None:
    monkeypatch.setattr(_known_ids, "_ROWS_PER_QUESTION", 10**9)  # remember from the first question on
    path = tmp_path_factory.mktemp("known") / "d.lance"
    dataset = add(path, [])
    held = set[int]()
    for added, asked in steps:
        dataset = add(path, sorted(set(added) - held))
        held |= set(added)
        found = known_ids(dataset, [identity(number) for number in asked], "run")
        assert found == {identity(number) for number in asked if number in held}
    let_go()


def test_a_version_is_answered_for_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_known_ids, "_ROWS_PER_QUESTION", 10**9)
    before = add(tmp_path / "d.lance", [1, 2])
    after = add(tmp_path / "d.lance", [3])
    asked = [identity(number) for number in (1, 2, 3)]
    assert len(known_ids(after, asked, "run")) == 3
    assert known_ids(before, asked, "run") == set(asked[:2])
    after.delete(f"id = arrow_cast(X'{asked[0].hex()}', 'FixedSizeBinary(16)')")
    assert known_ids(after, asked, "run") == set(asked[1:])


def test_a_corpus_made_again_in_its_place_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_known_ids, "_ROWS_PER_QUESTION", 10**9)
    assert known_ids(add(tmp_path / "d.lance", [1]), [identity(1)], "first run")
    dataset = lance.write_dataset(
        pa.table([pa.array([identity(2)], ID)], SCHEMA), str(tmp_path / "d.lance"), mode="overwrite"
    )
    assert known_ids(dataset, [identity(1), identity(2)], "second run") == {identity(2)}


def test_ids_are_read_once_as_much_was_asked_as_reading_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = add(tmp_path / "d.lance", list(range(10_000)))
    read: list[int] = []
    original = _known_ids._Memory._catch_up

    def noted(memory: object, of: lance.LanceDataset) -> None:
        read.append(of.version)
        original(memory, of)  # type: ignore[arg-type]

    monkeypatch.setattr(_known_ids._Memory, "_catch_up", noted)
    for _ in range(3):
        known_ids(dataset, [identity(number) for number in range(12)], "run")
    assert read == []
    known_ids(dataset, [identity(number) for number in range(12)], "run")
    assert read == [dataset.version]
    monkeypatch.setattr(_known_ids, "MOST_ROWS", 9_999)
    assert len(known_ids(dataset, [identity(1), b"\0" * 16], "run")) == 1
    assert read == [dataset.version]
