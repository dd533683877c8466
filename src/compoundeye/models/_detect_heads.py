"""Readers of what detectors put out: one a family of outputs."""

from __future__ import annotations

import numpy as np

from compoundeye.models._detect import Allowed, Candidates, Float32
from compoundeye.models._runtime import Arrays


def dense(outputs: Arrays, min_score: float, allowed: Allowed) -> list[Candidates]:
    """Boxes [N, A, 4] (left, top, right, bottom in pixels of the input) and scores [N, A, K] of every place.

    A place counts as its best class only.
    """
    boxes, scores = outputs["boxes"], outputs["scores"]
    return [_best(boxes[one], scores[one], min_score, allowed) for one in range(len(boxes))]


def _best(boxes: Float32, scores: Float32, min_score: float, allowed: Allowed) -> Candidates:
    best = scores.argmax(axis=1)
    top = np.take_along_axis(scores, best[:, None], 1)[:, 0]
    chosen = (top >= min_score) & allowed[best]
    return Candidates(boxes[chosen], top[chosen], best[chosen].astype(np.int32))
