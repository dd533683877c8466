"""At which sizes a picture is looked at, and in which parts: pure arithmetic.

YuNet finds faces of some 16 to 320 pixels. So a picture is looked at where its smallest faces are just large enough,
then at a quarter of that, and so on until the picture itself is no larger than a face may be. All levels together cost
a fifteenth more than the first.
"""

from __future__ import annotations

from dataclasses import dataclass

SEEN_FROM = 16
"""Width in pixels from which a face leaves a trace in the first look: of 57 real faces scaled to 16 pixels 96 % had a
score of at least 0.3, of 20 pixels 98 %; enlarged to 64 all of them had one of at least 0.8."""

_STEP = 4
"""Each level is a quarter as wide as the one before."""
COMMON = 640
"""A picture whose longer side is no longer than this is looked at as it is."""
_LONG_ENOUGH = 160
"""A smaller picture is enlarged to this: on a crop of 25 pixels that is one face, a detector finds nothing."""
_LAST = 400
"""A picture of this size needs no coarser level: a face that fills it is found."""
_PART = 1280
"""Larger levels are looked at in parts of at most this width and height."""
_SHARED = 160
"""Parts share so many pixels: a face of that width is whole in one of them, a larger one on a coarser level."""


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of a level, in its pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Level:
    """The picture at one size."""

    width: int
    height: int
    parts: tuple[Part, ...]
    """All of one size, together the whole level; neighbours share pixels."""


def levels(width: int, height: int, smallest: float) -> list[Level]:
    """The levels of a picture, the finest first.

    Args:
        width, height: of the picture in pixels.
        smallest: width in pixels of the smallest face to look for.
    """
    longer = max(width, height)
    scale = min(1.0, max(SEEN_FROM / smallest, COMMON / longer)) if longer >= _LONG_ENOUGH else _LONG_ENOUGH / longer
    out = []
    while True:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        out.append(Level(*size, parts(*size)))
        if max(size) <= _LAST:
            return out
        scale /= _STEP


def parts(width: int, height: int) -> tuple[Part, ...]:
    """Parts of a level: as few as suffice, all of one size."""
    across, wide = _cut(width)
    down, high = _cut(height)
    return tuple(Part(left, top, wide, high) for top in down for left in across)


def _cut(length: int) -> tuple[list[int], int]:
    """Where parts begin along one side, and how long each is."""
    if length <= _PART:
        return [0], length
    count = -(-(length - _SHARED) // (_PART - _SHARED))
    long = -(-(length - _SHARED) // count) + _SHARED
    last = length - long
    return [round(number * last / (count - 1)) for number in range(count)], long
