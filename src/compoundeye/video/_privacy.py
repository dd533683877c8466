"""People made unrecognisable: what is hidden here is gone before anything is stored or sent."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from compoundeye.video._app import Box

UInt8 = npt.NDArray[np.uint8]
How = Literal["pixelate", "blur", "cover"]
HOW: tuple[str, ...] = get_args(How)
ACROSS, DOWN = 5, 10
"""Tiles that a box is reduced to, at most."""
# IEC 62676-4, pixel density of operational requirements: 250 pixels a metre identify a stranger, 125 recognise
# somebody known, 62.5 observe, 25 detect, 12.5 monitor a crowd. Somebody of 1.6 m who fills a box is left with 10 tiles
# in 1.6 m (6 a metre); head and shoulders of 0.5 m with 5 tiles in 0.5 m (10 a metre): both below all five.
MARGIN = 0.08
"""Added on every side, as a share of the box's width and height: hair, and a detector that is a little off."""
COVER = 112
"""The grey that covers, of 255."""


def hide(pixels: UInt8, boxes: Iterable[Box], how: How = "pixelate", scale: float = 1.0) -> None:
    """Make whoever is in the boxes unrecognisable, in place.

    "pixelate" leaves at most 5 by 10 tiles of each box, "blur" the same tiles smoothly joined (so that there is nothing
    to sharpen again), "cover" nothing but grey. Tiles hide people from people and from face recognition as it is sold;
    a network that is trained on tiled pictures of the same few people can still guess among them (McPherson, Shokri and
    Shmatikov, "Defeating Image Obfuscation with Deep Learning", 2016), which only "cover" prevents.

    Args:
        pixels: [H, W, 3] writable RGB that shows the frame at ``scale`` times its size.
        boxes: left, top, right, bottom in pixels of the frame. One with a number that is not finite hides everything,
            for nobody knows where its person is.
        how: one of ``HOW``.
        scale: pixels here for each pixel of the frame.

    Raises:
        ValueError: the pixels are read-only, or there is no such way.
    """
    if how not in HOW:
        raise ValueError(f"people can be hidden by {', '.join(HOW)}, not by {how!r}")
    if not pixels.flags.writeable:
        raise ValueError("pixels are read-only: hide people in a copy")
    height, width = pixels.shape[:2]
    for box in boxes:
        left, top, right, bottom = _reach(box, scale, width, height)
        if left < right and top < bottom:
            _hide_one(pixels[top:bottom, left:right], how)


def _reach(box: Box, scale: float, width: int, height: int) -> tuple[int, int, int, int]:
    """Whole pixels that a box and its margin touch, within the picture."""
    if not all(map(math.isfinite, box)):
        return 0, 0, width, height
    x, y = MARGIN * abs(box[2] - box[0]), MARGIN * abs(box[3] - box[1])
    left, right = sorted((box[0], box[2]))
    top, bottom = sorted((box[1], box[3]))
    return (
        max(math.floor((left - x) * scale), 0),
        max(math.floor((top - y) * scale), 0),
        min(math.ceil((right + x) * scale), width),
        min(math.ceil((bottom + y) * scale), height),
    )


def _hide_one(part: UInt8, how: How) -> None:
    height, width = part.shape[:2]
    if how == "cover":
        part[:] = COVER
        return
    tile = max(width / ACROSS, height / DOWN, 1.0)
    # Rounding down keeps tiles at least that large in both directions.
    tiles = (max(int(width / tile), 1), max(int(height / tile), 1))
    small = cv2.resize(part, tiles, interpolation=cv2.INTER_AREA)
    how_up = cv2.INTER_NEAREST if how == "pixelate" else cv2.INTER_LINEAR
    part[:] = cv2.resize(small, (width, height), interpolation=how_up)
