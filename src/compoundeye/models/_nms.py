"""Non-maximum suppression: of boxes that lie on one thing, the one that the network is surest of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

MAX_CANDIDATES = 1000
"""Boxes that take part, the surest ones: the comparison costs their number squared."""


def nms(boxes: Float32, scores: Float32, classes: Int32 | None, iou: float, limit: int = MAX_CANDIDATES) -> Int64:
    """Places of the boxes to keep, the surest first.

    Greedy: a box is kept unless it overlaps one of its class that was kept before by more than ``iou``. Equal scores
    keep their order, so that the answer is the same each time (as OpenCV's ``NMSBoxesBatched`` answers).

    Args:
        boxes: [N, 4] left, top, right, bottom.
        scores: [N].
        classes: [N] places of classes; None: all boxes are rivals.
        iou: intersection over union above which two boxes are one thing.
        limit: at most so many boxes take part, the surest ones.
    """
    order = np.argsort(-scores, kind="stable")[:limit]
    if len(order) < 2:
        return np.asarray(order, np.int64)
    rivals = overlap(boxes[order], boxes[order]) > iou
    if classes is not None:
        rivals &= classes[order][:, None] == classes[order][None, :]
    alive = np.ones(len(order), np.bool_)
    kept = []
    for place in range(len(order)):
        if alive[place]:
            kept.append(place)
            alive &= ~rivals[place]
    return np.asarray(order[kept], np.int64)


def overlap(ones: Float32, others: Float32) -> Float32:
    """[N, M] intersection over union of boxes [N, 4] and [M, 4]; 0 where both are empty."""
    left_top = np.maximum(ones[:, None, :2], others[None, :, :2])
    right_bottom = np.minimum(ones[:, None, 2:], others[None, :, 2:])
    shared = np.maximum(right_bottom - left_top, 0).prod(axis=2)
    union = _area(ones)[:, None] + _area(others)[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0), np.float32)


def _area(boxes: Float32) -> Float32:
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1), np.float32)
