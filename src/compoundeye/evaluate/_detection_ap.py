"""Average precision of boxes, as COCO measures it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from compoundeye.evaluate._overlap import box_overlap
from compoundeye.records import Detections

Float = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Lin et al. 2014 (ECCV, arXiv 1405.0312) and cocodataset.org/#detection-eval: overlaps, recalls, areas in pixels, and
# detections a picture.
OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
MOST = (1, 10, 100)


@dataclass(frozen=True, slots=True)
class BoxTruth:
    """What one picture shows, of all classes that are measured."""

    boxes: Float
    """[N, 4] left, top, right, bottom in pixels."""
    classes: npt.NDArray[np.int32]
    """[N] places in the names that detections of this picture have too."""
    crowd: Flags | None = None
    """[N] boxes around many of a class: any number of detections inside is neither right nor wrong. None of them, if
    not given."""
    areas: Float | None = None
    """[N] square pixels, where that is not the box's own: COCO takes the area of the outline."""


@dataclass(frozen=True, slots=True)
class DetectionScores:
    """Precision and recall, by class and size. What there is no truth to measure by is NaN."""

    precision: Float
    """[10, 101, K, 4] at each of ``OVERLAPS``, ``RECALLS``, of each class, in each of ``AREAS``; 100 a picture."""
    recall: Float
    """[10, K, 4, 3] the highest, at each of ``OVERLAPS``, class, ``AREAS``, and at most ``MOST`` a picture."""

    def by_class(self) -> Float:
        """AP [K]: the mean over overlaps and recalls."""
        return np.asarray(self.precision[..., 0].mean((0, 1)))

    def summary(self) -> dict[str, float]:
        """The twelve figures of COCO, under its names; means over the classes that there are."""
        precision = [_mean(self.precision[..., at]) for at in range(len(AREAS))]
        recall = [_mean(self.recall[..., at, -1]) for at in range(len(AREAS))]
        return {
            "AP": precision[0],
            "AP50": _mean(self.precision[0, ..., 0]),
            "AP75": _mean(self.precision[5, ..., 0]),
            "APsmall": precision[1],
            "APmedium": precision[2],
            "APlarge": precision[3],
            "AR1": _mean(self.recall[..., 0, 0]),
            "AR10": _mean(self.recall[..., 0, 1]),
            "AR100": recall[0],
            "ARsmall": recall[1],
            "ARmedium": recall[2],
            "ARlarge": recall[3],
        }


class _Pair(NamedTuple):
    """Truth and detections of one class in one picture."""

    areas: Float
    """[G] of the truth."""
    crowd: Flags
    """[G]"""
    scores: Float
    """[D] the highest first, at most ``MOST``."""
    sizes: Float
    """[D] areas of the detections."""
    overlap: Float
    """[D, G]"""


class _Judged(NamedTuple):
    """The detections of one class in one picture, best first, beside the truth, for one range of areas."""

    scores: Float
    right: Flags
    """[10, D]"""
    ignored: Flags
    """[10, D]"""
    wanted: int
    """Boxes of the truth that are to be found."""


def detection_scores(truth: Sequence[BoxTruth], found: Sequence[Detections], classes: int) -> DetectionScores:
    """Average precision and recall: Lin et al. 2014 (arXiv 1405.0312); equal to pycocotools 2.0.

    Args:
        truth: of each picture.
        found: in each picture, in the same order. Of equal scores the first counts first, as there.
        classes: K, how many names there are.
    """
    shape = len(OVERLAPS), len(RECALLS), classes, len(AREAS)
    precision, recall = np.full(shape, np.nan), np.full((len(OVERLAPS), classes, len(AREAS), len(MOST)), np.nan)
    for kind in range(classes):
        pairs = [_of_class(one, seen, kind) for one, seen in zip(truth, found, strict=True)]
        for at, (least, most) in enumerate(AREAS.values()):
            judged = [_judge(pair, least, most) for pair in pairs]
            for limit, number in enumerate(MOST):
                curve = _curve(judged, number)
                if curve is not None:
                    precision[:, :, kind, at], recall[:, kind, at, limit] = curve
    return DetectionScores(precision, recall)


def _of_class(truth: BoxTruth, found: Detections, kind: int) -> _Pair:
    of_truth = truth.classes == kind
    boxes = truth.boxes[of_truth].astype(np.float64)
    areas = _area(boxes) if truth.areas is None else truth.areas[of_truth]
    crowd = np.zeros(len(boxes), np.bool_) if truth.crowd is None else truth.crowd[of_truth]
    of_found = np.flatnonzero(found.classes == kind)
    scores = found.scores[of_found].astype(np.float64)
    order = np.argsort(-scores, kind="stable")[: MOST[-1]]
    seen = found.boxes[of_found[order]].astype(np.float64)
    overlap = box_overlap(seen, boxes)
    # Inside a crowd a box fits by the share of itself that is inside.
    overlap[:, crowd] = _inside(seen, boxes[crowd])
    return _Pair(areas, crowd, scores[order], _area(seen), overlap)


def _inside(boxes: Float, around: Float) -> Float:
    """[D, G] share of each box's area that is inside each other box."""
    common = np.minimum(boxes[:, None, 2:], around[None, :, 2:]) - np.maximum(boxes[:, None, :2], around[None, :, :2])
    shared = np.maximum(common, 0).prod(2)
    own = np.broadcast_to(_area(boxes)[:, None], shared.shape)
    return np.asarray(np.divide(shared, own, out=np.zeros_like(shared), where=own > 0))


def _judge(pair: _Pair, least: float, most: float) -> _Judged:
    """Give each detection the free box that it fits best, the best detection first."""
    areas, crowd, scores, sizes, overlap = pair
    unwanted = crowd | (areas < least) | (areas > most)
    right, ignored = (np.zeros((len(OVERLAPS), len(scores)), np.bool_) for _ in range(2))
    taken = np.zeros((len(OVERLAPS), len(areas)), np.bool_)
    for at, fit in enumerate(overlap if len(areas) else ()):
        may = (fit >= np.minimum(OVERLAPS, 1 - 1e-10)[:, None]) & (~taken | crowd)
        wanted = may & ~unwanted
        choice = np.where(wanted.any(1)[:, None], wanted, may)
        # The last of equally good ones, as pycocotools has it.
        best = len(areas) - 1 - np.where(choice, fit, -1.0)[:, ::-1].argmax(1)
        hit = np.flatnonzero(choice.any(1))
        right[hit, at] = True
        ignored[hit, at] = unwanted[best[hit]]
        taken[hit, best[hit]] = True
    outside = (sizes < least) | (sizes > most)
    return _Judged(scores, right, ignored | (~right & outside), int((~unwanted).sum()))


def _curve(judged: Sequence[_Judged], number: int) -> tuple[Float, Float] | None:
    """Precision at each recall [10, 101], and the highest recall [10]; None where nothing is to be found."""
    wanted = sum(one.wanted for one in judged)
    if not wanted:
        return None
    order = np.argsort(-np.concatenate([one.scores[:number] for one in judged]), kind="stable")
    right = np.concatenate([one.right[:, :number] for one in judged], 1)[:, order]
    ignored = np.concatenate([one.ignored[:, :number] for one in judged], 1)[:, order]
    hits, ghosts = (right & ~ignored).cumsum(1), (~right & ~ignored).cumsum(1)
    recall = hits / wanted
    precision = hits / (hits + ghosts + np.spacing(1))
    precision = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    at_recalls = np.zeros((len(OVERLAPS), len(RECALLS)))
    for line, reached, precise in zip(at_recalls, recall, precision, strict=True):
        places = np.searchsorted(reached, RECALLS, side="left")
        inside = places < len(reached)
        line[inside] = precise[places[inside]]
    return at_recalls, recall[:, -1] if len(order) else np.zeros(len(OVERLAPS))


def _area(boxes: Float) -> Float:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def _mean(values: Float) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")
