"""Closer looks at faces: each in the middle of a small square of its own, many squares at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._align import misfit, warped
from compoundeye.models import FaceDetector
from compoundeye.records import Faces

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

VIEW_SIDE = 160
"""Width and height of a square."""
_FACE = 64
"""The longer side of the face in it: a size that suits the detector."""
_HALF = (VIEW_SIDE - 1) / 2
_TOGETHER = 32
"""Squares that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class View:
    """One face of a picture, to be looked at in a square."""

    rgb: UInt8
    middle: Float32
    scale: float

    def pixels(self) -> UInt8:
        """The square [160, 160, 3]."""
        x, y = self.middle.astype(np.float64)
        there = np.array([[self.scale, 0, _HALF - self.scale * x], [0, self.scale, _HALF - self.scale * y]])
        return warped(self.rgb, there, VIEW_SIDE)

    def told(self, found: Faces) -> Faces:
        """The face in question of what the square shows, or none; in pixels of the picture.

        It is in the middle; others that can be seen are looked at in squares of their own.
        """
        off = np.abs((found.boxes[:, :2] + found.boxes[:, 2:]) / 2 - _HALF).max(axis=1)
        shift = (self.scale * self.middle - _HALF).astype(np.float32)
        return moved(found[off < _FACE / 2][:1], shift, np.full(2, 1 / self.scale, np.float32))


def views(rgb: UInt8, faces: Faces) -> list[View]:
    """A view of each face of a picture."""
    middles = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    scales = _FACE / np.maximum((faces.boxes[:, 2:] - faces.boxes[:, :2]).max(axis=1), 1)
    return [View(rgb, middle, scale) for middle, scale in zip(middles, scales.tolist(), strict=True)]


def looked(detector: FaceDetector, of: Sequence[View], min_score: float) -> Iterator[Faces]:
    """What each view shows: one face or none, in pixels of its picture."""
    for start in range(0, len(of), _TOGETHER):
        some = of[start : start + _TOGETHER]
        found = detector.batch([one.pixels() for one in some], min_score=min_score)
        yield from (one.told(faces) for one, faces in zip(some, found, strict=True))


def sureness(faces: Faces) -> Float32:
    """[N] scores, less a hundredth for each pixel by which landmarks of an aligned face lie off their places."""
    return np.asarray(faces.scores - misfit(faces.landmarks) / 100, np.float32)


def turned_back(faces: Faces, turns: int, width: int, height: int) -> Faces:
    """Faces of ``np.rot90(picture, turns)`` in pixels of the picture, which is so wide and high."""

    def point(x: Float32, y: Float32) -> Float32:
        match turns % 4:
            case 1:
                x, y = width - 1 - y, x
            case 2:
                x, y = width - 1 - x, height - 1 - y
            case 3:
                x, y = y, height - 1 - x
        return np.stack([x, y], axis=-1).astype(np.float32)

    one, other = (point(faces.boxes[:, k], faces.boxes[:, k + 1]) for k in (0, 2))
    boxes = np.concatenate([np.minimum(one, other), np.maximum(one, other)], axis=1)
    return Faces(boxes, faces.scores, point(faces.landmarks[..., 0], faces.landmarks[..., 1]))


def moved(faces: Faces, shift: Float32, scale: Float32) -> Faces:
    """Coordinates (x, y) become (x + shift) * scale."""
    boxes = (faces.boxes + np.tile(shift, 2)) * np.tile(scale, 2)
    return Faces(boxes.astype(np.float32), faces.scores, ((faces.landmarks + shift) * scale).astype(np.float32))


def joined(parts: Sequence[Faces]) -> Faces:
    """Several as one, in order."""
    boxes, scores, landmarks = zip(*((part.boxes, part.scores, part.landmarks) for part in parts), strict=True)
    return Faces(np.concatenate(boxes), np.concatenate(scores), np.concatenate(landmarks))
