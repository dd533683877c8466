"""Whether a face before a camera is a person's or a picture of one: what five landmarks over some seconds can tell.

This is no protection against presentation attacks in the sense of ISO/IEC 30107-3: no error rate (APCER, BPCER) is
claimed, for none was measured on real attacks. `NOT_PROTECTED` says what gets through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._pose import pose

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

NOT_PROTECTED = (
    "A video of the person on a screen, a mask, a photograph bent like a face, a generated or swapped face, and frames "
    "that never saw a camera all pass this check. It only shows that something solid turned, which a photograph held "
    "flat cannot. Where a false acceptance does harm, use a tested liveness product or a person at the door."
)

# On windows of 4 s of six clips of five people, and of four photographs turned by 40 degrees before a simulated camera
# (tests/apps/face/test_attack.py): heads that turn by 18 degrees and more have a depth of 0.06 to 0.09; photographs
# seem to turn by at most 11 degrees, and have at most 0.047.
TURN_DEGREES = 18.0
SOLID = 0.05
# Landmarks of a photograph that lies still tremble by 0.004 to 0.008 of the distance between the eyes; those of people
# who hold still moved by 0.017 and more.
STILL = 0.01
LEAST_FRAMES, LEAST_S = 10, 2.0


@dataclass(frozen=True, slots=True)
class AttackSigns:
    """What was seen."""

    verdict: Literal["turned", "flat", "still", "unknown"]
    """"turned": something solid turned its head; "still": it never moved, as a photograph that is fixed; "flat": it
    moved, and its nose never left the plane of eyes and mouth by as much as it would; "unknown": too little was seen,
    or it moved and did not turn far enough to tell."""
    yaw_span: float
    """Degrees of yaw between the 2.5th and 97.5th percentile."""
    depth: float
    """How far the shape is from a flat one: third by second singular value of all shapes."""
    movement: float
    """Standard deviation of landmarks, beside the distance between the eyes."""
    not_protected: str = NOT_PROTECTED


class AttackCheck(Protocol):
    """A check of a track. One that is trained and tested on real attacks has the same form."""

    def __call__(self, landmarks: Float32, times: Float64) -> AttackSigns:
        """Landmarks [T, 5, 2] of one track in the order of ``Faces``, and their times [T] in s."""


def turn_check(landmarks: Float32, times: Float64) -> AttackSigns:
    """For who is asked to turn the head to one side and to the other, by about 20 degrees.

    Shapes of a flat thing, however it is held before a distant camera, are maps of one by 2 x 2 matrices: stacked,
    they have rank 2, and those of a solid one rank 3 (C. Tomasi and T. Kanade, "Shape and Motion from Image Streams
    under Orthography", International Journal of Computer Vision 9 (1992)). A face that talks has some depth too, so
    the yaw must have changed as well: that of a photograph hardly does, for its nose stays between its eyes.

    Args:
        landmarks: [T, 5, 2] in pixels; T may be 0.
        times: [T] s, in order.
    """
    known = np.isfinite(landmarks).all(axis=(1, 2))
    points, when = landmarks[known].astype(np.float64), times[known]
    if len(points) < LEAST_FRAMES or when[-1] - when[0] < LEAST_S:
        return AttackSigns("unknown", 0.0, 0.0, 0.0)
    yaw = pose(landmarks[known])[:, 0]
    span = float(np.subtract(*np.percentile(yaw, [97.5, 2.5])))
    eyes = float(np.median(np.linalg.norm(points[:, 0] - points[:, 1], axis=1)))
    movement = float(points.std(axis=0).mean() / max(eyes, 1e-6))
    return AttackSigns(_verdict(span, depth := _depth(points), movement), span, depth, movement)


def _depth(points: Float64) -> float:
    shapes = points - points.mean(axis=1, keepdims=True)
    shapes /= np.maximum(np.linalg.norm(shapes, axis=(1, 2), keepdims=True), 1e-9)
    values = np.linalg.svd(shapes.transpose(0, 2, 1).reshape(-1, 5), compute_uv=False)
    return float(values[2] / max(values[1], 1e-9))


def _verdict(span: float, depth: float, movement: float) -> Literal["turned", "flat", "still", "unknown"]:
    if movement < STILL:
        return "still"
    if span >= TURN_DEGREES:
        return "turned" if depth >= SOLID else "flat"
    return "unknown"
