"""How a camera moved from one frame to the next, seen in the parts of the picture that stand still."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from compoundeye.records import Image

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]

LOOK_WIDTH: Final = 320
"""Pixels of the picture that is looked at: shifts of a few pixels of the whole one are still seen."""
MOST_POINTS: Final = 200
LEAST_POINTS: Final = 12
"""A similarity has four unknowns; three times as many points outvote one that went astray."""
QUALITY: Final = 0.01
APART: Final = 6
"""Pixels of the small picture between points."""
LEAST_AGREED: Final = 0.4
"""Share of the points that must move together; below it, what moved is not the camera."""


class Camera:
    """Sparse optical flow (Lucas and Kanade 1981, by pyramids) on corners (Shi and Tomasi 1994) outside the boxes.

    A similarity is fitted by RANSAC, as BoT-SORT (Aharon et al. 2022) does.
    """

    def __init__(self) -> None:
        self._before: UInt8 | None = None
        self._points: Float32 | None = None

    def motion(self, image: Image, boxes: Float32) -> Float32 | None:
        """[2, 3] where a point of the frame before is in this one, in pixels; None where that cannot be told.

        Args:
            boxes: [N, 4] what may move by itself: it is not looked at.
        """
        scale = min(1.0, LOOK_WIDTH / image.width)
        width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        gray = cv2.cvtColor(image.rgb(width, height), cv2.COLOR_RGB2GRAY)
        before, points = self._before, self._points
        self._before = gray
        self._points = _corners(gray, boxes * np.float32(scale))
        if before is None or points is None or len(points) < LEAST_POINTS or before.shape != gray.shape:
            return None
        now, found, _ = cv2.calcOpticalFlowPyrLK(before, gray, points, None)
        good = found.ravel() == 1
        if good.sum() < LEAST_POINTS:
            return None
        fitted, agreed = cv2.estimateAffinePartial2D(points[good], now[good], ransacReprojThreshold=1.5)
        if fitted is None or agreed.mean() < LEAST_AGREED:
            return None
        motion: Float32 = fitted.astype(np.float32)
        motion[:, 2] /= np.float32(scale)
        return motion


def _corners(gray: UInt8, boxes: Float32) -> Float32 | None:
    mask = np.full(gray.shape, 255, np.uint8)
    for left, top, right, bottom in np.clip(boxes, 0, max(gray.shape)).astype(int):
        mask[top : bottom + 1, left : right + 1] = 0
    points: Float32 | None = cv2.goodFeaturesToTrack(gray, MOST_POINTS, QUALITY, APART, mask=mask)
    return points
