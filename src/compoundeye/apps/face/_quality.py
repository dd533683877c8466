"""How well a face can be compared: the components of ISO/IEC 29794-5 that its pixels and landmarks can honestly tell.

Components are 0 (useless) to 100 (nothing to wish for). Exposure, contrast, illumination and pose follow the formulas
of the standard's open implementation, OFIQ (github.com/BSI-OFIQ/OFIQ-Project, OFIQlib/modules/measures); sharpness,
size and the overall score are our own, because the standard's are trained networks. What needs a network that we do not
have is left out: expression, eyes open, mouth closed, background, head covering, natural colour, compression.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._align import SIDE, similarities
from compoundeye.apps.face._covered import covered
from compoundeye.apps.face._pose import pose
from compoundeye.records import Faces

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

# Brows to chin, cheek to cheek of an aligned face, as OFIQ's "landmarked region".
_MIDDLE, _RADII = (56, 70), (32, 42)
_FACE: Bool = cv2.ellipse(np.zeros((SIDE, SIDE), np.uint8), _MIDDLE, _RADII, 0, 0, 360, 1, cv2.FILLED).astype(bool)
_LEFT: Bool = _FACE & (np.arange(SIDE) < _MIDDLE[0])
_RIGHT: Bool = _FACE & (np.arange(SIDE) > _MIDDLE[0])
# ITU-R BT.709-6, item 3.2.
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
# OFIQ, UnderExposurePrevention.cpp and OverExposurePrevention.cpp: pixels up to 25 are dark, from 247 on burnt out.
_DARK, _BURNT = 25, 247


@dataclass(frozen=True, slots=True)
class Quality:
    """Of N faces, as a structure of arrays: float32 [N] each. Higher is better unless it says otherwise."""

    overall: Float32
    """0..100: how much may be expected of a comparison. Made of those below; a hint for choosing, no probability."""
    sharpness: Float32
    """0..100: fine detail beside the face's contrast. Noise counts as detail."""
    exposure: Float32
    """0..100: neither dark nor bright on average, and little that is black or burnt out."""
    contrast: Float32
    """0..100: the dynamic range, entropy of luminance in bits times 12.5."""
    illumination: Float32
    """0..100: how much the histograms of both halves of the face have in common."""
    yaw: Float32
    """Degrees, positive to the person's left; see ``pose``."""
    pitch: Float32
    """Degrees, positive downwards."""
    roll: Float32
    """Degrees, positive to the person's right shoulder."""
    inter_eye_px: Float32
    """Pixels of the picture between the eyes, as if seen from the front: divided by the yaw's cosine."""
    inside: Float32
    """0..1: the share of the face that is within the picture; 1 if the picture's size is not told."""
    eyes_covered: Float32
    """0..1: a hint that something dark, such as sunglasses, is before the eyes. Lower is better."""
    mouth_covered: Float32
    """0..1: a hint that something, such as a mask, is before mouth and nose. Lower is better."""
    confirmed: Float32
    """1; or 0 of a face that a closer look was not sure of: of turned faces half of them are aligned wrongly."""

    def __len__(self) -> int:
        return len(self.overall)

    def __getitem__(self, which: Any) -> Quality:
        """Those that a mask, a slice or an array of places chooses."""
        return Quality(*(getattr(self, one.name)[which] for one in fields(self)))

    def row(self, at: int) -> dict[str, float]:
        """One face's as plain values, rounded: for JSON and for records."""
        return {one.name: round(float(getattr(self, one.name)[at]), 3) for one in fields(self)}


def assess(
    crops: UInt8, faces: Faces, *, size: tuple[int, int] | None = None, confirmed: Bool | None = None
) -> Quality:
    """The quality of each face.

    Args:
        crops: [N, 112, 112, 3] RGB, as ``align`` makes them. N may be 0.
        faces: the same faces as they lie in their picture; landmarks in its pixels.
        size: width and height of the picture, so that what lies beyond its edge is told from what is black.
        confirmed: [N] as ``Found`` has it; None: all are.

    Raises:
        ValueError: crops and faces that do not belong together.
    """
    if crops.shape != (len(faces), SIDE, SIDE, 3):
        raise ValueError(f"{len(faces)} faces need crops [{len(faces)}, {SIDE}, {SIDE}, 3], not {list(crops.shape)}")
    maps = similarities(faces.landmarks)
    seen = _seen(maps, size)
    light = (crops @ _LUMINANCE).astype(np.float32)
    histograms = np.stack([_histograms(light, part & seen) for part in (_FACE, _LEFT, _RIGHT)])
    yaw, pitch, roll = pose(faces.landmarks).T
    eyes = np.linalg.norm(faces.landmarks[:, 0] - faces.landmarks[:, 1], axis=1)
    eyes = eyes / np.maximum(np.cos(np.deg2rad(yaw)), 0.2)
    parts = {
        "sharpness": _sharpness(light, _FACE & seen),
        "exposure": _exposure(histograms[0]),
        "contrast": _contrast(histograms[0]),
        "illumination": 100 * np.minimum(histograms[1], histograms[2]).sum(axis=1) ** 0.3,
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
        "inter_eye_px": eyes,
        "confirmed": np.ones(len(faces)) if confirmed is None else confirmed,
        "inside": (_FACE & seen).sum(axis=(1, 2)) / _FACE.sum(),
    }
    parts |= dict(zip(("eyes_covered", "mouth_covered"), covered(crops), strict=True))
    whole = Quality(overall=np.zeros(0, np.float32), **{name: np.asarray(v, np.float32) for name, v in parts.items()})
    return Quality(_overall(whole), *(getattr(whole, one.name) for one in fields(Quality)[1:]))


def _overall(quality: Quality) -> Float32:
    """The product of what each component leaves, so that one that is useless cannot be made good by the others.

    Steps and exponents are chosen on 14 real faces made worse in seven ways: over all but noise the score ranks them
    as the cosine to the untouched face does (``tests/apps/face/test_quality.py`` does it again). SFace bears darkness
    and light from the side well, so that exposure and illumination weigh little; blur, few pixels and a narrow range
    of luminance it does not. Noise and compression are not seen.
    """
    turned = np.cos(np.deg2rad(quality.yaw)) ** 2 * np.cos(np.deg2rad(quality.pitch)) ** 2
    left = [
        (_rise(quality.inter_eye_px, 10, 4), 0.7),
        (quality.sharpness / 100, 0.3),
        (np.maximum(quality.exposure / 100, 0.01), 0.1),
        (_rise(quality.contrast, 50, 8), 0.7),
        (quality.illumination / 100, 0.5),
        (turned, 1.0),
        (quality.inside, 1.0),
        (1 - 0.5 * quality.eyes_covered, 1.0),
        (1 - 0.5 * quality.mouth_covered, 1.0),
        (0.5 + 0.5 * quality.confirmed, 1.0),  # of turned ones that are not, half are aligned wrongly
    ]
    score = np.prod([np.clip(value, 0, 1) ** power for value, power in left], axis=0)
    return np.asarray(100 * np.nan_to_num(score), np.float32)


def _seen(maps: Float64, size: tuple[int, int] | None) -> Bool:
    """[N, 112, 112] which pixels of an aligned face come from within the picture."""
    if size is None or not len(maps):
        return np.ones((len(maps), SIDE, SIDE), np.bool_)
    back = np.linalg.inv(np.concatenate([maps, np.tile([[[0.0, 0.0, 1.0]]], (len(maps), 1, 1))], axis=1))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    there = back[:, :2] @ np.stack([columns, rows, np.ones_like(rows)]).reshape(3, -1)
    within = (there >= -0.5) & (there < np.array(size)[:, None] - 0.5)
    return np.asarray(within.all(axis=1).reshape(-1, SIDE, SIDE))


def _histograms(light: Float32, parts: Bool) -> Float64:
    """[N, 256] shares of the luminances within each face's part; all 0 where nothing is within."""
    levels = np.rint(light).astype(np.int64) + 256 * np.arange(len(light))[:, None, None]
    counts = np.bincount(levels[parts], minlength=256 * len(light)).reshape(-1, 256)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _sharpness(light: Float32, parts: Bool) -> Float64:
    """What three pixels' averaging takes away, beside the contrast, on a scale of 100."""
    fine = np.array([one - cv2.blur(one, (3, 3)) for one in light]).reshape(light.shape)
    share = _deviation(fine, parts) / np.maximum(_deviation(light, parts), 1.0)
    return 100 * _rise(share, 0.075, 0.015)


def _deviation(values: Float32, parts: Bool) -> Float64:
    count = np.maximum(parts.sum(axis=(1, 2)), 1)
    mean = (values * parts).sum(axis=(1, 2), dtype=np.float64) / count
    square = (values**2 * parts).sum(axis=(1, 2), dtype=np.float64) / count
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 0)))


def _exposure(shares: Float64) -> Float64:
    """Luminance mean, under- and over-exposure prevention of OFIQ, the worst of the three."""
    mean = shares @ np.arange(256) / 255
    middle = 100 * _rise(mean, 0.2, 0.05) * (1 - _rise(mean, 0.8, 0.05))
    dark, burnt = shares[:, : _DARK + 1].sum(axis=1), shares[:, _BURNT:].sum(axis=1)
    under = 120 * (0.832 - _rise(dark, 0.92, 0.05))
    over = 1 / (burnt + 0.01)
    return np.asarray(np.clip(np.minimum.reduce([middle, under, over]), 0, 100))


def _contrast(shares: Float64) -> Float64:
    logarithms = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(np.clip(-12.5 * (shares * logarithms).sum(axis=1), 0, 100))


def _rise(value: npt.NDArray[Any], middle: float, width: float) -> Float64:
    """A logistic step from 0 to 1."""
    return np.asarray(1 / (1 + np.exp(np.clip((middle - value) / width, -60, 60))))
