"""Room and fragments of a corpus."""

from __future__ import annotations

import pytest

from compoundeye.capacity import documented_rates
from compoundeye.capacity._storage import fragments_of, storage, storage_terms
from compoundeye.corpus._ingest import cut

RATES = documented_rates()


@pytest.mark.parametrize("size", [100, 50_000, 3_000_000])
@pytest.mark.parametrize("rows", [1, 700, 1_500, 30_000, 400_000])
def test_fragments_are_about_as_many_as_ingest_makes(rows: int, size: int) -> None:
    class Input:
        def __init__(self) -> None:
            self.size = size

    made = sum(1 for _ in cut([Input()] * rows, 0))  # type: ignore[list-item]
    assert fragments_of(rows, size) == pytest.approx(made, rel=0.05, abs=1)


def test_more_rows_are_never_fewer_fragments() -> None:
    counts = [fragments_of(rows, 50_000.0) for rows in range(1, 200_000, 997)]
    assert counts == sorted(counts)


def test_room_is_what_each_kind_takes() -> None:
    found = storage(1_000, 200_000.0, RATES, RATES.models[0])
    assert found["originals"] == 1_000 * 200_000
    assert found["thumbnails"] == 1_000 * RATES.thumbnail_bytes
    assert found["embeddings"] == 1_000 * 2 * 1_280
    assert found["index"] == 1_000 * (1_280 / 8 + 16)
    small = storage(1_000, 2_000.0, RATES, RATES.models[0])
    assert small["thumbnails"] == 1_000 * 2_000  # no thumbnail is larger than its picture


def test_each_figure_has_a_source() -> None:
    terms = storage_terms(50_000.0, RATES, RATES.models[0])
    assert {term.key.rpartition(".")[2] for term in terms} == {
        "thumbnail",
        "row",
        "result",
        "embedding",
        "code",
        "fragment",
    }
    assert all(term.source for term in terms)
