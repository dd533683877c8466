"""Faces of whatever size in pictures of whatever size: several looks, one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._align import misfit
from compoundeye.apps.face._levels import COMMON, Part, levels
from compoundeye.apps.face._second_look import Levelled, level
from compoundeye.apps.face._views import VIEW_SIDE, joined, looked, moved, turned_back, views
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
_MOST_AGAIN = 1024
"""So many small faces of a picture are looked at again, the surest: that is what a crowd of them can cost."""
# Sides of what a detector looks at are multiples of these: last levels, which share the squares of closer looks;
# pictures that are looked at whole, for which YuNet itself needs as much; parts of large ones, which have all sizes.
_LAST_SIDE, _SIDE_STEP, _PART_STEP = 480, 32, 64
# A cut face ends at the edge of the part that cuts it.
_EDGE = 2
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


def find(detector: FaceDetector, pictures: Sequence[UInt8], settings: FindSettings) -> list[Levelled]:
    """Faces of each picture, uint8 [H, W, 3] RGB, the surest first. Small looks at all of them are taken together.

    Raises:
        EyeError: a detector without landmarks, or a smallest face of no size.
    """
    if not detector.landmarks:
        raise EyeError(f"{detector.card.name} finds no landmarks, without which faces cannot be aligned: take yunet")
    if settings.smallest < 1:
        raise EyeError(f"faces of {settings.smallest} pixels cannot be found: choose 1 or more")
    found = _upright(detector, pictures, settings)
    if not settings.turned:
        return found
    return [one if len(one) else _turned(detector, rgb, settings) for rgb, one in zip(pictures, found, strict=True)]


def _upright(detector: FaceDetector, pictures: Sequence[UInt8], settings: FindSettings) -> list[Levelled]:
    large, small = list[Faces](), list[Faces]()
    for faces, seen in _looks(detector, pictures, settings.smallest, min(TRACE, settings.min_score)):
        kept = nms(faces.boxes, _preference(faces.scores, seen), None, detector.iou)
        faces, tiny = faces[kept], seen[kept] < _SMALL
        large.append(faces[~tiny & (faces.scores >= settings.min_score)])
        small.append(faces[tiny][:_MOST_AGAIN])
    closer = [view for rgb, faces in zip(pictures, small, strict=True) for view in views(rgb, faces)]
    again = looked(detector, closer, settings.min_score)
    found = list[Faces]()
    for sure, traces in zip(large, small, strict=True):
        both = joined([sure, *islice(again, len(traces))])
        found.append(both[nms(both.boxes, both.scores, None, detector.iou)])
    levelled = level(detector, pictures, found, turned=settings.turned)
    return [one[misfit(one.faces.landmarks) <= _MAX_MISFIT] for one in levelled]


def _looks(
    detector: FaceDetector, pictures: Sequence[UInt8], smallest: float, min_score: float
) -> list[tuple[Faces, Float32]]:
    """All that is found of each on all levels, in its pixels, and how wide it was in the detector's pixels."""
    found = [_Looks(rgb.shape[1], rgb.shape[0]) for rgb in pictures]
    last = list[tuple[_Looks, _Look, UInt8]]()
    for rgb, told in zip(pictures, found, strict=True):
        pixels = rgb
        for size in levels(*told.size, smallest):
            pixels = _resized(pixels, size.width, size.height)
            for part in size.parts:
                view = _padded(pixels[part.top : part.top + part.height, part.left : part.left + part.width])
                look = _Look(part, size.width, size.height)
                if view.shape[:2] == (VIEW_SIDE, VIEW_SIDE):
                    last.append((told, look, view))
                else:
                    told.add(look, detector.find(view, min_score=min_score))
    together = detector.batch([view for *_, view in last], min_score=min_score)
    for (told, look, _), faces in zip(last, together, strict=True):
        told.add(look, faces)
    return [(joined(told.faces), np.concatenate(told.widths)) for told in found]


@dataclass(frozen=True, slots=True)
class _Look:
    """At one part of a level, which is so wide and high."""

    part: Part
    width: int
    height: int


class _Looks:
    """What was found of one picture so far."""

    def __init__(self, width: int, height: int) -> None:
        self.size = width, height
        self.faces, self.widths = [Faces.none()], [np.empty(0, np.float32)]

    def add(self, look: _Look, faces: Faces) -> None:
        """Faces that are whole in what was looked at."""
        part, (width, height) = look.part, self.size
        scale = np.array([width / look.width, height / look.height], np.float32)
        inner = (
            part.left > 0,
            part.top > 0,
            part.left + part.width < look.width,
            part.top + part.height < look.height,
        )
        whole = faces[_whole(faces.boxes, part.width, part.height, inner)]
        self.widths.append(whole.boxes[:, 2] - whole.boxes[:, 0])
        self.faces.append(moved(whole, np.array([part.left, part.top], np.float32), scale))


def _resized(pixels: UInt8, width: int, height: int) -> UInt8:
    """So wide and high. Averaging two by two is many times faster than by other numbers, so that is done first.

    The last row or column of an odd number is left out there: that moves things by less than a pixel.
    """
    while pixels.shape[1] >= 2 * width and pixels.shape[0] >= 2 * height:
        half = pixels.shape[1] // 2, pixels.shape[0] // 2
        even = pixels[: 2 * half[1], : 2 * half[0]]
        pixels = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
    if (width, height) == (pixels.shape[1], pixels.shape[0]):
        return pixels
    kind = cv2.INTER_AREA if width <= pixels.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=kind), np.uint8)


def _padded(view: UInt8) -> UInt8:
    """The same in the upper left corner of black, so that pictures have few shapes: one takes 30 ms to prepare for."""
    height, width = view.shape[:2]
    longer = max(height, width)
    step = VIEW_SIDE if longer <= _LAST_SIDE else _SIDE_STEP if longer <= COMMON else _PART_STEP
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


def _turned(detector: FaceDetector, rgb: UInt8, settings: FindSettings) -> Levelled:
    """Of the three other ways up, the one in which faces are found most surely; in pixels of the picture as it is."""
    height, width = rgb.shape[:2]
    scale = min(1.0, _TURNED_SIDE / max(height, width))
    small = _resized(rgb, max(1, round(width * scale)), max(1, round(height * scale)))
    sure = FindSettings(settings.smallest, max(settings.min_score, _TURNED_SCORE), turned=False)
    turns = (1, 2, 3)
    ways = _upright(detector, [np.ascontiguousarray(np.rot90(small, way)) for way in turns], sure)
    best = max(range(len(turns)), key=lambda way: float(ways[way].faces.scores.sum()))
    back = turned_back(ways[best].faces, turns[best], small.shape[1], small.shape[0])
    ratio = np.array([width / small.shape[1], height / small.shape[0]], np.float32)
    return Levelled(moved(back, np.zeros(2, np.float32), ratio), ways[best].confirmed)
