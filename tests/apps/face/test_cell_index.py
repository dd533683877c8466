"""Cells find what looking at everything finds, or say what share of it."""

from __future__ import annotations

import numpy as np
import pytest
from template_samples import all_scores, best, directions

from compoundeye.apps.face import CellIndex, TemplateIndex
from compoundeye.records import EyeError

PEOPLE, FACES = 400, 20


@pytest.fixture(scope="module")
def people() -> np.ndarray:
    """Twenty faces each of four hundred people: cosine 0.6 within a person."""
    noise = np.random.default_rng(1).standard_normal((PEOPLE * FACES, 128)).astype(np.float32)
    vectors = np.repeat(directions(PEOPLE), FACES, axis=0) + np.sqrt((1 / 0.6 - 1) / 128) * noise
    return _unit(vectors)


@pytest.fixture(scope="module")
def probes(people: np.ndarray) -> np.ndarray:
    return _unit(people[::150] + 0.05 * np.random.default_rng(2).standard_normal(people[::150].shape))


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


@pytest.mark.parametrize("k", [1, 10, 300])
def test_looking_at_all_cells_is_the_exact_search(people: np.ndarray, probes: np.ndarray, k: int) -> None:
    index = CellIndex(people)
    scores, rows = index.search(probes, k, looked=index.cells)
    true_scores, true_rows = TemplateIndex(people).search(probes, k)
    assert (rows == true_rows).all()
    assert (scores == true_scores).all()


def test_equal_templates_come_in_the_order_of_rows() -> None:
    twice = np.tile(directions(300), (2, 1))
    index = CellIndex(twice, cells=8)
    assert (index.search(twice[:300], 2, looked=8)[1] == np.arange(300)[:, None] + [0, 300]).all()


@pytest.mark.parametrize("looked", [1, 8, 40])
def test_recall_is_that_of_multiplying_everything(people: np.ndarray, probes: np.ndarray, looked: int) -> None:
    index = CellIndex(people, cells=64)
    rows, true = index.search(probes, 10, looked=looked)[1], best(all_scores(people, probes), 10)
    found = [len(set(mine) & set(right)) for mine, right in zip(rows.tolist(), true.tolist(), strict=True)]
    recall = index.recall(probes, 10, looked=looked)
    assert recall.first == pytest.approx(np.mean([right[0] in mine for mine, right in zip(rows, true, strict=True)]))
    assert recall.within == pytest.approx(np.sum(found) / (10 * len(probes)))
    assert recall.missed == pytest.approx(np.mean(np.array(found) < 10))
    assert recall.probes == len(probes)


def test_more_cells_find_more_and_few_find_much_of_people(people: np.ndarray, probes: np.ndarray) -> None:
    index = CellIndex(people, cells=64)
    shares = [index.recall(probes, 10, looked=looked).within for looked in (1, 4, 16, 64)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    # Cells chosen at random would find a quarter.
    assert shares[2] > 0.9


def test_the_same_templates_give_the_same_answers(people: np.ndarray, probes: np.ndarray) -> None:
    first, second = (CellIndex(people).search(probes, 10, looked=8) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_added_later_or_at_once_all_are_there(people: np.ndarray, probes: np.ndarray) -> None:
    index = CellIndex(people[:3_000], cells=32)
    assert (index.add(people[3_000:]) == np.arange(3_000, len(people))).all()
    assert len(index) == len(people)
    assert (index.search(probes, 10, looked=32)[1] == best(all_scores(people, probes), 10)).all()
    found = index.search(people[5_000::7], 1, looked=2)
    assert (found[1][:, 0] == np.arange(5_000, len(people), 7)).all()  # in the cell where it is looked for first


def test_removed_rows_are_not_found_and_numbers_of_others_stay(people: np.ndarray, probes: np.ndarray) -> None:
    index = CellIndex(people, cells=16)
    gone = np.unique(index.search(probes, 5, looked=16)[1])
    index.remove(gone)
    true = all_scores(people, probes)
    true[:, gone] = -np.inf
    assert (index.search(probes, 10, looked=16)[1] == best(true, 10)).all()
    assert len(index) == len(people) - len(gone)
    for wrong in (gone[0], -1, len(people)):
        with pytest.raises(EyeError, match=f"Row {wrong} is not in this index of 8000 rows"):
            index.remove([gone[-1] + 1, wrong])
    assert len(index) == len(people) - len(gone)


def test_a_removed_template_is_in_no_array_any_more_nor_in_a_mean() -> None:
    templates = directions(2_000, seed=3)
    index = CellIndex(templates[:1_500], cells=8)
    before = [cell.templates for cell in index._cells]
    index.add(templates[1_500:])  # cells grow and are written anew elsewhere
    gone = np.r_[0:50, 1_990:2_000]
    index.remove(gone)
    held = b"".join(array.tobytes() for array in [*before, *(cell.templates for cell in index._cells)])
    assert not [row for row in gone if templates[row].tobytes() in held]
    assert templates[700].tobytes() in held
    # Each cell had some of them: its direction is the mean of those that stay.
    for cell, direction in zip(index._cells, index._directions, strict=True):
        own = templates[cell.rows[: cell.count]].sum(axis=0, dtype=np.float64)
        np.testing.assert_allclose(direction, own / np.linalg.norm(own), atol=1e-6)


def test_an_index_can_be_emptied_and_filled_again() -> None:
    templates = directions(100, seed=4)
    index = CellIndex(templates, cells=4)
    index.remove(np.arange(100))
    assert len(index) == index.cells == 0
    assert not index._directions.any()
    scores, rows = index.search(templates[:2], 3)
    assert (rows == -1).all()
    assert np.isneginf(scores).all()
    assert (index.add(templates) == np.arange(100, 200)).all()
    assert (index.search(templates, 1)[1][:, 0] == np.arange(100, 200)).all()


def test_few_templates_leave_places_empty() -> None:
    index = CellIndex(directions(3), cells=2)
    rows = index.search(directions(2, seed=5), 5, looked=2)[1]
    assert (np.sort(rows[:, :3], axis=1) == [0, 1, 2]).all()
    assert (rows[:, 3:] == -1).all()
    assert index.recall(directions(2, seed=5), 5, looked=2).within == 1


def test_memory_is_what_it_says(people: np.ndarray) -> None:
    index = CellIndex(people, cells=64)
    assert index.bytes == len(people) * (512 + 8 + 4 + 4) + 64 * 512


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: CellIndex(directions(1)[:0]), "one or more"),
        (lambda: CellIndex(directions(3), cells=4), "3 templates cannot lie in 4 cells"),
        (lambda: CellIndex(directions(3) * 2), "length 1"),
        (lambda: CellIndex(directions(3)).add(directions(2, 64)), r"\[2, 64\]"),
        (lambda: CellIndex(directions(3)).search(directions(1), 0), "k = 0"),
        (lambda: CellIndex(directions(3)).search(directions(1), 1, looked=0), "of 0 cells"),
        (lambda: CellIndex(directions(3)).recall(directions(1)[:0], 1), "Recall needs probes"),
    ],
    ids=["none", "too many cells", "not normalised", "another model's", "no candidates", "no cells", "no probes"],
)
def test_what_cannot_be_done_is_refused(make: object, said: str) -> None:
    assert callable(make)
    with pytest.raises(EyeError, match=said):
        make()
