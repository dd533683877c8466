"""Open-set search against looking at every candidate one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score

from compoundeye.evaluate import NO_RANK, NO_SCORE, Searches, searched


def candidates(scores: np.ndarray, gallery: np.ndarray) -> list[tuple[float, int]]:
    """(score, person) of one search, the best first; who cannot be compared is not there."""
    best = dict[int, float]()
    for score, person in zip(scores, gallery, strict=True):
        if not math.isnan(score):
            best[int(person)] = max(best.get(int(person), -9.0), float(score))
    return sorted(((score, person) for person, score in best.items()), reverse=True)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 10), st.sampled_from([0.0, 0.2, 0.5]),
    st.sampled_from([None, 1, 2, 5]),
)  # fmt: skip
def test_every_search_is_judged_as_by_hand(
    seed: int, probes: int, entries: int, threshold: float, rank: int | None
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.choice([0.0, 0.1, 0.2, 0.3, 0.5, 0.9, math.nan], (probes, entries))
    who, gallery = rng.integers(0, 6, probes), rng.integers(0, 6, entries)
    found = searched(scores, who, gallery)
    missed = alarms = alarms_without = 0
    for row, person in zip(scores, who, strict=True):
        listed = candidates(row, gallery)
        others = [score for score, other in listed if other != person]
        alarms_without += any(score >= threshold for score in others)
        if person in gallery:
            own = [score for score, other in listed if other == person]
            ahead = sum(score >= own[0] for score in others) if own else 0
            missed += not (own and own[0] >= threshold and (rank is None or ahead < rank))
        else:
            alarms += any(score >= threshold for score, _ in listed)
    assert found.missed(threshold, rank) == missed
    assert found.alarms(threshold) == alarms
    assert found.alarms(threshold, without_mate=True) == alarms_without


def test_ranks_equal_scikit_learns_top_k() -> None:
    rng = np.random.default_rng(0)
    scores, who = rng.normal(size=(300, 20)), rng.integers(0, 20, 300)
    scores[np.arange(300), who] += 1.5
    curve = searched(scores, who, np.arange(20)).cmc(20)
    for k in (1, 2, 5, 10):
        assert curve[k - 1] == pytest.approx(top_k_accuracy_score(who, scores, k=k, labels=np.arange(20)))
    assert curve[-1] == 1


def test_blocks_of_searches_join_to_the_whole() -> None:
    rng = np.random.default_rng(1)
    scores, who, gallery = rng.normal(size=(50, 8)), rng.integers(0, 10, 50), rng.integers(0, 10, 8)
    whole = searched(scores, who, gallery)
    parts = Searches.joined([searched(scores[at : at + 7], who[at : at + 7], gallery) for at in range(0, 50, 7)])
    for name in ("mate", "rank", "other", "mated"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    assert len(whole[whole.mated]) == whole.mated.sum()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), st.booleans())
def test_no_lower_threshold_keeps_the_rate(seed: int, rate: float, without: bool) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.choice([0.0, 0.1, 0.2, 0.5, 0.9, math.nan], (20, 4))
    found = searched(scores, rng.integers(0, 8, 20), np.arange(4))
    threshold = found.threshold_at(rate, without_mate=without)
    assert found.fpir(threshold, without_mate=without) <= rate + 1e-12
    for lower in (0.0, 0.1, 0.2, 0.5, 0.9):
        if lower < threshold and found.alarms(lower, without_mate=without) > found.alarms(
            threshold, without_mate=without
        ):
            assert found.fpir(lower, without_mate=without) > rate


def test_three_alarms_in_a_thousand_searches_are_fpir_0003() -> None:
    rng = np.random.default_rng(2)
    found = searched(rng.random((1000, 30)), np.full(1000, 99), np.arange(30))
    assert found.alarms(found.threshold_at(0.003)) == 3


def test_a_watch_list_that_could_not_enrol_everybody() -> None:
    # Person 0 is enrolled; person 1 was to be, but her picture had no face; person 2 is a stranger.
    scores = np.array([[0.8, math.nan], [0.3, math.nan], [0.6, math.nan], [math.nan, math.nan]])
    found = searched(scores, np.array([0, 1, 2, 2]), np.array([0, 1]))
    assert found.mated.tolist() == [True, True, False, False]
    assert found.rank.tolist() == [1, NO_RANK, NO_RANK, NO_RANK]
    assert found.fnir(0.5) == 0.5
    assert found.fnir() == 0.5  # even without a threshold she is not found
    assert found.fpir(0.5) == 0.5  # the stranger's second picture had no face: nobody was returned
    assert found.fpir(NO_SCORE) == 0.5


def test_ties_earn_nothing() -> None:
    found = searched(np.full((1, 5), 0.7), np.array([2]), np.arange(5))
    assert found.rank[0] == 5
    assert found.fnir(rank=4) == 1
    assert found.fnir(rank=5) == 0


def test_what_was_not_searched_is_not_a_number() -> None:
    empty = Searches.joined([])
    assert all(math.isnan(value) for value in (empty.fnir(0.5), empty.fpir(0.5), empty.threshold_at(0.1)))
    nobody = searched(np.empty((2, 0)), np.array([0, 1]), np.empty(0, int))
    assert nobody.fpir(0.0) == 0
    assert math.isnan(nobody.fnir())


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[P, G\]"):
        searched(np.zeros((2, 3)), np.zeros(2, int), np.zeros(2, int))
    with pytest.raises(ValueError, match="0 to 1"):
        Searches.joined([]).threshold_at(-0.1)
