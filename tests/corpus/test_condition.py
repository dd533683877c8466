"""Conditions: what is found, and what is said of those that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from compoundeye.corpus import Corpus, CorpusError
from compoundeye.corpus._condition import check, condition, period

TAKEN = [datetime(2023, 12, 31, 23, 59, 59), datetime(2024, 1, 1), datetime(2024, 5, 17, 9, 30), None]


@pytest.fixture
def store(write_rows: Callable[..., Corpus], tmp_path: Path) -> Corpus:
    return write_rows(
        tmp_path / "c",
        4,
        source=["Red/O'Hara.jpg", "b.jpg", "c.jpg", "d.tar/red 100%.jpg"],
        taken_at=TAKEN,
        width=[100, 200, 300, 400],
        height=[400, 300, 200, 100],
        camera=[None, "Canon EOS", None, None],
        caption=[None, "a RED car", "ein Ärmelkanal", None],
        metadata=[None, None, '{"place":"harbour"}', None],
        category=["tabby", "Egyptian cat", None, "tripod"],
        category_by=["efficientnet-lite0/1 sha256:00"] * 4,
        label=[None, None, "domestic cat", "dog"],
    )


def found(store: Corpus, **asked: object) -> list[int]:
    sql = condition(store, **asked).sql  # type: ignore[arg-type]
    return [int(width) // 100 for width in store.dataset.to_table(columns=["width"], filter=sql)["width"].to_pylist()]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [1, 2, 3, 4]),
        ({"text": "red"}, [1, 2, 4]),
        ({"text": "RED car"}, [2]),
        ({"text": "o'hara"}, [1]),
        ({"text": "100%"}, [4]),
        ({"text": "ärmel"}, [3]),
        ({"text": "canon"}, [2]),
        ({"text": "harbour"}, [3]),
        ({"text": "harbour red"}, []),
        ({"since": "2024"}, [2, 3]),
        ({"until": "2023"}, [1]),
        ({"since": "2024-01", "until": "2024-01"}, [2]),
        ({"since": "2024-05-17", "until": "2024-05-17"}, [3]),
        ({"since": datetime(2024, 5, 17, 9, 30)}, [3]),
        ({"until": "2024-05-17T09:29"}, [1, 2]),
        ({"since": date(2024, 1, 2)}, [3]),
        ({"min_size": 200}, [2, 3]),
        ({"category": "tabby"}, [1]),
        ({"category": "TABBY"}, [1]),
        ({"category": ["tabby", "dog"]}, [1, 4]),
        ({"where": "width > 100 OR height > 300"}, [1, 2, 3, 4]),
        ({"where": "width > 300 OR width < 200", "min_size": 100, "text": "tar"}, [4]),
    ],
    ids=str,
)
def test_each_part_narrows(store: Corpus, asked: dict[str, object], numbers: list[int]) -> None:
    assert found(store, **asked) == numbers


def test_a_broad_category_holds_what_is_below_it_and_a_person_counts_before_the_model(store: Corpus) -> None:
    # Two cats by the model, one by a person; the tripod is a dog to a person.
    assert found(store, category="cat") == [1, 2, 3]
    assert found(store, category="tripod") == []
    assert found(store, category="dog") == [4]


def test_what_fits_is_told_in_words(store: Corpus) -> None:
    asked = condition(store, where=" width > 1 ", category=["a", "b"], since="2024", min_size=9, text="Red  Car")
    assert asked.why == ("width > 1", "category is a or b", "taken since 2024", "both sides at least 9 pixels")
    assert asked.words == ("red", "car")


def test_without_categories_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has no kind yet; run `eye categorise"):
        condition(Corpus.create(tmp_path / "c"), category="cat", name="kind")


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("colour = 'x'", "has no column colour; its columns are id, image, .*"),
        ("camera = canon", "has no column canon .as a value, write 'canon'.; its columns"),
        ("width >", "cannot use the condition 'width >': Expected: an expression, found: EOF; write SQL such as"),
        ("width", "does not return a boolean"),
        ("width = 'abc'", "could not convert to literal of type 'Int32'"),
        ("foo(width) > 1", "Invalid function 'foo'"),
        ("taken_at > '2020-01-01'", "write a time as timestamp"),
        ("", "cannot use the condition ''"),
        ("width > 1) OR (width < 9", "cannot use the condition"),
        ("width > 1; DROP TABLE x", "cannot use the condition"),
        ("width > 1 -- and more", "cannot use the condition"),
        ("width > (SELECT 1)", "not supported"),
    ],
)
def test_a_condition_that_cannot_be_is_one_sentence(store: Corpus, where: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        check(store, where)
    assert "\n" not in str(caught.value)
    assert ".rs:" not in str(caught.value)


def test_brackets_in_text_are_no_brackets(store: Corpus) -> None:
    check(store, "caption = ':-) ((' OR caption = 'it''s)'")


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2024", datetime(2024, 1, 1), datetime(2025, 1, 1)),
        ("2024-12", datetime(2024, 12, 1), datetime(2025, 1, 1)),
        ("2024-2", datetime(2024, 2, 1), datetime(2024, 3, 1)),
        ("2024-02-29", datetime(2024, 2, 29), datetime(2024, 3, 1)),
        ("2024-05-17 09:30", datetime(2024, 5, 17, 9, 30), datetime(2024, 5, 17, 9, 30, 0, 1)),
        ("2024-05-17T09:30:00+02:00", datetime(2024, 5, 17, 9, 30), datetime(2024, 5, 17, 9, 30, 0, 1)),
    ],
)
def test_a_date_is_the_time_it_spans(text: str, first: datetime, after: datetime) -> None:
    assert period(text) == (first, after)


@pytest.mark.parametrize("text", ["yesterday", "2024-13", "2023-02-29", "", "9999999", "10000"])
def test_no_date_is_said(text: str) -> None:
    with pytest.raises(CorpusError, match="is no date; write it as 2024"):
        period(text)
