"""Faces of whatever size in pictures of whatever size: several looks, one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._align import misfit, warped
from compoundeye.apps.face._levels import Level, levels
from compoundeye.models import MIN_FACE_SCORE, FaceDetector, nms
from compoundeye.records import EyeError, Faces

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

SMALLEST = 20.0
"""Width in pixels of the smallest face that is looked for, unless one says otherwise."""
TRACE = 0.3
"""Score from which a small face is looked at again, enlarged."""

# Width in the detector's pixels below which a face is looked at again: below, a landmark is off by a twentieth of the
# face's width and more, as measured on 57 real faces at 16 sizes.
_SMALL = 48
_LARGE = 320
_AGAIN_SIDE, _AGAIN_FACE = 160, 64
_HALF = (_AGAIN_SIDE - 1) / 2
_MOST_AGAIN = 1024
"""So many small faces of a picture are looked at again, the surest: that is what a crowd of them can cost."""
# Sides of what a detector looks at are multiples of these, in the last levels and in the others.
_LAST_SIDE, _SIDE_STEP = 480, 64
# A cut face ends at the edge of the part that cuts it.
_EDGE = 2
# Of 41 real faces none was turned that should not be; of the same ones in 3 other ways up 94 % were righted.
_DOUBTED = 0.88
# A turned picture of no faces is full of things that look a little like one.
_TURNED_SCORE = 0.8
_TURNED_SIDE = 640
# Of 116 real faces, profiles among them, the worst was 12.
_MAX_MISFIT = 16.0


@dataclass(frozen=True, slots=True)
class FindSettings:
    """What to look for."""

    smallest: float = SMALLEST
    """Width in pixels, of the picture as shown, of the smallest face: what finding costs grows with the square of its
    inverse in large pictures."""
    min_score: float = MIN_FACE_SCORE
    turned: bool = True
    """Look at faces that are not sure, and at pictures without any, turned by 90, 180 and 270 degrees too."""


def find(detector: FaceDetector, rgb: UInt8, settings: FindSettings) -> Faces:
    """Faces of one picture, uint8 [H, W, 3] RGB, the surest first.

    Raises:
        EyeError: a detector without landmarks, or a smallest face of no size.
    """
    if not detector.landmarks:
        raise EyeError(f"{detector.card.name} finds no landmarks, without which faces cannot be aligned: take yunet")
    if settings.smallest < 1:
        raise EyeError(f"faces of {settings.smallest} pixels cannot be found: choose 1 or more")
    found = _upright(detector, rgb, settings)
    if len(found) or not settings.turned:
        return found
    return _turned(detector, rgb, settings)


def _upright(detector: FaceDetector, rgb: UInt8, settings: FindSettings) -> Faces:
    height, width = rgb.shape[:2]
    faces, seen = _looks(detector, rgb, levels(width, height, settings.smallest), min(TRACE, settings.min_score))
    kept = nms(faces.boxes, _preference(faces.scores, seen), None, detector.iou)
    faces, seen = faces[kept], seen[kept]
    small = seen < _SMALL
    again = _Views.of(rgb, faces[small][:_MOST_AGAIN]).again(detector, settings.min_score)
    both = joined([faces[~small & (faces.scores >= settings.min_score)], *again])
    both = both[nms(both.boxes, both.scores, None, detector.iou)]
    if settings.turned:
        both = _upright_each(detector, rgb, both)
    return both[misfit(both.landmarks) <= _MAX_MISFIT]


def _looks(detector: FaceDetector, rgb: UInt8, plan: Sequence[Level], min_score: float) -> tuple[Faces, Float32]:
    """All that is found on all levels, in pixels of the picture, and how wide it was in the detector's pixels."""
    found, widths = [Faces.none()], [np.empty(0, np.float32)]
    pixels, (height, width) = rgb, rgb.shape[:2]
    for level in plan:
        pixels = _resized(pixels, level.width, level.height)
        views = [
            _padded(pixels[part.top : part.top + part.height, part.left : part.left + part.width])
            for part in level.parts
        ]
        scale = np.array([width / level.width, height / level.height], np.float32)
        for part, faces in zip(level.parts, detector.batch(views, min_score=min_score), strict=True):
            inner = (
                part.left > 0,
                part.top > 0,
                part.left + part.width < level.width,
                part.top + part.height < level.height,
            )
            whole = faces[_whole(faces.boxes, part.width, part.height, inner)]
            widths.append(whole.boxes[:, 2] - whole.boxes[:, 0])
            found.append(moved(whole, np.array([part.left, part.top], np.float32), scale))
    return joined(found), np.concatenate(widths)


def _resized(pixels: UInt8, width: int, height: int) -> UInt8:
    if (width, height) == (pixels.shape[1], pixels.shape[0]):
        return pixels
    kind = cv2.INTER_AREA if width <= pixels.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=kind), np.uint8)


def _padded(view: UInt8) -> UInt8:
    """The same in the upper left corner of black, so that pictures have few shapes: one takes 30 ms to prepare for."""
    height, width = view.shape[:2]
    step = _AGAIN_SIDE if max(height, width) <= _LAST_SIDE else _SIDE_STEP
    down, right = -height % step, -width % step
    if not down and not right:
        return view
    return np.asarray(cv2.copyMakeBorder(view, 0, down, 0, right, cv2.BORDER_CONSTANT, value=(0, 0, 0)), np.uint8)


def _whole(boxes: Float32, width: int, height: int, inner: tuple[bool, bool, bool, bool]) -> npt.NDArray[np.bool_]:
    """[N] those that do not end where the part ends and the level goes on: left, top, right, bottom."""
    limits = np.array([_EDGE, _EDGE, width - _EDGE, height - _EDGE], np.float32)
    beyond = np.concatenate([boxes[:, :2] < limits[:2], boxes[:, 2:] > limits[2:]], axis=1)
    return np.asarray(~(beyond & np.array(inner)).any(axis=1))


def _preference(scores: Float32, widths: Float32) -> Float32:
    """Of looks at one face, the one at the size at which landmarks are best comes first."""
    return np.where((widths >= _SMALL) & (widths <= _LARGE), scores + 1, scores)


@dataclass(frozen=True, slots=True)
class _Views:
    """Faces each in the middle of a square of its own, at the size that suits the detector."""

    middles: Float32
    scales: Float32
    pixels: tuple[UInt8, ...]

    @classmethod
    def of(cls, rgb: UInt8, faces: Faces) -> _Views:
        middles = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
        scales = _AGAIN_FACE / np.maximum((faces.boxes[:, 2:] - faces.boxes[:, :2]).max(axis=1), 1)
        pairs = zip(scales.astype(np.float64), middles.astype(np.float64), strict=True)
        maps = [np.array([[s, 0, _HALF - s * x], [0, s, _HALF - s * y]]) for s, (x, y) in pairs]
        return cls(
            middles.astype(np.float32), scales.astype(np.float32), tuple(warped(rgb, one, _AGAIN_SIDE) for one in maps)
        )

    def again(self, detector: FaceDetector, min_score: float, turns: int = 0) -> list[Faces]:
        """What each shows when it is turned as ``np.rot90`` turns: one face or none, in pixels of the picture."""
        pixels = [np.ascontiguousarray(np.rot90(one, turns)) for one in self.pixels] if turns else self.pixels
        out = []
        for found, scale, middle in zip(
            detector.batch(pixels, min_score=min_score), self.scales, self.middles, strict=True
        ):
            # The face in question is in the middle; others in view are looked at in views of their own.
            off = np.abs((found.boxes[:, :2] + found.boxes[:, 2:]) / 2 - _HALF).max(axis=1)
            central = turned_back(found[off < _AGAIN_FACE / 2][:1], turns, _AGAIN_SIDE, _AGAIN_SIDE)
            out.append(moved(central, scale * middle - _HALF, np.array([1 / scale, 1 / scale], np.float32)))
        return out


def _upright_each(detector: FaceDetector, rgb: UInt8, faces: Faces) -> Faces:
    """Faces that may lie on their side or head down, as they are surest.

    A detector that never saw one takes it for a poor upright face and puts the eyes where its mouth is.
    """
    sure = _sureness(faces)
    doubted = np.flatnonzero(sure < _DOUBTED)
    if not len(doubted):
        return faces
    out = [faces[[place]] for place in range(len(faces))]
    views = _Views.of(rgb, faces[doubted])
    for turns in (1, 2, 3):
        for place, one in zip(doubted, views.again(detector, TRACE, turns), strict=True):
            if len(one) and _sureness(one)[0] > sure[place]:
                out[place], sure[place] = one, _sureness(one)[0]
    return joined(out)


def _sureness(faces: Faces) -> Float32:
    """[N] scores, less a hundredth for each pixel by which landmarks of an aligned face lie off their places."""
    return np.asarray(faces.scores - misfit(faces.landmarks) / 100, np.float32)


def _turned(detector: FaceDetector, rgb: UInt8, settings: FindSettings) -> Faces:
    """Of the three other ways up, the one in which faces are found most surely; in pixels of the picture as it is."""
    height, width = rgb.shape[:2]
    scale = min(1.0, _TURNED_SIDE / max(height, width))
    small = _resized(rgb, max(1, round(width * scale)), max(1, round(height * scale)))
    sure = FindSettings(settings.smallest, max(settings.min_score, _TURNED_SCORE), turned=False)
    ways = {turns: _upright(detector, np.ascontiguousarray(np.rot90(small, turns)), sure) for turns in (1, 2, 3)}
    turns = max(ways, key=lambda way: float(ways[way].scores.sum()))
    back = turned_back(ways[turns], turns, small.shape[1], small.shape[0])
    ratio = np.array([width / small.shape[1], height / small.shape[0]], np.float32)
    return moved(back, np.zeros(2, np.float32), ratio)


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
