"""A search finds what multiplying everything finds, whatever is added and removed."""

from __future__ import annotations

import numpy as np
import pytest
from template_samples import all_scores, best, directions

from compoundeye.apps.face import TemplateIndex
from compoundeye.apps.face import _search as search_module
from compoundeye.apps.face._candidates import Candidates
from compoundeye.models import UnprovenError, rounded
from compoundeye.records import EyeError

BLOCK = search_module.BLOCK


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    """Two full blocks, kept as bytes, and a part of a third."""
    return directions(2 * BLOCK + 1_000)


@pytest.mark.parametrize("k", [1, 10, 300])
def test_the_best_are_those_of_multiplying_everything(many: np.ndarray, k: int) -> None:
    probes = directions(search_module.PROBES + 7, seed=1)  # two readings
    scores, rows = TemplateIndex(many).search(probes, k)
    true = all_scores(many, probes)
    assert (rows == best(true, k)).all()
    np.testing.assert_allclose(scores, np.take_along_axis(true, rows, 1), atol=1e-7)


def test_templates_closer_than_bytes_can_tell_are_told_apart(many: np.ndarray) -> None:
    middle = many[7]
    near = middle + np.linspace(1e-5, 4e-3, 500, dtype=np.float32)[:, None] * directions(500, seed=2)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    crowded = many.copy()
    places = np.random.default_rng(3).choice(len(many), 500, replace=False)
    crowded[places] = near
    _, rows = TemplateIndex(crowded).search(middle[None], 20)
    assert (rows == best(all_scores(crowded, middle[None]), 20)).all()


def test_equal_templates_come_in_their_order_even_when_all_are_equal() -> None:
    same = np.repeat(directions(1), BLOCK + 10, axis=0)
    scores, rows = TemplateIndex(same).search(directions(3, seed=4), 5)
    assert (rows == np.arange(5)).all()
    assert (scores == scores[:, :1]).all()


def test_a_crowd_of_ties_is_settled_early_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compoundeye.apps.face._candidates._SETTLE_FROM", 100)
    rng = np.random.default_rng(5)
    true = np.round(rng.random((4, 5_000)), 2)
    candidates = Candidates(4, 30, lambda probe, row: true[probe, row])
    for at in range(0, 5_000, 500):
        noise = rng.uniform(-0.049, 0.049, (4, 500))
        candidates.offer((true[:, at : at + 500] + noise).astype(np.float32), np.full(4, 0.05), at)
    scores, rows = candidates.best()
    assert (rows == best(true, 30)).all()
    np.testing.assert_allclose(scores, np.take_along_axis(true, rows, 1).astype(np.float32))


def test_rows_added_later_and_across_blocks_are_found_by_their_numbers(many: np.ndarray) -> None:
    index = TemplateIndex()
    numbers = [index.add(many[at : at + 50_000]) for at in range(0, len(many), 50_000)]
    assert (np.concatenate(numbers) == np.arange(len(many))).all()
    some = np.array([0, 49_999, BLOCK - 1, BLOCK, 2 * BLOCK, len(many) - 1])
    assert (index.search(many[some], 1)[1][:, 0] == some).all()


def test_removed_rows_are_not_found_and_numbers_of_others_stay(many: np.ndarray) -> None:
    index, probes = TemplateIndex(many), directions(8, seed=6)
    gone = np.unique(index.search(probes, 10)[1])
    index.remove(gone)
    true = all_scores(many, probes)
    true[:, gone] = -np.inf
    assert (index.search(probes, 10)[1] == best(true, 10)).all()
    assert len(index) == len(many) - len(gone)
    assert index.add(many[gone[:1]])[0] == len(many)
    assert index.search(many[gone[:1]], 1)[1][0, 0] == len(many)


def test_a_removed_template_is_in_no_array_any_more() -> None:
    templates = directions(BLOCK + 10, seed=7)
    index = TemplateIndex(templates)
    wanted = [templates[5].tobytes(), templates[BLOCK + 5].tobytes()]
    holding = [block for block in index._blocks if block and any(mark in block.templates.tobytes() for mark in wanted)]
    assert len(holding) == 2
    index.remove([5, BLOCK + 5])
    assert not [block for block in holding if any(mark in block.templates.tobytes() for mark in wanted)]
    # Of its bytes nothing is left either: they score 0 with what they were made of.
    assert holding[0]._rows is not None
    assert holding[0]._rows.products(rounded(templates[5:6]))[0, 5] == 0


def test_a_block_of_which_all_are_removed_takes_no_memory(many: np.ndarray) -> None:
    index = TemplateIndex(many)
    before = index.bytes
    index.remove(np.arange(BLOCK))
    assert before - index.bytes >= BLOCK * 128 * 5
    assert index.search(many[:1], 1)[1][0, 0] >= BLOCK
    with pytest.raises(EyeError, match="Row 3 is not in this index"):
        index.remove([3])


def test_few_templates_leave_places_empty() -> None:
    index = TemplateIndex(directions(3))
    index.remove([1])
    scores, rows = index.search(directions(2, seed=8), 4)
    assert (np.sort(rows[:, :2], axis=1) == [0, 2]).all()
    assert (rows[:, 2:] == -1).all()
    assert np.isneginf(scores[:, 2:]).all()


def test_nothing_enrolled_and_nobody_looked_for() -> None:
    empty = TemplateIndex()
    assert (empty.search(directions(1), 2)[1] == -1).all()
    assert empty.search(directions(1)[:0], 2)[0].shape == (0, 2)
    assert len(empty) == empty.bytes == 0


def test_memory_is_what_it_says(many: np.ndarray) -> None:
    assert TemplateIndex(many[:BLOCK]).bytes == BLOCK * (512 + 1 + 132)


def test_where_the_bound_does_not_hold_the_search_is_plain_and_exact(
    many: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnprovenError("as on a processor that rounds probes")

    monkeypatch.setattr(search_module, "ByteRows", refuse)
    index, probes = TemplateIndex(many), directions(3, seed=9)
    assert (index.search(probes, 10)[1] == best(all_scores(many, probes), 10)).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.ones((2, 128), np.float32), "length 1; number 0 has 11.3"),
        (np.full((2, 128), np.nan, np.float32), "length 1; number 0 has nan"),
        (directions(2, 64), r"\[2, 64\]; this index takes \[count, 128\]"),
        (directions(2)[0], r"\[128\]"),
    ],
    ids=["not normalised", "not a number", "another model's", "one vector"],
)
def test_what_cannot_be_compared_is_refused(wrong: np.ndarray, said: str) -> None:
    index = TemplateIndex(directions(3))
    with pytest.raises(EyeError, match=said):
        index.add(wrong)
    with pytest.raises(EyeError, match=said):
        index.search(wrong, 1)


def test_no_candidates_cannot_be_asked_for() -> None:
    with pytest.raises(EyeError, match="k = 0"):
        TemplateIndex(directions(3)).search(directions(1), 0)
