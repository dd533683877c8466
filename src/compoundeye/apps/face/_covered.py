"""Hints that eyes or mouth are covered, from colour and detail of an aligned face alone.

These are rules, not a trained network: `covered` says what they can and cannot tell.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

# Of an aligned face, left, top, right, bottom: both eyes; both cheeks beside the nose; the nose between the eyes; the
# brow, which may be hair; mouth and chin.
_EYES = ((27, 44, 50, 59), (62, 44, 85, 59))
_CHEEKS = ((30, 64, 42, 76), (70, 64, 82, 76))
_BRIDGE = (51, 46, 61, 60)
_BROW = (40, 26, 72, 38)
_MOUTH = (38, 84, 74, 104)


def covered(crops: UInt8) -> tuple[Float32, Float32]:
    """Hints of 0..1 that the eyes, and that mouth and nose are covered: [N], [N].

    Eyes: both patches are much darker than the cheeks, even their brightest part, as sunglasses are. Mouth: it differs
    in colour from the bridge of the nose and from the brow by more than skin does, as a mask. Clear or mirroring
    glasses, hands, hair and masks of the skin's colour are not seen by these rules; nor are masks in a grey picture.

    Args:
        crops: [N, 112, 112, 3] RGB, aligned.
    """
    if not len(crops):
        return np.empty(0, np.float32), np.empty(0, np.float32)
    pairs = [_of_one(cv2.cvtColor(np.asarray(one, np.float32) / 255, cv2.COLOR_RGB2Lab)) for one in crops]
    eyes, mouth = np.array(pairs, np.float32).T
    return eyes, mouth


def _of_one(lab: npt.NDArray[np.generic]) -> tuple[float, float]:
    image = np.asarray(lab, np.float64)
    skin = max(float(np.median(_patch(image, box)[:, 0])) for box in _CHEEKS)
    eyes = min(_glass(_patch(image, box)[:, 0], skin) for box in _EYES)
    # CIE 1976 a*b*: difference of colour without lightness, which light from above alone would change.
    mouth, *skins = (np.median(_patch(image, box)[:, 1:], axis=0) for box in (_MOUTH, _BRIDGE, _BROW))
    return eyes, _ramp(min(float(np.linalg.norm(mouth - one)) for one in skins), 12, 24)


def _glass(light: Float64, skin: float) -> float:
    """How much one eye's patch is like dark glass: its brighter part is dark beside skin."""
    return _ramp((skin - float(np.quantile(light, 0.8))) / max(skin, 1.0), 0.3, 0.6)


def _patch(image: Float64, box: tuple[int, int, int, int]) -> Float64:
    left, top, right, bottom = box
    return image[top:bottom, left:right].reshape(-1, image.shape[2])


def _ramp(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)
