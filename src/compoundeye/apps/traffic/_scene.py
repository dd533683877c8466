"""One frame as rules see it: who is there, where they stand, how they move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.apps.traffic._geometry import Bool, Float64
from compoundeye.apps.traffic._motion import Metric, Motion
from compoundeye.apps.traffic._riders import Riders
from compoundeye.apps.traffic._visitors import Present, Rows, Visitors, centre, foot
from compoundeye.records import Frame, Tracks
from compoundeye.video import Box

LONGEST_GAP_S = 5.0
"""Frames that are further apart say nothing about the time between them."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One frame. N visitors are in it; more may be remembered."""

    frame: Frame
    step_s: float
    """Since the frame before; 0 for the first."""
    visitors: Visitors
    present: Present
    boxes: Float64
    """[N, 4]"""
    seen: Bool
    """[N] whether a detection of this frame confirms it."""
    motion: Motion
    metric: Metric | None

    @property
    def time_s(self) -> float:
        """Presentation time of the frame."""
        return self.frame.time_s

    @property
    def watched_s(self) -> float:
        """Since the frame before, if the camera was watched meanwhile; a longer gap is none of that."""
        return self.step_s if self.step_s <= LONGEST_GAP_S else 0.0

    @property
    def speed_kmh(self) -> Float64:
        """[N] NaN where it is not known."""
        return np.asarray(self.motion.speed_kmh[self.rows])

    @property
    def rows(self) -> Rows:
        """[N] of who is in the frame."""
        return self.present.rows

    @property
    def heights(self) -> Float64:
        """[N] of the boxes, in pixels."""
        return self.boxes[:, 3] - self.boxes[:, 1]

    def anchors(self, kind: str) -> Float64:
        """[N, 2] the points of the boxes that count."""
        return foot(self.boxes) if kind == "foot" else centre(self.boxes)

    def of_classes(self, rows: Rows, classes: Sequence[str] | None) -> Bool:
        """Whether rows count as of these classes; of all but bags if none are named. Who rides one of them does not."""
        return self.visitors.of_kinds(rows, classes) & ~self.visitors.riding(rows, classes)


def scene(
    frame: Frame, before_s: float | None, tracks: Tracks, visitors: Visitors, motion: Motion, riders: Riders,
    metric: Metric | None,
) -> Scene:  # fmt: skip
    """Take a frame's tracks into the memories.

    Args:
        before_s: time of the frame before; None for the first.
        metric: from pixels to metres, where that is known.
    """
    present = visitors.step(tracks, motion.velocity, frame.time_s)
    boxes, seen = visitors.boxes[present.rows], np.asarray(tracks.seen[present.which], np.bool_)
    motion.step(present.rows, present.fresh, boxes, seen, frame.time_s, metric)
    step_s = 0.0 if before_s is None else frame.time_s - before_s
    riders.step(visitors, present, motion, step_s)
    return Scene(frame, step_s, visitors, present, boxes, seen, motion, metric)


def plain_box(box: Float64) -> Box:
    """A box as an event tells it: plain numbers, to a tenth of a pixel."""
    return plain_boxes(box[None])[0]


def plain_boxes(boxes: npt.NDArray[Any]) -> list[Box]:
    """The same of many, [N, 4]."""
    return [(left, top, right, bottom) for left, top, right, bottom in np.round(boxes.astype(np.float64), 1).tolist()]
