"""A last round for streams with few frames a second, where who walks on no longer overlaps with where it was.

Boxes are widened before they are compared, as C-BIoU does (Yang et al. 2023, "Hard to Track Objects with Irregular
Motions and Similar Appearances? Make It Easier by Buffering the Matching Space"); but by no constant, which would mix
up neighbours at full rate: by how far somebody can have gone since the frame before.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from compoundeye.video._assign import assign, overlaps
from compoundeye.video._kalman import corners
from compoundeye.video._pool import Float32, Int, Measured, Pool

# Somebody who walks does 1.4 m/s (Bohannon 1997, "Comfortable and maximum walking speed of adults aged 20-79 years"),
# which is about 2.8 widths of a box half a metre wide; two boxes that are both widened meet half way.
WIDTHS_PER_SECOND: Final = 1.4
OVERLAPPING: Final = 0.2
"""Widths that boxes need not be widened by: frames up to 1/7 s apart are compared as they are."""
WIDEST: Final = 1.0
ALIKE: Final = 0.05
"""Least overlap of the widened boxes: chance overlaps of their rims are below it."""


def widening(seconds: float) -> float:
    """By how much of its width and height a box is widened on each side, so many seconds after the frame before."""
    return min(max(WIDTHS_PER_SECOND * seconds - OVERLAPPING, 0.0), WIDEST)


def reach(pool: Pool, measured: Measured, partner: Int, seconds: float, least: float) -> None:
    """Write into ``partner`` [N] those who can have gone to a detection that nobody took.

    Args:
        seconds: since the frame before.
        least: score that a detection needs.
    """
    share = widening(seconds)
    if not share:
        return
    free = measured.scores >= least
    free[partner[partner >= 0]] = False
    ours, theirs = np.flatnonzero(partner < 0), np.flatnonzero(free)
    if not len(ours) or not len(theirs):
        return
    rows, columns, alike = overlaps(
        _widened(corners(pool.state).take(ours, axis=1), share), _widened(measured.corners[:, theirs], share)
    )
    may = alike > ALIKE
    by_class = pool.may_be(ours[rows], theirs[columns], measured.classes)
    if by_class is not None:
        may &= by_class
    rows, columns = assign(rows[may], columns[may], alike[may], len(ours), len(theirs))
    partner[ours[rows]] = theirs[columns]


def _widened(boxes: Float32, share: float) -> Float32:
    """[4, N] boxes with a share of their width and height added on each side."""
    rim = (boxes[2:] - boxes[:2]) * np.float32(share)
    return np.concatenate([boxes[:2] - rim, boxes[2:] + rim])
