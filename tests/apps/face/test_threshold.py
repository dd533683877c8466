"""Thresholds meet their target on people never seen, as often as their interval says, and say when data are too few.

Directions on a sphere stand for faces: the law of their scores is known (a beta distribution), so the truth is too.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import beta
from template_samples import directions

from compoundeye.apps.face import Target, impostors, threshold
from compoundeye.apps.face import _impostors as impostors_module
from compoundeye.apps.face._threshold import TOLD_APART
from compoundeye.models import rounding
from compoundeye.records import EyeError


def true_threshold(rate: float, dimension: int = 128) -> float:
    """P(cosine of two uniform directions >= t) = rate: (1 + cosine) / 2 is Beta((d - 1) / 2, (d - 1) / 2)."""
    shape = (dimension - 1) / 2
    return float(2 * beta(shape, shape).isf(rate) - 1)


@pytest.mark.parametrize("rate", [0.01, 0.001, 0.0001])
def test_the_interval_holds_the_true_threshold_about_as_often_as_it_says(rate: float) -> None:
    held = 0
    for seed in range(20):
        found = threshold(Target(fmr=rate), impostors(directions(600, seed=seed), np.arange(600)))
        held += found.low <= true_threshold(rate) <= found.high
        assert found.low <= found.value <= found.high
    assert held >= 16  # of a 95 % interval, fewer in 20 happen once in 40,000


def test_where_pairs_are_too_few_the_tail_errs_to_the_safe_side_and_says_so() -> None:
    above = 0
    for seed in range(20):
        found = threshold(Target(fmr=1e-6), impostors(directions(300, seed=seed), np.arange(300)))
        assert found.extrapolated
        assert found.warning is not None
        assert "44,850 pairs" in found.warning
        assert "30,000,000 pairs" in found.warning
        assert found.high >= true_threshold(1e-6)
        above += found.value >= true_threshold(1e-6)
    assert above >= 12


def test_counting_allows_as_many_errors_as_the_target_and_no_more() -> None:
    people = np.arange(200)
    templates = directions(200, seed=3)
    scores = np.array([float(templates[a] @ templates[b]) for a, b in itertools.combinations(people, 2)])
    found = threshold(Target(fmr=0.005), impostors(templates, people))
    allowed = int(0.005 * len(scores))
    assert (scores >= found.value).sum() == found.seen <= allowed
    assert (scores >= found.value - 2 * TOLD_APART).sum() > allowed  # a lower threshold would not do
    assert not found.extrapolated
    assert found.impostors == 200 * 199 // 2


def test_pairs_of_one_person_and_of_unknown_people_are_no_impostors() -> None:
    templates = directions(300, seed=4)
    people = np.arange(300) // 3
    twins = np.concatenate([templates, templates, directions(40, seed=5)])
    who = np.concatenate([people, people, np.full(40, -1)])
    found = impostors(twins, who)
    assert found.pairs == (600**2 - 100 * 6**2) // 2
    assert found.people == 100
    assert (found.first != found.second).all()
    assert found.scores.max() < 0.6


def test_what_is_kept_are_the_highest_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impostors_module, "_KEPT", 500)
    monkeypatch.setattr(impostors_module, "_ROWS", 37)
    templates, people = directions(200, seed=6), np.arange(200) // 2
    found = impostors(templates, people)
    every = [
        float(templates[a] @ templates[b]) for a, b in itertools.combinations(range(200), 2) if people[a] != people[b]
    ]
    np.testing.assert_allclose(found.scores, np.sort(every)[::-1][: len(found.scores)], atol=1e-6)
    assert len(found.scores) == 500
    assert found.pairs == len(every)


def test_of_very_many_faces_some_are_drawn_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impostors_module, "MAX_FACES", 100)
    templates = directions(300, seed=7)
    once, again = (impostors(templates, np.arange(300)) for _ in range(2))
    assert once.pairs == 100 * 99 // 2
    assert (once.scores == again.scores).all()


def test_a_few_people_with_many_faces_do_not_make_it_sure() -> None:
    rng = np.random.default_rng(8)
    centres = directions(12, seed=9)
    faces = np.repeat(centres, 60, axis=0) + 0.03 * rng.standard_normal((720, 128)).astype(np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    found = threshold(Target(fmr=0.001), impostors(faces, np.arange(720) // 60))
    as_if = threshold(Target(fmr=0.001), impostors(directions(720, seed=9), np.arange(720)))
    assert found.high - found.low > 3 * (as_if.high - as_if.low)
    assert found.warning is not None
    assert "12 people only" in found.warning


def test_a_search_among_many_needs_a_higher_threshold_and_one_among_one_the_same() -> None:
    scores = impostors(directions(500, seed=10), np.arange(500))
    one = threshold(Target(fpir=0.003, enrolled=1), scores)
    assert one.value == threshold(Target(fmr=0.003), scores).value
    assert threshold(Target(fpir=0.003, enrolled=100), scores).value > one.value


def test_searches_of_strangers_return_somebody_as_often_as_the_target_says() -> None:
    enrolled, strangers = directions(200, seed=11), directions(4_000, seed=12)
    target = Target(fpir=0.05, enrolled=200)
    value = threshold(target, impostors(directions(1_000, seed=13), np.arange(1_000))).value
    share = ((strangers @ enrolled.T).max(axis=1) >= value).mean()
    assert 0.03 < share < 0.075


def test_the_rate_of_one_comparison_is_that_of_the_search_shared_among_all() -> None:
    assert 1 - (1 - Target(fpir=0.003, enrolled=10_000).rate) ** 10_000 == pytest.approx(0.003, rel=1e-6)


def test_enough_data_are_not_warned_of() -> None:
    assert threshold(Target(fmr=0.001), impostors(directions(300, seed=14), np.arange(300))).warning is None


def test_two_people_are_the_least_and_a_threshold_of_them_is_all_warning() -> None:
    found = threshold(Target(fmr=0.001), impostors(directions(2), np.array([4, 9])))
    assert found.extrapolated
    assert found.warning is not None
    assert "2 people only" in found.warning
    with pytest.raises(EyeError, match="two people with faces; here are 1"):
        impostors(directions(3), np.array([1, 1, -1]))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({}, "one target"),
        ({"fmr": 0.001, "fpir": 0.001, "enrolled": 2}, "one target"),
        ({"fpir": 0.001}, "needs the number"),
        ({"fmr": 0.001, "enrolled": 4}, "needs the number"),
        ({"fpir": 0.001, "enrolled": 0}, "one or more"),
        ({"fpir": 1.0, "enrolled": 10}, "between 0 and 1, not 1.0"),
        ({"fmr": 0.0}, "rate of 0 is not in"),
        ({"fmr": 0.5}, "rate of 0.5 is not in"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_target_that_makes_no_sense_is_refused(target: dict[str, float], said: str) -> None:
    with pytest.raises(EyeError, match=said):
        Target(**target)  # type: ignore[arg-type]


def test_people_have_to_be_said_for_each_face() -> None:
    with pytest.raises(EyeError, match="one for each"):
        impostors(directions(3), np.array([1, 2]))


def test_thresholds_are_apart_from_scores_by_more_than_rounding() -> None:
    assert 2 * rounding(128) > TOLD_APART > rounding(128)
