"""Average precision against pycocotools, on random pictures with crowds, sizes and equal scores."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from compoundeye.evaluate import BoxTruth, DetectionScores, detection_scores
from compoundeye.records import Detections

NAMES = ("person", "car", "bus")


def xywh(boxes: np.ndarray) -> list[list[float]]:
    return [[float(a), float(b), float(c - a), float(d - b)] for a, b, c, d in boxes]


def by_pycocotools(truth: Sequence[BoxTruth], found: Sequence[Detections]) -> COCOeval:
    notes, results = list[dict[str, Any]](), list[dict[str, Any]]()
    for picture, (one, seen) in enumerate(zip(truth, found, strict=True), 1):
        crowd = np.zeros(len(one.classes), bool) if one.crowd is None else one.crowd
        for at, box in enumerate(xywh(one.boxes)):
            area = box[2] * box[3] if one.areas is None else float(one.areas[at])
            about = {"bbox": box, "area": area, "iscrowd": int(crowd[at]), "category_id": int(one.classes[at]) + 1}
            notes.append({"id": len(notes) + 1, "image_id": picture, **about})
        for at, box in enumerate(xywh(seen.boxes.astype(float))):
            about = {"bbox": box, "score": float(seen.scores[at]), "category_id": int(seen.classes[at]) + 1}
            results.append({"image_id": picture, **about})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": picture} for picture in range(1, len(truth) + 1)],
            "categories": [{"id": at + 1, "name": name} for at, name in enumerate(NAMES)],
            "annotations": notes,
        }
        coco.createIndex()
        judged = COCOeval(coco, coco.loadRes(results), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return judged


def assert_equal(ours: DetectionScores, theirs: COCOeval) -> None:
    for mine, other in (
        (ours.precision, theirs.eval["precision"][..., -1]),
        (ours.recall, theirs.eval["recall"]),
        (np.array(list(ours.summary().values())), theirs.stats),
    ):
        np.testing.assert_allclose(mine, np.where(other == -1, np.nan, other), rtol=0, atol=1e-9)


def pictures(seed: int) -> tuple[list[BoxTruth], list[Detections]]:
    """Boxes of all sizes; detections that are near, doubled, of a wrong class, or of nothing; some of equal scores."""
    rng = np.random.default_rng(seed)
    truth, found = list[BoxTruth](), list[Detections]()
    for _ in range(int(rng.integers(1, 6))):
        number = int(rng.integers(0, 9))
        corner = rng.integers(0, 200, (number, 2))
        boxes = np.concatenate([corner, corner + rng.integers(5, 140, (number, 2))], 1).astype(float)
        classes = rng.integers(0, len(NAMES), number).astype(np.int32)
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) * rng.uniform(0.4, 1, number)
        truth.append(BoxTruth(boxes, classes, rng.random(number) < 0.15, areas if rng.random() < 0.5 else None))
        again = rng.integers(0, max(number, 1), int(rng.integers(0, 20)) if number else 0)
        near = boxes[again] + np.round(rng.normal(0, rng.choice([0, 3, 15]), (len(again), 4)))
        ghosts = rng.integers(0, 200, (int(rng.integers(0, 5)), 2))
        near = np.concatenate([near, np.concatenate([ghosts, ghosts + 40], 1)])
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        kinds = np.concatenate([classes[again], rng.integers(0, len(NAMES), len(ghosts))]).astype(np.int32)
        wrong = rng.random(len(kinds)) < 0.1
        kinds = np.where(wrong, rng.integers(0, len(NAMES), len(kinds)), kinds).astype(np.int32)
        scores = np.round(rng.random(len(near)), int(rng.choice([1, 6]))).astype(np.float32)
        found.append(Detections(near.astype(np.float32), scores, kinds, NAMES))
    return truth, found


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**7))
def test_random_pictures_measure_as_by_pycocotools(seed: int) -> None:
    truth, found = pictures(seed)
    if any(len(one) for one in found) and any(len(one.classes) for one in truth):  # pycocotools takes no empty ones
        assert_equal(detection_scores(truth, found, len(NAMES)), by_pycocotools(truth, found))


def test_more_than_a_hundred_detections_a_picture_are_cut_off_as_by_pycocotools() -> None:
    rng = np.random.default_rng(3)
    corner = rng.uniform(0, 3000, (150, 2))
    boxes = np.concatenate([corner, corner + 30], 1)
    truth = [BoxTruth(boxes, np.zeros(150, np.int32))]
    found = [Detections(boxes.astype(np.float32), rng.random(150).astype(np.float32), np.zeros(150, np.int32), NAMES)]
    scores = detection_scores(truth, found, len(NAMES))
    assert_equal(scores, by_pycocotools(truth, found))
    assert scores.summary()["AR100"] == pytest.approx(100 / 150)


PERSON = np.array([[10.0, 10, 50, 110]])


def seen(boxes: np.ndarray, *scores: float) -> Detections:
    return Detections(boxes.astype(np.float32), np.array(scores, np.float32), np.zeros(len(boxes), np.int32), NAMES)


def test_the_truth_itself_is_perfect() -> None:
    scores = detection_scores([BoxTruth(PERSON, np.zeros(1, np.int32))], [seen(PERSON, 0.9)], 1)
    assert scores.summary()["AP"] == pytest.approx(1)
    assert scores.by_class() == pytest.approx([1.0])


def test_nothing_found_is_nothing_right_and_nothing_to_find_is_not_a_number() -> None:
    scores = detection_scores([BoxTruth(PERSON, np.zeros(1, np.int32))], [Detections.none(NAMES)], 2)
    assert scores.summary()["AP"] == 0
    assert math.isnan(scores.by_class()[1])
    nothing = detection_scores([BoxTruth(PERSON[:0], np.zeros(0, np.int32))], [seen(PERSON, 0.9)], 1)
    assert all(math.isnan(value) for value in nothing.summary().values())


def test_the_second_box_on_one_person_is_wrong() -> None:
    truth = [BoxTruth(PERSON, np.zeros(1, np.int32))]
    twice = detection_scores(truth, [seen(np.concatenate([PERSON, PERSON]), 0.9, 0.8)], 1)
    assert twice.summary()["AP"] == pytest.approx(1)  # the first has reached every recall
    worse = detection_scores(truth, [seen(np.concatenate([PERSON + 80, PERSON]), 0.9, 0.8)], 1)
    assert worse.summary()["AP"] == pytest.approx(0.5)


def test_boxes_inside_a_crowd_are_neither_right_nor_wrong() -> None:
    boxes = np.concatenate([PERSON, [[100.0, 0, 300, 100]]])
    truth = [BoxTruth(boxes, np.zeros(2, np.int32), np.array([False, True]))]
    crowd = np.array([[110.0, 10, 140, 90], [150.0, 10, 180, 90]])
    found = seen(np.concatenate([crowd, PERSON]), 0.9, 0.8, 0.7)
    assert detection_scores(truth, [found], 1).summary()["AP"] == pytest.approx(1)
