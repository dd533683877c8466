"""How a picture of any shape becomes the input of a detector, and how boxes come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from compoundeye.records import Image

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Fit = Literal["corner", "centre", "stretch"]
"""Where the picture lies in the input: scaled as a whole into the upper left corner, the same in the middle, or made to
fill it whatever its proportions."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """The input of one network: its size, how a picture is fitted, and what fills the rest."""

    width: int
    height: int
    fit: Fit
    fill: int = 114
    """Grey value around the picture."""

    def place(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, width, height in pixels of the input of a picture of this size; all of it lies inside."""
        if self.fit == "stretch":
            return 0, 0, self.width, self.height
        scale = min(self.width / width, self.height / height)
        # The side that decides fills the input exactly: a product in floating point may fall just short of it.
        wide = self.width if width * self.height >= height * self.width else max(1, int(width * scale))
        high = self.height if height * self.width >= width * self.height else max(1, int(height * scale))
        if self.fit == "corner":
            return 0, 0, wide, high
        return (self.width - wide) // 2, (self.height - high) // 2, wide, high

    def prepare(self, image: Image) -> UInt8:
        """[height, width, 3] RGB: one pass from decoded pixels to the size in which the picture is looked at."""
        left, top, wide, high = self.place(image.width, image.height)
        pixels = image.rgb(wide, high)
        if (wide, high) == (self.width, self.height):
            return np.ascontiguousarray(pixels)
        out = np.full((self.height, self.width, 3), self.fill, np.uint8)
        out[top : top + high, left : left + wide] = pixels
        return out

    def restore(self, boxes: Float32, width: int, height: int) -> Float32:
        """Boxes [N, 4] in pixels of the input, in pixels of a picture of this size."""
        left, top, wide, high = self.place(width, height)
        offset = np.array([left, top, left, top], np.float32)
        scale = np.array([width / wide, height / high] * 2, np.float32)
        return np.asarray((boxes - offset) * scale, np.float32)
