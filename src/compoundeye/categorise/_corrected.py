"""What people's corrections say about a classifier: a temperature, a threshold, and how good its answers were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.categorise._calibrate import Calibration, Quality, fit_temperature, quality, softmax
from compoundeye.categorise._hedge import LEAST_BITS, Hedge
from compoundeye.categorise._promise import CONFIDENCE, MORE_LIKELY_THAN_NOT, Promise, of_answers, unproven
from compoundeye.evaluate import binomial_tail
from compoundeye.models import Labels, Tree
from compoundeye.records import EyeError

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

ENOUGH = 200
"""Corrections that a temperature is fitted on. The calibration error of 200 pictures is known to about 0.03; one
parameter fitted on fewer would follow their chance more than the model."""

_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99, 0.995)
DATA = "corrected pictures, which people chose: likelier wrong than the rest"


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Calibration and threshold of a classifier that was trained elsewhere, and what is known of them."""

    calibration: Calibration
    threshold: float
    quality: Quality
    promise: Promise


def uncalibrated(precision: float | None) -> Fitted:
    """What is honest without labelled pictures: the model's own probabilities, and no claim about them."""
    note = "confidences are the model's own: no labelled pictures have tested them"
    if precision is not None:
        note += f"; correct {ENOUGH} pictures or more, then use --calibrate, for the precision to be shown"
    nothing = Quality("none", 0, float("nan"), float("nan"), "nothing")
    return Fitted(Calibration(), precision or MORE_LIKELY_THAN_NOT, nothing, unproven(precision, note))


def nodes_of(words: Sequence[str], names: Sequence[str]) -> Ints:
    """Place of each word among the names, without regard to case; -1 where it is none of them."""
    places = {name.casefold(): place for place, name in enumerate(names)}
    return np.array([places.get(word.casefold(), -1) for word in words], np.int64)


def fit_on_corrections(logits: Floats, words: Sequence[str], labels: Labels, precision: float | None) -> Fitted:
    """Calibrate a trained classifier on corrections; a word may be a label or anything above it in the tree.

    The temperature is of least log-loss of the categories that people named (a category's probability is the sum over
    its labels). Half of the corrections fit it and the other half test it, so the reported figures grade no one's own
    homework; the threshold is shown on the second half.

    Args:
        logits: [E, K], in an order that says nothing about the answers.
        words: [E].

    Raises:
        EyeError: fewer than 200 words name a category of the model.
    """
    tree = labels.tree or _flat(labels)
    truth = nodes_of(words, tree.names)
    known = truth >= 0
    if known.sum() < ENOUGH:
        raise EyeError(
            f"--calibrate needs {ENOUGH} corrections that name categories of the model, there are {int(known.sum())}; "
            "correct more pictures, or leave it out and the model's own confidences are used"
        )
    logits, truth = np.asarray(logits[known], np.float32), truth[known]
    first = np.arange(len(truth)) % 2 == 0
    inside = _inside(truth[first], tree)
    temperature = fit_temperature(lambda t: _tree_loss(logits[first] / t, inside))
    calibration = Calibration(temperature)
    test = calibration.probabilities(logits[~first])
    threshold, promise = _threshold(test, truth[~first], tree, precision)
    return Fitted(calibration, threshold, _graded(test, truth[~first], tree), promise)


def judge(category: Ints, truth: Ints, tree: Tree) -> tuple[Flags, Flags]:
    """Whether answers are right, and whether that can be told.

    An answer above the truth is right ("cat" for a tabby), as is the truth itself. One below it cannot be told: the
    person who said "cat" did not say which.

    Args:
        category: [N] nodes answered.
        truth: [N] nodes that people named.
    """
    above = [set(tree.path(int(node))) for node in truth]
    below = [set(tree.path(int(node))) if node >= 0 else set() for node in category]
    right = np.array([int(said) in path for said, path in zip(category, above, strict=True)], np.bool_)
    finer = np.array([int(node) in path for node, path in zip(truth, below, strict=True)], np.bool_)
    return right, right | ~finer


def _inside(truth: Ints, tree: Tree) -> Flags:
    """[E, K] which labels are at or below what each person named."""
    nodes, place = np.unique(truth, return_inverse=True)
    inside = np.zeros((len(nodes), len(tree.leaf)), np.bool_)
    for row, node in enumerate(nodes):
        inside[row, tree.labels_below(int(node))] = True
    return np.asarray(inside[place])


def _tree_loss(logits: Floats, inside: Flags) -> float:
    of_truth = np.where(inside, softmax(logits), 0).sum(axis=1)
    return float(-np.mean(np.log(np.maximum(of_truth, 1e-12))))


def _threshold(probabilities: Floats, truth: Ints, tree: Tree, precision: float | None) -> tuple[float, Promise]:
    """The lowest threshold that shows the precision (exact tests, shared out over the thresholds tried)."""
    # Without a tree, any label says enough, but the root that stands above them all says nothing.
    hedge = Hedge(tree, LEAST_BITS if len(tree.names) > len(tree.leaf) + 1 else 1e-6)
    if precision is None:
        return MORE_LIKELY_THAN_NOT, _judged(hedge, probabilities, truth, tree, MORE_LIKELY_THAN_NOT, None)
    level = (1 - CONFIDENCE) / len(_THRESHOLDS)
    for threshold in _THRESHOLDS:
        promise = _judged(hedge, probabilities, truth, tree, threshold, precision)
        good = round(promise.estimate * promise.pictures) if promise.pictures else 0
        if promise.pictures and binomial_tail(good, promise.pictures, precision) <= level:
            return threshold, promise
    note = "no threshold shows this precision on the corrections; the model's probability has to reach it instead"
    promise = _judged(hedge, probabilities, truth, tree, precision, precision)
    return precision, Promise(
        precision, False, promise.pictures, promise.estimate, promise.lower_bound, promise.coverage, note
    )


def _judged(
    hedge: Hedge, probabilities: Floats, truth: Ints, tree: Tree, threshold: float, precision: float | None
) -> Promise:
    node, _ = hedge(probabilities, threshold)
    right, told = judge(node.astype(np.int64), truth, tree)
    return of_answers((node >= 0)[told], right[told], precision)


def _graded(probabilities: Floats, truth: Ints, tree: Tree) -> Quality:
    """Of the best labels, where the person named a label and not something above it."""
    leaf = np.full(len(tree.names), -1, np.int64)
    leaf[tree.leaf] = np.arange(len(tree.leaf))
    told = leaf[truth] >= 0
    best = probabilities.argmax(axis=1)
    return quality(probabilities.max(axis=1)[told], best[told] == leaf[truth][told], "temperature", DATA)


def _flat(labels: Labels) -> Tree:
    """Labels without a tree as one: a root that no answer may be, and every label right below it."""
    count = len(labels)
    parent = np.concatenate([[-1], np.zeros(count)]).astype(np.int32)
    return Tree(("", *labels.names), ("", *labels.names), parent, np.arange(1, count + 1, dtype=np.int32))
