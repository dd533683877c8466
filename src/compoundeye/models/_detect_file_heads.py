"""Readers of the outputs of detectors that a user brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from compoundeye.models._detect_heads import Allowed, Candidates, Decode, Float32, Int32, best_of_place
from compoundeye.models._runtime import Array, Arrays


class YoloxHead:
    """Reads [N, A, 5 + K]: box, objectness, classes; the last two in 0..1.

    Args:
        output: its name.
        decode: what makes boxes of its first four numbers; None where they are centre and sides in pixels already.
    """

    def __init__(self, output: str, decode: Decode | None) -> None:
        self._output = output
        self._decode = decode or (lambda raw, _: corners(raw))

    def __call__(self, outputs: Arrays, min_score: float, allowed: Allowed) -> list[Candidates]:
        return [self._one(one, min_score, allowed) for one in outputs[self._output]]

    def _one(self, one: Float32, min_score: float, allowed: Allowed) -> Candidates:
        # A class is at most as sure as that there is something: most places fall out here.
        places = np.flatnonzero(one[:, 4] >= min_score)
        scores = one[places, 5:] * one[places, 4:5]
        rows, best = best_of_place(scores, min_score)
        wanted = allowed[best]
        rows, best = rows[wanted], best[wanted]
        at = places[rows]
        return Candidates(self._decode(one[at, :4], at), scores[rows, best], best.astype(np.int32))


class DetrHead:
    """Reads ``logits`` [N, Q, L] and ``boxes`` [N, Q, 4], centre and sides as shares of the input.

    Each logit stands for itself (a sigmoid), as in Deformable DETR (arXiv:2010.04159) and all that came after it.

    Args:
        outputs: names of the two.
        size: width and height of the input in pixels.
        label_class: [L] place of each label in the detector's names; -1 for one without a name.
    """

    def __init__(self, outputs: Mapping[str, str], size: tuple[int, int], label_class: Int32) -> None:
        self._logits, self._boxes = outputs["logits"], outputs["boxes"]
        self._scale = np.array([*size, *size], np.float32)
        self._label_class = label_class

    def __call__(self, outputs: Arrays, min_score: float, allowed: Allowed) -> list[Candidates]:
        pairs = zip(outputs[self._logits], outputs[self._boxes], strict=True)
        return [self._one(logits, boxes, min_score, allowed) for logits, boxes in pairs]

    def _one(self, logits: Array, boxes: Array, min_score: float, allowed: Allowed) -> Candidates:
        scores = np.asarray(1 / (1 + np.exp(-logits.astype(np.float32))), np.float32)
        places, labels = best_of_place(scores, min_score)
        classes = self._label_class[labels]
        wanted = (classes >= 0) & allowed[classes]
        places, labels = places[wanted], labels[wanted]
        found = corners(boxes[places].astype(np.float32)) * self._scale
        return Candidates(np.asarray(found, np.float32), scores[places, labels], classes[wanted])


class FinalHead:
    """Reads ``boxes`` [N, M, 4], ``labels`` and ``scores`` [N, M], or without N of one picture: corners in pixels."""

    def __init__(self, outputs: Mapping[str, str], label_class: Int32) -> None:
        self._outputs = outputs
        self._label_class = label_class

    def __call__(self, outputs: Arrays, min_score: float, allowed: Allowed) -> list[Candidates]:
        boxes, labels, scores = (outputs[self._outputs[name]] for name in ("boxes", "labels", "scores"))
        if boxes.ndim == 2:
            boxes, labels, scores = boxes[None], labels[None], scores[None]
        each = zip(boxes, labels.astype(np.int64), scores, strict=True)
        return [self._one(*one, min_score, allowed) for one in each]

    def _one(
        self, boxes: Array, labels: npt.NDArray[np.int64], scores: Array, min_score: float, allowed: Allowed
    ) -> Candidates:
        known = (labels >= 0) & (labels < len(self._label_class))
        classes = np.where(known, self._label_class[np.where(known, labels, 0)], -1).astype(np.int32)
        chosen = (scores >= min_score) & (classes >= 0) & allowed[classes]
        return Candidates(boxes[chosen].astype(np.float32), scores[chosen].astype(np.float32), classes[chosen])


def corners(boxes: Float32) -> Float32:
    """[M, 4] centre x, centre y, width, height to left, top, right, bottom."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def label_classes(labels: Sequence[int], count: int) -> Int32:
    """[count] for each label its place in ``labels``; -1 where it is none of them."""
    table = np.full(count, -1, np.int32)
    for place, label in enumerate(labels):
        table[label] = place
    return table
