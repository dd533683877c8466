"""Every face to the same place: five landmarks decide how a picture is turned, scaled and shifted, in one warp.

The least-squares similarity is S. Umeyama's, "Least-squares estimation of transformation parameters between two point
patterns", IEEE Transactions on Pattern Analysis and Machine Intelligence 13 (1991), equations 39 to 42; in a plane it
has a closed form.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

SIDE = 112
"""Width and height of an aligned face in pixels."""

# Where eyes, nose and mouth corners of an aligned face lie: the points that ArcFace (arXiv:1801.07698) and SphereFace
# aligned to, as OpenCV's FaceRecognizerSF::alignCrop has them.
_PLACES = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float64
)
_MIDDLE = _PLACES.mean(axis=0)
_COMPLEX = np.array([1, 1j])

_SHRUNK_FROM = 2.0
"""A warp takes four pixels for each it makes, so from half size down it would skip some: those are averaged first."""


def similarities(landmarks: Float32) -> Float64:
    """Maps [N, 2, 3] from a picture to aligned faces: rotation, one scale and a shift, never a reflection.

    Args:
        landmarks: [N, 5, 2] in pixels of the picture, in the order of ``Faces``.
    """
    points = landmarks.astype(np.float64)
    middle = points.mean(axis=1, keepdims=True)
    # In a plane, a rotation and a scale are one complex factor, and the best one is a quotient of two sums.
    spread = (points - middle) @ _COMPLEX
    factor = spread.conj() @ ((_PLACES - _MIDDLE) @ _COMPLEX)
    factor /= np.maximum((spread * spread.conj()).real.sum(axis=1), np.finfo(np.float64).tiny)
    linear = np.stack([factor.real, -factor.imag, factor.imag, factor.real], axis=1).reshape(-1, 2, 2)
    shift = _MIDDLE - np.einsum("nde,ne->nd", linear, middle[:, 0])
    return np.concatenate([linear, shift[:, :, None]], axis=2)


def misfit(landmarks: Float32) -> Float32:
    """[N] how far landmarks stay from their places in the aligned face: root mean square in its pixels.

    Of a face seen from the front 2 to 4; from the side up to about 10; landmarks that belong to no face, more.
    """
    maps = similarities(landmarks)
    there = np.einsum("nde,nke->nkd", maps[:, :, :2], landmarks.astype(np.float64)) + maps[:, None, :, 2]
    return np.asarray(np.sqrt(((there - _PLACES) ** 2).sum(axis=2).mean(axis=1)), np.float32)


def align(rgb: UInt8, landmarks: Float32) -> UInt8:
    """Faces [N, 112, 112, 3] of a picture, each with its eyes, nose and mouth where an embedder wants them.

    What lies beyond the picture's edge is black. Where a face is larger than twice its aligned size its pixels are
    averaged before the warp; otherwise this is what ``cv2.FaceRecognizerSF.alignCrop`` gives.

    Args:
        rgb: uint8 [H, W, 3].
        landmarks: [N, 5, 2] in its pixels, in the order of ``Faces``. N may be 0.

    Raises:
        ValueError: landmarks that are not numbers, or all in one place.
    """
    crops = np.empty((len(landmarks), SIDE, SIDE, 3), np.uint8)
    if not np.isfinite(landmarks).all() or (len(landmarks) and np.ptp(landmarks, axis=1).max(axis=1).min() <= 0):
        raise ValueError("these landmarks are no face's: they must be numbers, and not all in one place")
    for crop, one in zip(crops, similarities(landmarks), strict=True):
        crop[...] = warped(rgb, one, SIDE)
    return crops


def warped(rgb: UInt8, there: Float64, side: int) -> UInt8:
    """[side, side, 3] what a map [2, 3] makes of a picture; averaged first where it shrinks to half size or less."""
    pixels, there = _shrunk(rgb, there, side)
    return np.asarray(cv2.warpAffine(pixels, there, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def _shrunk(rgb: UInt8, there: Float64, side: int) -> tuple[UInt8, Float64]:
    """The part of a picture that a face is warped from, averaged by a whole number of pixels, and the map from it."""
    factor = int(1 / np.sqrt(abs(np.linalg.det(there[:, :2]))))
    if factor < _SHRUNK_FROM:
        return rgb, there
    height, width = rgb.shape[:2]
    back = cv2.invertAffineTransform(there)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ back[:, :2].T + back[:, 2]
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - factor, 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + factor, [width, height])
    size = (high - low) // factor
    if size.min() < 1:  # hardly anything of this face is in the picture
        return rgb, there
    part = rgb[low[1] : low[1] + size[1] * factor, low[0] : low[0] + size[0] * factor]
    small = cv2.resize(part, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    # The middle of pixel x of the small part is the middle of `factor` pixels of the picture.
    shift = there[:, :2] @ (low + (factor - 1) / 2) + there[:, 2]
    return np.asarray(small, np.uint8), np.concatenate([there[:, :2] * factor, shift[:, None]], axis=1)
