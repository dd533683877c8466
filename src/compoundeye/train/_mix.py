"""Mixup and CutMix, on the device that learns: pictures and their classes blended with those of another picture.

Sources: Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018); Yun et al., "CutMix" (2019).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from compoundeye.train._chance import drawn


def mix(
    pixels: Tensor, targets: Tensor, classes: int, mixup: float, cutmix: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Blend each picture with another of the batch: the first with the last, and so on.

    Where both methods are on, each has every second batch on average.

    Args:
        pixels: float [N, C, H, W].
        targets: int64 [N], -1 for a picture without a class, which adds nothing to its blend's targets.
        classes: how many there are.
        mixup: alpha of the Beta distribution that the share is drawn from; 0 for no mixup.
        cutmix: the same, of the share of the area that is kept.
        generator: on the CPU; decides everything.

    Returns:
        New pixels, and targets float [N, classes] whose rows sum to at most 1.
    """
    wanted = _one_hot(targets, classes)
    # torch's own Beta takes no generator.
    chance = np.random.default_rng(drawn(generator))
    cut = cutmix > 0 and (mixup <= 0 or chance.random() < 0.5)
    alpha = cutmix if cut else mixup
    if alpha <= 0:
        return pixels, wanted
    share = float(chance.beta(alpha, alpha))
    other = pixels.flip(0)
    if not cut:
        return torch.lerp(other, pixels, share), torch.lerp(wanted.flip(0), wanted, share)
    top, bottom, left, right = _rectangle(pixels.shape[-2], pixels.shape[-1], share, chance)
    mixed = pixels.clone()
    mixed[..., top:bottom, left:right] = other[..., top:bottom, left:right]
    kept = 1 - (bottom - top) * (right - left) / (pixels.shape[-2] * pixels.shape[-1])
    return mixed, torch.lerp(wanted.flip(0), wanted, kept)


def _one_hot(targets: Tensor, classes: int) -> Tensor:
    known = targets >= 0
    return functional.one_hot(targets.clamp(min=0), classes).float() * known[:, None]


def _rectangle(height: int, width: int, share: float, chance: np.random.Generator) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of a rectangle of 1 - share of the area around a point anywhere, cut at the edges."""
    side = math.sqrt(1 - share)
    down, across = round(height * side), round(width * side)
    y, x = (int(chance.integers(length)) for length in (height, width))
    top, left = y - down // 2, x - across // 2
    return max(0, top), min(height, top + down), max(0, left), min(width, left + across)
