"""Suppression of boxes against OpenCV's and against its own definition, pair by pair."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.models import nms
from compoundeye.models._nms import overlap

Found = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int32]]


@st.composite
def found(draw: st.DrawFn) -> Found:
    """Whole numbers, so that equal boxes, boxes that touch and empty ones are common."""
    count = draw(st.integers(0, 25))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    corner, side = random.integers(0, 20, (count, 2)), random.integers(0, 12, (count, 2))
    boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
    scores = (random.integers(1, 8, count) / 8).astype(np.float32)
    return boxes, scores, random.integers(0, 3, count).astype(np.int32)


def intersection_over_union(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(wide, 0) * max(high, 0)
    union = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared
    return float(shared / union) if union > 0 else 0.0


@given(found(), st.sampled_from([0.0, 0.3, 0.5, 0.65, 1.0]))
def test_is_the_greedy_rule_pair_by_pair(one: Found, iou: float) -> None:
    boxes, scores, classes = one
    kept: list[int] = []
    for place in sorted(range(len(scores)), key=lambda place: -scores[place]):
        same = [other for other in kept if classes[other] == classes[place]]
        if all(intersection_over_union(boxes[other], boxes[place]) <= np.float32(iou) for other in same):
            kept.append(place)
    assert nms(boxes, scores, classes, iou).tolist() == kept


@given(found())
def test_keeps_what_opencv_keeps(one: Found) -> None:
    boxes, scores, classes = one
    corners_and_sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    # An overlap just at the limit is a matter of rounding: no fraction of whole numbers this small is 0.50001.
    theirs = cv2.dnn.NMSBoxesBatched(corners_and_sides.tolist(), scores.tolist(), classes.tolist(), 0.0, 0.50001)
    empty = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)  # which OpenCV takes for equal to each other
    if not empty.any():
        assert sorted(nms(boxes, scores, classes, 0.50001).tolist()) == sorted(np.ravel(theirs).tolist())


@given(found())
def test_what_is_kept_does_not_overlap_and_what_is_not_does(one: Found) -> None:
    boxes, scores, classes = one
    kept = nms(boxes, scores, classes, 0.5)
    assert (np.diff(scores[kept]) <= 0).all()
    for place in range(len(scores)):
        rivals = [other for other in kept if other != place and classes[other] == classes[place]]
        over = [other for other in rivals if intersection_over_union(boxes[other], boxes[place]) > 0.5]
        assert (place in kept) == (not over)
        assert not over or max(scores[over]) >= scores[place]


def test_without_classes_all_boxes_are_rivals() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9]], np.float32)
    scores = np.array([0.5, 0.6], np.float32)
    assert nms(boxes, scores, np.array([0, 1], np.int32), 0.5).tolist() == [1, 0]
    assert nms(boxes, scores, None, 0.5).tolist() == [1]


def test_of_equal_scores_the_first_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 9, 10]], np.float32)
    assert nms(boxes, np.full(3, 0.5, np.float32), None, 0.5).tolist() == [0]


def test_takes_the_surest_where_there_are_too_many() -> None:
    boxes = np.arange(40, dtype=np.float32)[:, None] * 10 + np.array([0, 0, 5, 5], np.float32)
    scores = np.linspace(0.1, 1, 40, dtype=np.float32)
    assert nms(boxes, scores, None, 0.5, limit=3).tolist() == [39, 38, 37]


@pytest.mark.parametrize(
    ("other", "share"),
    [((0, 0, 10, 10), 1), ((10, 0, 20, 10), 0), ((5, 0, 15, 10), 1 / 3), ((2, 2, 4, 4), 0.04), ((3, 3, 3, 3), 0)],
    ids=["equal", "touching", "half over", "inside", "empty"],
)
def test_overlap(other: tuple[int, ...], share: float) -> None:
    one = np.array([[0, 0, 10, 10]], np.float32)
    assert overlap(one, np.array([other], np.float32))[0, 0] == pytest.approx(share)


def test_two_empty_boxes_do_not_overlap() -> None:
    empty = np.array([[3, 3, 3, 3]], np.float32)
    assert overlap(empty, empty)[0, 0] == 0
