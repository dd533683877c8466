"""From encoded bytes to the pixels of a view, by given random numbers: pure functions on uint8, in place.

Sources: Inception's crop and colour jitter as torchvision defines them; Zhong et al., "Random Erasing Data
Augmentation" (AAAI 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from compoundeye.pixels import crop_box
from compoundeye.train._randaugment import DRAWS_AN_OPERATION, randaugment
from compoundeye.train._view import BOX_DRAWS, View

Pixels = NDArray[np.uint8]

_JITTER = BOX_DRAWS + 3
_ERASE = _JITTER + 5
_RANDAUGMENT = _ERASE + 5
# Rec. ITU-R BT.601 luma, which Pillow's and torchvision's greys use.
_LUMA = (0.299, 0.587, 0.114)
_GREY = 128
_ERASED_AREA, _ERASED_RATIO = (0.02, 1 / 3), (0.3, 3.3)


def draws_of(view: View) -> int:
    """How many random numbers `render` takes for a picture."""
    return _RANDAUGMENT + view.randaugment * DRAWS_AN_OPERATION


def render(data: bytes, view: View, draws: Sequence[float], out: Pixels) -> None:
    """The picture as the view has it, into uint8 [S, S, 3]. Raises PictureError.

    Args:
        draws: ``draws_of(view)`` numbers in [0, 1); what is done depends on nothing else.
    """
    flip = view.flip and draws[BOX_DRAWS] < 0.5
    crop_box(data, lambda w, h: view.box(w, h, draws), (view.size, view.size), out=out, flip=flip)
    if view.shift:
        across, down = (int(draw * (2 * view.shift + 1)) - view.shift for draw in draws[BOX_DRAWS + 1 : _JITTER])
        shift(out, across, down)
    if view.brightness or view.contrast or view.saturation or view.hue:
        jitter(out, view, draws[_JITTER:_ERASE])
    if view.randaugment:
        randaugment(out, view.randaugment, view.magnitude, draws[_RANDAUGMENT:])
    if draws[_ERASE] < view.erase:
        erase(out, draws[_ERASE + 1 : _RANDAUGMENT])


def shift(pixels: Pixels, across: int, down: int) -> None:
    """Move the picture to the right and down (left and up if negative); black comes in."""
    h, w = pixels.shape[:2]
    moved = np.zeros_like(pixels)
    moved[max(down, 0) : h + min(down, 0), max(across, 0) : w + min(across, 0)] = pixels[
        max(-down, 0) : h + min(-down, 0), max(-across, 0) : w + min(-across, 0)
    ]
    pixels[...] = moved


def jitter(pixels: Pixels, view: View, draws: Sequence[float]) -> None:
    """Brightness, contrast, saturation and hue by factors around 1, in an order that chance decides too."""
    order = int(draws[4] * 24)
    steps = list(range(4))
    for left in range(4, 0, -1):
        order, at = divmod(order, left)
        step = steps.pop(at)
        strength = (view.brightness, view.contrast, view.saturation, view.hue)[step]
        if strength:
            amount = (2 * draws[step] - 1) * strength
            (brighten, contrast, saturate, turn_hue)[step](pixels, amount if step == 3 else 1 + amount)


def brighten(pixels: Pixels, factor: float) -> None:
    """Blend with black."""
    cv2.convertScaleAbs(pixels, dst=pixels, alpha=factor)


def contrast(pixels: Pixels, factor: float) -> None:
    """Blend with the mean grey."""
    grey = float(np.dot(cv2.mean(pixels)[:3], _LUMA))
    levels = np.clip(np.arange(256) * factor + grey * (1 - factor) + 0.5, 0, 255).astype(np.uint8)
    cv2.LUT(pixels, levels, dst=pixels)


def saturate(pixels: Pixels, factor: float) -> None:
    """Blend with the picture in grey."""
    mixing = factor * np.eye(3) + (1 - factor) * np.array([_LUMA] * 3)
    cv2.transform(pixels, mixing, dst=pixels)


def turn_hue(pixels: Pixels, amount: float) -> None:
    """Turn the colour circle by a share of it."""
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV_FULL)
    hsv[:, :, 0] += np.uint8(round(amount * 256) % 256)  # wraps around as hue does
    cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL, dst=pixels)


def erase(pixels: Pixels, draws: Sequence[float]) -> None:
    """Grey out a rectangle of 2 to 33 % of the area."""
    h, w = pixels.shape[:2]
    area = (_ERASED_AREA[0] + (_ERASED_AREA[1] - _ERASED_AREA[0]) * draws[0]) * h * w
    narrow, wide = map(math.log, _ERASED_RATIO)
    ratio = math.exp(narrow + (wide - narrow) * draws[1])
    down, across = min(h, round(math.sqrt(area / ratio))), min(w, round(math.sqrt(area * ratio)))
    top, left = int(draws[2] * (h - down + 1)), int(draws[3] * (w - across + 1))
    pixels[top : top + down, left : left + across] = _GREY
