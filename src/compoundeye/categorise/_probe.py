"""A linear probe: multinomial logistic regression on embeddings, by our own L-BFGS.

Not scikit-learn's: it would put 45 MB and scipy under a command that should work on a bare install, for one convex
problem whose only optimum sixty lines reach (the tests hold it against scikit-learn's).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.categorise._calibrate import softmax

Floats = npt.NDArray[np.floating[Any]]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]
Objective = Callable[[Doubles], tuple[float, Doubles]]

_MEMORY = 10
"""Pairs of steps and changes of gradient that are kept: Liu and Nocedal 1989 find 3 to 20 to do."""
_MOST_STEPS = 300
_SUFFICIENT, _CURVATURE = 1e-4, 0.9
"""Wolfe's conditions with the usual constants: Nocedal and Wright 2006, section 3.1."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """logits = features @ weight.T + bias."""

    weight: npt.NDArray[np.float32]
    """[K, D]."""
    bias: npt.NDArray[np.float32]
    """[K]."""

    def logits(self, features: Floats) -> npt.NDArray[np.float32]:
        """[N, D] to [N, K]."""
        return np.asarray(features @ self.weight.T + self.bias, np.float32)


def fit_probe(features: Floats, truth: Integers, classes: int, penalty: float) -> Probe:
    """Minimise the mean cross-entropy plus penalty / 2 x |weight|² (the bias goes free).

    Args:
        features: [N, D].
        truth: [N] in 0 to classes - 1.
        penalty: above 0, so that there is one optimum; scikit-learn's C is 1 / (N x penalty).
    """
    x = np.asarray(features, np.float64)
    count, width = x.shape
    mean = x.mean(axis=0)
    x = x - mean
    if width > count:
        # The optimum lies in the span of the examples: work in its coordinates, [N, N] instead of [N, D].
        _, basis = _span(x)
        coordinates = x @ basis.T
    else:
        basis, coordinates = None, x
    hot = np.zeros((count, classes))
    hot[np.arange(count), truth] = 1
    inner = coordinates.shape[1]

    def objective(flat: Doubles) -> tuple[float, Doubles]:
        weight, bias = flat[: classes * inner].reshape(classes, inner), flat[classes * inner :]
        logits = coordinates @ weight.T + bias
        top = logits.max(axis=1, keepdims=True)
        loss = np.mean(np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0] - (logits * hot).sum(axis=1))
        residual = (softmax(logits) - hot) / count
        slope = np.concatenate([(residual.T @ coordinates + penalty * weight).ravel(), residual.sum(axis=0)])
        return float(loss + penalty / 2 * (weight**2).sum()), slope

    flat = minimise(objective, np.zeros(classes * (inner + 1)))
    weight, bias = flat[: classes * inner].reshape(classes, inner), flat[classes * inner :]
    if basis is not None:
        weight = weight @ basis
    return Probe(weight.astype(np.float32), (bias - weight @ mean).astype(np.float32))


def _span(x: Doubles) -> tuple[Doubles, Doubles]:
    """Singular values and an orthonormal basis [R, D] of the rows of ``x``, through the smaller Gram matrix."""
    values, vectors = np.linalg.eigh(x @ x.T)
    kept = values > values[-1] * 1e-12 if values[-1] > 0 else values > np.inf
    scale = np.sqrt(values[kept])
    return scale, (vectors[:, kept].T @ x) / scale[:, None]


def minimise(objective: Objective, start: Doubles, tolerance: float = 1e-7) -> Doubles:
    """Where a smooth convex function is least: L-BFGS (Liu and Nocedal 1989, Mathematical Programming 45).

    Args:
        objective: value and gradient at a point.
        tolerance: of the largest entry of the gradient.
    """
    point = start
    value, slope = objective(point)
    pairs: deque[tuple[Doubles, Doubles, float]] = deque(maxlen=_MEMORY)
    for _ in range(_MOST_STEPS):
        if np.abs(slope).max(initial=0.0) <= tolerance:
            break
        direction = -_inverse_hessian_times(slope, pairs)
        if direction @ slope >= 0:  # rounding has spoilt the memory: begin it again
            pairs.clear()
            direction = -slope
        length = 1.0 if pairs else min(1.0, 1.0 / float(np.abs(slope).sum()))
        found = _step(objective, point, value, slope, direction, length)
        if found is None:
            break
        new_point, value, new_slope = found
        moved, changed = new_point - point, new_slope - slope
        curvature = float(moved @ changed)
        if curvature > 1e-12 * float(changed @ changed):
            pairs.append((moved, changed, 1 / curvature))
        point, slope = new_point, new_slope
    return point


def _inverse_hessian_times(slope: Doubles, pairs: deque[tuple[Doubles, Doubles, float]]) -> Doubles:
    """The two loops of Nocedal and Wright 2006, algorithm 7.4."""
    result = slope.copy()
    factors = []
    for moved, changed, inverse in reversed(pairs):
        factors.append(inverse * float(moved @ result))
        result -= factors[-1] * changed
    if pairs:
        moved, changed, inverse = pairs[-1]
        result /= inverse * float(changed @ changed)
    for moved, changed, inverse in pairs:
        result += moved * (factors.pop() - inverse * float(changed @ result))
    return result


def _step(
    objective: Objective, point: Doubles, value: float, slope: Doubles, direction: Doubles, length: float
) -> tuple[Doubles, float, Doubles] | None:
    """A step that meets Wolfe's conditions, by halving and doubling; None where rounding leaves none."""
    along = float(direction @ slope)
    low, high = 0.0, np.inf
    for _ in range(50):
        new_point = point + length * direction
        new_value, new_slope = objective(new_point)
        if not new_value <= value + _SUFFICIENT * length * along:
            high = length
        elif direction @ new_slope < _CURVATURE * along:
            low = length
        else:
            return new_point, new_value, new_slope
        length = (low + high) / 2 if np.isfinite(high) else 2 * length
    return None
