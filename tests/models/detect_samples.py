"""Pictures and frames for tests of detectors."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

UInt8 = npt.NDArray[np.uint8]
# Debian's opencv-doc; tests/video/samples.py checks its digest.
VTEST = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")


class Plain:
    """Pixels as an ``Image``, that remembers how it was looked at."""

    def __init__(self, pixels: UInt8) -> None:
        self.pixels = pixels
        self.asked: list[tuple[int | None, int | None]] = []

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    def rgb(self, width: int | None = None, height: int | None = None) -> UInt8:
        self.asked.append((width, height))
        if width is None or height is None:
            return self.pixels
        return np.asarray(cv2.resize(self.pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@cache
def street(number: int) -> Plain:
    """One frame of vtest.avi, 768 x 576; skips the test where it is not."""
    if not VTEST.is_file():
        pytest.skip("vtest.avi is not here: apt-get install opencv-doc")
    video = cv2.VideoCapture(str(VTEST))
    video.set(cv2.CAP_PROP_POS_FRAMES, number)
    done, pixels = video.read()
    assert done
    return Plain(np.ascontiguousarray(pixels[:, :, ::-1]))


def squared(image: Plain) -> Plain:
    """The same in the upper left corner of a square of grey, as detectors of square inputs see it."""
    side = max(image.width, image.height)
    pixels = np.full((side, side, 3), 114, np.uint8)
    pixels[: image.height, : image.width] = image.pixels
    return Plain(pixels)
