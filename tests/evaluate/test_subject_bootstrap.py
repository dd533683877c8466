"""Intervals over people: against plain resampling, and against what happens when the study is repeated."""

from __future__ import annotations

import math

import numpy as np
import pytest

from compoundeye.evaluate import Searches, SubjectBootstrap, Verification, fnir_at_fpir, searched


def study(people: int, pictures: int, seed: int, *, spread: float = 0.5) -> tuple[np.ndarray, ...]:
    """All comparisons of some people's pictures, where some people are hard to tell and some easy."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(0, spread, people)
    who = np.repeat(np.arange(people), pictures)
    first, second = np.triu_indices(len(who), 1)
    a, b = who[first], who[second]
    scores = np.where(a == b, 1.5 + ease[a], (ease[a] + ease[b]) / 2) + rng.normal(0, 0.5, len(first))
    return scores, a == b, a, b


def test_draws_are_what_repeating_rows_gives() -> None:
    scores, same, a, b = study(8, 3, 0)
    scores[5] = math.nan
    boot = SubjectBootstrap(scores, same, a, b, resamples=40, seed=7)
    fmr, fnmr = boot.at_threshold(0.6)
    (at,) = boot.fnmr_at_fmr([0.05])
    rng, seen = np.random.default_rng(7), []
    for _ in range(40):
        times = np.bincount(rng.integers(0, 8, 8), minlength=8)
        weight = np.where(same, times[a], times[a] * times[b])
        drawn = Verification.of(np.repeat(scores, weight), np.repeat(same, weight))
        seen.append((drawn.fmr(0.6), drawn.fnmr(0.6), drawn.fnmr(drawn.threshold_at(0.05))))
    expected = np.quantile(np.array(seen), [0.025, 0.975], axis=0)
    assert [(one.low, one.high) for one in (fmr, fnmr, at)] == [pytest.approx(tuple(e)) for e in expected.T]


def test_interval_holds_the_true_rate_about_as_often_as_it_says() -> None:
    every = study(400, 4, 999)
    truth = Verification.of(every[0], every[1]).fnmr(1.0)
    held = {"people": 0, "comparisons": 0}
    for seed in range(60):
        scores, same, a, b = study(40, 4, seed)
        _, fnmr = SubjectBootstrap(scores, same, a, b, resamples=200).at_threshold(1.0, 0.9)
        held["people"] += fnmr.low <= truth <= fnmr.high
        rate = float((scores[same] < 1.0).mean())
        wide = 1.645 * math.sqrt(rate * (1 - rate) / same.sum())  # as if comparisons were independent
        held["comparisons"] += abs(rate - truth) <= wide
    assert held["people"] >= 47  # 54 expected
    assert held["comparisons"] < held["people"] - 5


def test_the_same_seed_gives_the_same_interval() -> None:
    one, two = (SubjectBootstrap(*study(10, 3, 1), resamples=50, seed=4).at_threshold(0.9) for _ in range(2))
    assert one == two


@pytest.mark.parametrize("without_mate", [False, True])
def test_searches_are_drawn_by_people_as_repeating_them_gives(without_mate: bool) -> None:
    rng = np.random.default_rng(3)
    people = np.repeat(np.arange(12), 3)
    gallery = np.arange(7)
    scores = rng.normal(size=(36, 7)) + 1.5 * (people[:, None] == gallery)
    scores[4] = math.nan
    found = searched(scores, people, gallery)
    (interval,) = fnir_at_fpir(found, people, [0.1], without_mate=without_mate, resamples=60, seed=5)
    rng, seen = np.random.default_rng(5), []
    for _ in range(60):
        times = np.bincount(rng.integers(0, 12, 12), minlength=12)
        drawn = found[np.repeat(np.arange(36), times[people])]
        seen.append(drawn.fnir(drawn.threshold_at(0.1, without_mate=without_mate)))
    assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(seen, [0.025, 0.975])))


def test_no_search_says_nothing() -> None:
    (interval,) = fnir_at_fpir(Searches.joined([]), np.empty(0, int), [0.1])
    assert math.isnan(interval.low)
    with pytest.raises(ValueError, match="for each of 0 searches"):
        fnir_at_fpir(Searches.joined([]), np.zeros(2, int), [0.1])


def test_nothing_to_draw_from_is_not_a_number() -> None:
    none = np.empty(0, int)
    boot = SubjectBootstrap(np.empty(0), none.astype(bool), none, none)
    assert all(math.isnan(one.low) and math.isnan(one.high) for one in boot.at_threshold(0.5))
    only = SubjectBootstrap(np.array([0.5, 0.6]), np.array([True, True]), np.array([0, 1]), np.array([0, 1]))
    fmr, fnmr = only.at_threshold(0.55)
    assert math.isnan(fmr.low)
    assert 0 <= fnmr.low <= fnmr.high <= 1
    assert math.isnan(only.fnmr_at_fmr([0.1])[0].low)
    assert only.fnmr_at_fmr([]) == []


def test_a_mated_comparison_of_two_people_is_refused() -> None:
    with pytest.raises(ValueError, match="mated exactly where"):
        SubjectBootstrap(np.array([0.5]), np.array([True]), np.array([0]), np.array([1]))
    with pytest.raises(ValueError, match="confidence"):
        SubjectBootstrap(*study(3, 2, 0)).at_threshold(0.5, 1.0)
    with pytest.raises(ValueError, match="four arrays"):
        SubjectBootstrap(np.zeros(2), np.array([True]), np.array([0]), np.array([0]))
