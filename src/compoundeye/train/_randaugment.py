"""RandAugment: some operations a picture, each drawn evenly from fourteen, all of one strength.

Source: Cubuk, Zoph, Shlens and Le, "RandAugment: Practical automated data augmentation with a reduced search space"
(2020); ranges of AutoAugment's table, magnitudes 0 to 10. Colours are OpenCV's, so results are close to those of
Pillow's operations, not equal to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

DRAWS_AN_OPERATION = 2
_GREY = (128, 128, 128)  # what comes in where pixels moved away
_LEVELS = np.arange(256, dtype=np.float64)
_LUMA = np.array([0.299, 0.587, 0.114])
# Pillow's SMOOTH kernel, which its sharpness blends with.
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13


def randaugment(pixels: Pixels, operations: int, magnitude: float, draws: Sequence[float]) -> None:
    """Change uint8 [H, W, 3] in place.

    Args:
        magnitude: 0 (nothing) to 10 (strongest).
        draws: two numbers in [0, 1) an operation: which, and in which direction.
    """
    strength = magnitude / 10
    for at in range(0, operations * DRAWS_AN_OPERATION, DRAWS_AN_OPERATION):
        operation = OPERATIONS[int(draws[at] * len(OPERATIONS))]
        operation(pixels, strength if draws[at + 1] < 0.5 else -strength)


def nothing(pixels: Pixels, strength: float) -> None:
    """Identity."""


def stretch(pixels: Pixels, strength: float) -> None:  # noqa: ARG001
    """AutoContrast: each channel over the whole range."""
    for channel in range(3):
        low, high, _, _ = cv2.minMaxLoc(pixels[:, :, channel])
        if high > low:
            levels = np.clip((_LEVELS - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
            pixels[:, :, channel] = cv2.LUT(pixels[:, :, channel], levels)


def equalise(pixels: Pixels, strength: float) -> None:  # noqa: ARG001
    """Equalize: each channel's histogram made flat."""
    for channel in range(3):
        pixels[:, :, channel] = cv2.equalizeHist(np.ascontiguousarray(pixels[:, :, channel]))


def posterise(pixels: Pixels, strength: float) -> None:
    """Keep 8 to 4 bits."""
    np.bitwise_and(pixels, 0xFF & ~((1 << round(abs(strength) * 4)) - 1), out=pixels)


def solarise(pixels: Pixels, strength: float) -> None:
    """Invert what is lighter than a threshold, which sinks from 256 to 0."""
    threshold = 256 * (1 - abs(strength))
    cv2.LUT(pixels, np.where(threshold > _LEVELS, _LEVELS, 255 - _LEVELS).astype(np.uint8), dst=pixels)


def colour(pixels: Pixels, strength: float) -> None:
    """Saturation by a factor of 0.1 to 1.9."""
    factor = 1 + 0.9 * strength
    cv2.transform(pixels, factor * np.eye(3) + (1 - factor) * np.stack([_LUMA] * 3), dst=pixels)


def contrast(pixels: Pixels, strength: float) -> None:
    """Contrast around the mean grey by a factor of 0.1 to 1.9."""
    factor = 1 + 0.9 * strength
    grey = float(np.dot(cv2.mean(pixels)[:3], _LUMA))
    cv2.LUT(pixels, np.clip(_LEVELS * factor + grey * (1 - factor) + 0.5, 0, 255).astype(np.uint8), dst=pixels)


def brightness(pixels: Pixels, strength: float) -> None:
    """Brightness by a factor of 0.1 to 1.9."""
    cv2.convertScaleAbs(pixels, dst=pixels, alpha=1 + 0.9 * strength)


def sharpness(pixels: Pixels, strength: float) -> None:
    """Blend with, or away from, the smoothed picture by a factor of 0.1 to 1.9."""
    factor = 1 + 0.9 * strength
    cv2.addWeighted(pixels, factor, cv2.filter2D(pixels, -1, _SMOOTH), 1 - factor, 0, dst=pixels)


def rotate(pixels: Pixels, strength: float) -> None:
    """By up to 30 degrees around the middle."""
    h, w = pixels.shape[:2]
    _warp(pixels, cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), 30 * strength, 1))


def shear_across(pixels: Pixels, strength: float) -> None:
    """ShearX by up to 0.3."""
    _warp(pixels, np.array([[1, 0.3 * strength, 0], [0, 1, 0]]))


def shear_down(pixels: Pixels, strength: float) -> None:
    """ShearY by up to 0.3."""
    _warp(pixels, np.array([[1, 0, 0], [0.3 * strength, 1, 0]]))


def move_across(pixels: Pixels, strength: float) -> None:
    """TranslateX by up to 0.45 of the width."""
    _warp(pixels, np.array([[1, 0, math.trunc(0.45 * strength * pixels.shape[1])], [0, 1, 0]], np.float64))


def move_down(pixels: Pixels, strength: float) -> None:
    """TranslateY by up to 0.45 of the height."""
    _warp(pixels, np.array([[1, 0, 0], [0, 1, math.trunc(0.45 * strength * pixels.shape[0])]], np.float64))


def _warp(pixels: Pixels, matrix: NDArray[np.float64]) -> None:
    h, w = pixels.shape[:2]
    pixels[...] = cv2.warpAffine(
        pixels, matrix, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=_GREY
    )


OPERATIONS: tuple[Callable[[Pixels, float], None], ...] = (
    nothing,
    stretch,
    equalise,
    rotate,
    posterise,
    solarise,
    colour,
    contrast,
    brightness,
    sharpness,
    shear_across,
    shear_down,
    move_across,
    move_down,
)
