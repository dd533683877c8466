"""Nearest neighbours on embeddings: a classifier for few examples, and what tells a stranger from a known face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Float32 = npt.NDArray[np.float32]
Integers = npt.NDArray[np.integer[Any]]

SHARPNESS = 0.07
"""Similarities weigh exp(cosine / 0.07): Wu et al. 2018 (arXiv:1805.01978), section 3.4."""

STRANGERS = 0.05
"""Share of true members that the guard may take for strangers."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Examples and their categories; cosines of unit rows."""

    examples: Float32
    """[E, D], rows of length 1."""
    truth: npt.NDArray[np.int32]
    """[E]."""
    classes: int
    k: int

    def logits(self, features: Floats) -> Float32:
        """How near the k nearest examples of each category are: [N, D] to [N, K]."""
        return nearness(np.asarray(features @ self.examples.T), self.truth, self.classes, self.k)


def nearness(cosines: Floats, truth: Integers, classes: int, k: int) -> Float32:
    """Log of the mean weight of each category's own ``k`` most similar examples: [N, E] to [N, K].

    Of each category, not of all examples together: votes among the k nearest of all say how many, but not how much
    nearer than the next category, so that with k = 1 every answer would be equally sure.
    """
    found = np.full((len(cosines), classes), -np.inf, np.float32)
    for category in range(classes):
        mine = cosines[:, truth == category]
        taken = min(k, mine.shape[1])
        if taken == 0:
            continue
        near = np.partition(mine, mine.shape[1] - taken, axis=1)[:, -taken:] / SHARPNESS
        top = near.max(axis=1, keepdims=True)
        found[:, category] = np.log(np.exp(near - top).mean(axis=1)) + top[:, 0]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Guard:
    """Tells pictures that are unlike every example: deep nearest neighbours (Sun et al. 2022, arXiv:2204.06507)."""

    examples: Float32
    """[E, D], rows of length 1."""
    least_cosine: float
    """To the nearest example; below it, a picture is a stranger."""

    def strange(self, features: Floats) -> npt.NDArray[np.bool_]:
        """[N, D] rows of length 1 to [N]."""
        return np.asarray((features @ self.examples.T).max(axis=1) < self.least_cosine)


def fit_guard(features: Float32, share: float = STRANGERS) -> Guard:
    """The similarity that all but ``share`` of the examples have to their nearest other example.

    The conformal quantile (Vovk et al. 2005): of n leave-one-out similarities the floor(share x (n + 1))-th smallest.
    Below 1 / share examples there is none, and the smallest one seen stands in.

    Args:
        features: [E, D], rows of length 1, at least two.
    """
    cosines = features @ features.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.sort(cosines.max(axis=1))
    place = int(share * (len(nearest) + 1))
    # A hair below, so that an example that sets the limit is within it whatever the order of summing.
    return Guard(features, float(nearest[max(place - 1, 0)]) - 1e-5)
