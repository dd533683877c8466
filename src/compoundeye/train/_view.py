"""How a picture becomes what a network sees: in training with chance, in evaluation without."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from compoundeye.pixels import Box, framed

_TRIES = 10  # of torchvision's RandomResizedCrop, so that the distribution of boxes is the customary one
BOX_DRAWS = 2 * _TRIES + 2
"""Random numbers that `View.box` takes."""


class View(BaseModel):
    """What is cut from a picture, at what size, and what chance does to it.

    The default is that of ImageNet training: Inception's random-resized crop (Szegedy 2015) and mirroring. For small
    pictures such as 28 x 28: ``crop="whole", shift=2``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=224, ge=1, description="pixels of each side")
    crop: Literal["random_resized", "centre", "whole"] = "random_resized"
    scale: tuple[float, float] = Field(default=(0.08, 1.0), description="random_resized: share of the picture's area")
    ratio: tuple[float, float] = Field(default=(3 / 4, 4 / 3), description="random_resized: width over height")
    fraction: float = Field(default=0.875, gt=0, le=1, description="centre: share of the shorter side")
    flip: bool = Field(default=True, description="mirror every second picture left to right")
    shift: int = Field(default=0, ge=0, description="most pixels of a random translation; black comes in")
    brightness: float = Field(default=0, ge=0, le=1, description="colour jitter: factors are from 1 ± this")
    contrast: float = Field(default=0, ge=0, le=1)
    saturation: float = Field(default=0, ge=0, le=1)
    hue: float = Field(default=0, ge=0, le=0.5, description="of the colour circle")
    randaugment: int = Field(default=0, ge=0, le=8, description="operations a picture (Cubuk 2020)")
    magnitude: float = Field(default=9, ge=0, le=10, description="of RandAugment's operations")
    erase: float = Field(default=0, ge=0, le=1, description="chance that a rectangle is greyed out (Zhong 2020)")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(f"scale must be two shares of the area in rising order, not {self.scale}")
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError(f"ratio must be two ratios in rising order, not {self.ratio}")
        if self.shift >= self.size:
            raise ValueError(f"shift must be less than size {self.size}, not {self.shift}")
        return self

    def evaluation(self) -> View:
        """The same size without chance: the middle of the picture, or all of it where training sees all of it."""
        return View(
            size=self.size, crop="whole" if self.crop == "whole" else "centre", fraction=self.fraction, flip=False
        )

    def box(self, width: int, height: int, draws: Sequence[float]) -> Box:
        """What is cut from a picture of that size, by ``BOX_DRAWS`` numbers in [0, 1)."""
        if self.crop != "random_resized":
            return framed(self.crop, self.fraction, width, height)  # as the model that comes of the training does
        w, h = self._sides(width, height, draws)
        x, y = draws[2 * _TRIES : BOX_DRAWS]
        if w == 0:
            w, h = _within(width, height, *self.ratio)
            return (width - w) // 2, (height - h) // 2, w, h
        return int(x * (width - w + 1)), int(y * (height - h + 1)), w, h

    def _sides(self, width: int, height: int, draws: Sequence[float]) -> tuple[int, int]:
        """Area uniform in `scale`, logarithm of the ratio uniform; zeros if no try fits into the picture."""
        low, high = self.scale
        narrow, wide = math.log(self.ratio[0]), math.log(self.ratio[1])
        for at in range(0, 2 * _TRIES, 2):
            area = (low + (high - low) * draws[at]) * width * height
            ratio = math.exp(narrow + (wide - narrow) * draws[at + 1])
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                return w, h
        return 0, 0


def _within(width: int, height: int, narrowest: float, widest: float) -> tuple[int, int]:
    """The largest sides with a ratio within bounds."""
    if width < narrowest * height:
        return width, max(1, min(height, round(width / narrowest)))
    if width > widest * height:
        return max(1, min(width, round(height * widest))), height
    return width, height
