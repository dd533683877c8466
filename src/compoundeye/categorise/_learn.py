"""From examples of each category to a rule: the better of two classifiers, calibrated and tested out of fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.categorise._calibrate import (
    Calibration,
    Quality,
    cross_fitted,
    fit,
    fit_temperature,
    log_loss,
    smoothed_log_loss,
)
from compoundeye.categorise._neighbours import Neighbours, fit_guard, nearness
from compoundeye.categorise._probe import Probe, fit_probe
from compoundeye.categorise._promise import Promise, choose
from compoundeye.categorise._rules import ByExamples, centred, unit
from compoundeye.records import EyeError

Floats = npt.NDArray[np.floating[Any]]
Float32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

FEWEST = 3
"""Examples of a category: fewer leave one to learn from when one is held out."""

FOLDS = 5
PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
NEIGHBOURS = (1, 3, 5, 10)

MOST_FOR_NEIGHBOURS = 4096
"""Comparing a picture with more examples than this would cost more than looking at it."""


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A rule and what is known of it."""

    rule: ByExamples
    classifier: str
    """"linear probe" or "nearest neighbours", with its setting."""
    quality: Quality
    promise: Promise


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A classifier's answers to every example while it was held out."""

    name: str
    setting: float
    logits: Float32
    loss: float
    """Log-loss at its best temperature: what is compared, since every candidate will be calibrated."""
    accuracy: float


def learn(embedding: Floats, labels: Sequence[str], precision: float | None) -> Learnt:
    """Learn categories from examples.

    Every score that the choice of classifier, calibration and thresholds rests on is of an example that was held out:
    stratified 5-fold cross-validation, fewer folds where a category has fewer examples.

    Args:
        embedding: [E, D] as kept in the corpus; in an order that does not depend on how they were found.
        labels: [E] names.
        precision: asked for, or None.

    Raises:
        EyeError: fewer than two categories, or fewer than three examples of one.
    """
    names = tuple(sorted(set(labels)))
    truth = np.array([names.index(label) for label in labels], np.int64)
    _check(names, np.bincount(truth, minlength=len(names)))
    features = unit(embedding)
    fold = folds(truth)
    held = list(_held_out(features, fold))
    best = min(_candidates(held, truth, len(names)), key=lambda one: (one.loss, -one.accuracy))
    calibration = fit(best.logits, truth)
    quality = cross_fitted(best.logits, truth, fold)
    score, predicted = _scores(best, calibration, held)
    thresholds = choose(score, predicted, truth, len(names), precision)
    centre = np.asarray(features.mean(axis=0))
    seen = centred(features, centre)
    classifier: Probe | Neighbours
    if best.name == "linear probe":
        classifier = fit_probe(seen, truth, len(names), best.setting)
    else:
        classifier = Neighbours(seen, truth.astype(np.int32), len(names), int(best.setting))
    guard = fit_guard(seen[_spread(truth, MOST_FOR_NEIGHBOURS)])
    rule = ByExamples(names, centre, classifier, calibration, guard, thresholds.values)
    setting = "penalty" if best.name == "linear probe" else "k ="
    return Learnt(rule, f"{best.name} ({setting} {best.setting:g})", quality, thresholds.promise)


def folds(truth: Ints) -> Ints:
    """[E] the fold that holds each example out: every category spread evenly, the same examples always alike."""
    counts = np.bincount(truth)
    number = min(FOLDS, int(counts[counts > 0].min()))
    fold = np.empty(len(truth), np.int64)
    given = 0
    for category in range(len(counts)):
        mine = np.flatnonzero(truth == category)
        # Each category goes on where the one before stopped, or the first folds would take every remainder.
        fold[mine] = (given + np.arange(len(mine))) % number
        given += len(mine)
    return fold


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """One fold, seen from the middle of the others."""

    known: Float32
    held: Float32
    places: Ints
    others: Ints


def _held_out(features: Float32, fold: Ints) -> Iterator[_Held]:
    for number in range(int(fold.max()) + 1):
        others, places = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        centre = np.asarray(features[others].mean(axis=0))
        yield _Held(centred(features[others], centre), centred(features[places], centre), places, others)


def _candidates(held: list[_Held], truth: Ints, classes: int) -> Iterator[_Candidate]:
    for penalty in PENALTIES:
        logits = np.empty((len(truth), classes), np.float32)
        for part in held:
            logits[part.places] = fit_probe(part.known, truth[part.others], classes, penalty).logits(part.held)
        yield _judged("linear probe", penalty, logits, truth)
    if len(truth) > MOST_FOR_NEIGHBOURS:
        return
    cosines = [part.held @ part.known.T for part in held]
    for k in NEIGHBOURS:
        logits = np.empty((len(truth), classes), np.float32)
        for part, near in zip(held, cosines, strict=True):
            logits[part.places] = nearness(near, truth[part.others], classes, k)
        yield _judged("nearest neighbours", k, logits, truth)


def _judged(name: str, setting: float, logits: Float32, truth: Ints) -> _Candidate:
    temperature = fit_temperature(lambda t: smoothed_log_loss(logits / t, truth))
    accuracy = float(np.mean(logits.argmax(axis=1) == truth))
    return _Candidate(name, setting, logits, log_loss(logits / temperature, truth), accuracy)


def _scores(best: _Candidate, calibration: Calibration, held: list[_Held]) -> tuple[npt.NDArray[np.float64], Ints]:
    """Calibrated confidence [E] of each held-out answer, -1 where the guard would have left it out, and the answers."""
    probabilities = calibration.probabilities(best.logits)
    score = calibration.confidence(probabilities.max(axis=1))
    for part in held:
        if len(part.others) >= 2:
            strange = fit_guard(part.known[:MOST_FOR_NEIGHBOURS]).strange(part.held)
            score[part.places[strange]] = -1.0
    return score, probabilities.argmax(axis=1)


def _spread(truth: Ints, most: int) -> Ints:
    """At most ``most`` examples, the same share of every category."""
    if len(truth) <= most:
        return np.arange(len(truth))
    return np.argsort(truth, kind="stable")[np.linspace(0, len(truth) - 1, most).astype(np.int64)]


def _check(names: Sequence[str], counts: Ints) -> None:
    if len(names) < 2:
        found = f"only {names[0]!r}" if names else "none"
        raise EyeError(f"categories by example need at least two categories, there is {found}: add examples of another")
    few = [f"{name!r} ({count})" for name, count in zip(names, counts.tolist(), strict=True) if count < FEWEST]
    if few:
        raise EyeError(f"each category needs at least {FEWEST} examples that can be read; too few of {', '.join(few)}")
