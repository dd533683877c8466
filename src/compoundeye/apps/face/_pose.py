"""Which way a face looks, from its five landmarks.

A head of average shape is turned, scaled and shifted until its five points lie where the landmarks do, by least squares
under a camera that is far away (scaled orthography: D. DeMenthon and L. Davis, "Model-Based Object Pose in 25 Lines of
Code", International Journal of Computer Vision 15 (1995)), so that no camera has to be known.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

# canonical_face_model.obj of MediaPipe (Apache-2.0), in cm: eyes are the middle of vertices 33 and 133 and of 362 and
# 263, the nose between 1 and 4, mouth corners 61 and 291. x to the person's left, y up, z out of the face.
_HEAD = np.array(
    [
        [-3.151, 2.625, 3.466],
        [3.151, 2.625, 3.466],
        [0.0, -0.795, 7.531],
        [-2.456, -4.343, 4.284],
        [2.456, -4.343, 4.284],
    ]
)
_POINTS = _HEAD - _HEAD.mean(axis=0)
_STEPS = 8
"""Of Gauss and Newton; 5 suffice within 60 degrees."""


def pose(landmarks: Float32) -> Float32:
    """[N, 3] yaw, pitch and roll in degrees, in the sense of ISO/IEC 19794-5 and 39794-5: all 0 seen from the front.

    Yaw is positive for a face that looks to its own left (the picture's right), pitch for one that looks down, roll
    for a head tilted to its own right shoulder. A head is turned by yaw first, then by pitch, then by roll.

    Args:
        landmarks: [N, 5, 2] in pixels, in the order of ``Faces``. Of landmarks that are no numbers angles are none.
    """
    image = landmarks.astype(np.float64) * [1, -1]  # y up, as the head has it
    image = image - image.mean(axis=1, keepdims=True)
    known = np.isfinite(image).all(axis=(1, 2)) & (np.abs(image).max(axis=(1, 2), initial=0) > 0)
    angles = np.full((len(image), 3), np.nan, np.float32)
    if known.any():
        turned = _start(image[known])
        for _ in range(_STEPS):
            turned = _step(turned, image[known])
        angles[known] = _angles(turned)
    return angles


def turned_by(yaw: float, pitch: float, roll: float) -> Float64:
    """The rotation [3, 3] of angles in degrees, as ``pose`` understands them."""
    y, x, z = np.deg2rad([yaw, pitch, roll])
    around_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    around_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(around_z @ around_x @ around_y)


def _start(image: Float64) -> Float64:
    """Rotations [N, 3, 3] nearest to the best affine map."""
    affine = np.einsum("nkd,ek->nde", image, np.linalg.pinv(_POINTS).astype(np.float64))
    left, _, right = np.linalg.svd(affine, full_matrices=False)
    rows = left @ right
    return np.concatenate([rows, np.cross(rows[:, 0], rows[:, 1])[:, None]], axis=1)


def _step(turned: Float64, image: Float64) -> Float64:
    """Better rotations: one step, with the best scale of each."""
    there = np.einsum("nde,ke->nkd", turned, _POINTS)
    flat = there[:, :, :2]
    scale = (flat * image).sum(axis=(1, 2)) / (flat**2).sum(axis=(1, 2))
    slopes = np.zeros((*flat.shape, 4))
    slopes[:, :, 0, 1], slopes[:, :, 0, 2] = there[:, :, 2], -there[:, :, 1]
    slopes[:, :, 1, 0], slopes[:, :, 1, 2] = -there[:, :, 2], there[:, :, 0]
    slopes[:, :, :, :3] *= scale[:, None, None, None]
    slopes[:, :, :, 3] = flat
    slopes = slopes.reshape(len(image), -1, 4)
    rest = (image - flat * scale[:, None, None]).reshape(len(image), -1, 1)
    normal = np.swapaxes(slopes, 1, 2) @ slopes
    # Levenberg's damping: seen exactly from the side the scale and the turn are one.
    normal += np.eye(4) * 1e-6 * np.trace(normal, axis1=1, axis2=2)[:, None, None]
    change = np.linalg.solve(normal, np.swapaxes(slopes, 1, 2) @ rest)[:, :3, 0]
    return np.asarray(_small_turns(change) @ turned)


def _small_turns(vectors: Float64) -> Float64:
    """[N, 3, 3] rotations about vectors [N, 3], by as many radians as each is long (O. Rodrigues, 1840)."""
    angle = np.linalg.norm(vectors, axis=1)
    x, y, z = (vectors / np.maximum(angle, np.finfo(np.float64).tiny)[:, None]).T
    zero = np.zeros_like(x)
    across = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    sine, rest = np.sin(angle)[:, None, None], (1 - np.cos(angle))[:, None, None]
    return np.asarray(np.eye(3) + sine * across + rest * (across @ across))


def _angles(turned: Float64) -> Float32:
    yaw = np.arctan2(-turned[:, 2, 0], turned[:, 2, 2])
    pitch = np.arcsin(np.clip(turned[:, 2, 1], -1, 1))
    roll = np.arctan2(-turned[:, 0, 1], turned[:, 1, 1])
    return np.asarray(np.rad2deg(np.stack([yaw, pitch, roll], axis=1)), np.float32)
