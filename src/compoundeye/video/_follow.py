"""What all trackers do with a frame; they differ in whom they take for whom."""

from __future__ import annotations

from typing import Final

import numpy as np
from pydantic import Field

from compoundeye.records import Detections, Frame, Tracks
from compoundeye.video._assign import assign, overlaps
from compoundeye.video._camera import Camera
from compoundeye.video._kalman import SIZE_VELOCITY, TICKS_PER_SECOND, corners, correct, predict
from compoundeye.video._pool import SIGHT, UNSEEN, Bool, Float32, Int, Measured, Pool
from compoundeye.video._reach import reach
from compoundeye.video._settings import Section

SAME_MOMENT: Final = 1.001
"""Times are sums of single-precision steps; this much apart they are still the same."""


class TrackerSettings(Section):
    """What all trackers can be told."""

    new_score: float = Field(0.6, ge=0, le=1, description="Score of a detection that a track can begin with")
    confirm: int = Field(2, ge=1, le=100, description="Frames on end that must see it before it counts")
    lost_s: float = Field(1.0, ge=0, le=60, description="How long one that is not seen is looked for, in s")
    coast_s: float = Field(0.15, ge=0, le=60, description="How long its predicted box is still told, in s")
    alike: tuple[tuple[str, ...], ...] = Field(
        (("car", "bus", "truck"), ("bicycle", "motorcycle")),
        description="Classes that a detector takes for each other; a track stays within its group",
    )
    moving_camera: bool = Field(False, description="Take the camera's own motion out of the boxes' (costs a look)")


class Following:
    """The frame of a ``Tracker``; an algorithm fills in ``partners``.

    Args:
        least: score below which a detection is not looked at.
        rows: further rows of the pool's state that the algorithm keeps.
    """

    def __init__(self, settings: TrackerSettings, least: float, rows: int = 0) -> None:
        self.pool = Pool(settings.alike, rows)
        self._settings = settings
        self._least = least
        self._camera = Camera() if settings.moving_camera else None
        self._begun = False

    def update(self, found: Detections, time_s: float, frame: Frame | None = None) -> Tracks:
        """See ``Tracker``."""
        pool = self.pool
        measured = pool.measured(found, self._least)
        seconds = pool.advance(time_s)
        if seconds > self._settings.lost_s:  # nothing came through: whoever is there now is not told from others
            pool.keep(np.zeros(len(pool), np.bool_))
        followed = pool.state[UNSEEN] <= seconds * SAME_MOMENT
        if self._camera and frame is not None:
            self.moved(self._camera.motion(frame.image, measured.corners.T))
        variance = predict(pool.state, seconds * TICKS_PER_SECOND)
        partner = np.full(len(pool), -1, np.intp)
        if len(pool) and len(measured):
            self.partners(measured, followed, partner)
            reach(pool, measured, partner, seconds, self._settings.new_score)
            seen = partner >= 0
            boxes = measured.boxes.take(partner, axis=1)
            self.returned(boxes, variance, seen & ~followed)
            correct(pool.state, boxes, variance, seen)
            pool.took(seen, partner, measured, boxes)
            self.corrected(boxes, seen)
        else:
            seen = np.zeros(len(pool), np.bool_)
            pool.state[SIZE_VELOCITY] = 0
        self._forget(seen)
        self._begin(measured, partner)
        return self.told()

    def partners(self, measured: Measured, followed: Bool, partner: Int) -> None:
        """Write the place of each track's detection into ``partner``, which holds -1.

        Args:
            followed: [N] who was seen in the frame before.
        """
        raise NotImplementedError

    def returned(self, boxes: Float32, variance: Float32, which: Bool) -> None:
        """Some are seen again after they were not: before the filter takes their [4, N] ``boxes``."""

    def corrected(self, boxes: Float32, seen: Bool) -> None:
        """The filter has taken the [4, N] ``boxes`` of those who are seen."""

    def started(self, count: int) -> None:
        """The last ``count`` columns of the pool are new."""

    def moved(self, motion: Float32 | None) -> None:
        """The camera moved by a [2, 3] similarity, or nobody can tell."""
        if motion is not None:
            self.pool.moved(motion)

    def told(self) -> Tracks:
        """Whom the tracker follows after this frame."""
        return self.pool.tracks(self._settings.coast_s)

    def _forget(self, seen: Bool) -> None:
        """Who was not seen for long is lost; and who had only begun, at once."""
        pool = self.pool
        keep = pool.state[UNSEEN] <= self._settings.lost_s
        begun = pool.ids == 0
        if np.count_nonzero(begun):
            pool.confirm(np.flatnonzero(begun & (pool.hits() >= self._settings.confirm)))
            keep &= seen | ~begun
        if np.count_nonzero(keep) < len(keep):
            pool.keep(keep)

    def _begin(self, measured: Measured, partner: Int) -> None:
        if not len(measured):
            return
        free = measured.scores >= self._settings.new_score
        free[partner[partner >= 0]] = False
        which = np.flatnonzero(free)
        if len(which):
            self.pool.add(measured, which)
            self.started(len(which))
        if not self._begun or self._settings.confirm == 1:
            # Nothing came before the first frame that could confirm it.
            self.pool.confirm(np.flatnonzero(self.pool.ids == 0))
        self._begun = True


class Candidates:
    """Pairs of tracks and detections that overlap and may be the same, by class; matched in rounds."""

    def __init__(self, pool: Pool, measured: Measured, partner: Int) -> None:
        self.rows, self.columns, self.share = overlaps(corners(pool.state), measured.corners)
        may = pool.may_be(self.rows, self.columns, measured.classes)
        if may is not None:
            self.rows, self.columns, self.share = self.rows[may], self.columns[may], self.share[may]
        self._pool, self._measured = pool, measured
        self.partner = partner
        self.open = np.ones(len(measured), np.bool_)
        """[M] detections that nobody took yet."""

    def match(self, which: Bool, gain: Float32) -> None:
        """A round: of ``which`` [K] pairs, those whose gain is above 0 and that together gain most."""
        which = which & (gain > 0)
        if not np.count_nonzero(which):
            return
        rows, columns, gain = self.rows[which], self.columns[which], gain[which]
        ours, theirs = assign(rows, columns, gain, len(self.partner), len(self.open))
        self.partner[ours] = theirs
        self.open[theirs] = False

    def recover(self, tracks: Bool, detections: Bool, least: float) -> None:
        """A last round, by the boxes in which tracks were last seen: for whoever stopped or turned back.

        The idea is OC-SORT's (Cao et al. 2023, observation-centric recovery).

        Args:
            tracks: [N] who takes part, of those without a partner.
            detections: [M] what takes part, of what nobody took.
            least: overlap.
        """
        ours, theirs = np.flatnonzero(tracks & (self.partner < 0)), np.flatnonzero(detections & self.open)
        if not len(ours) or not len(theirs):
            return
        pool, measured = self._pool, self._measured
        rows, columns, share = overlaps(corners(pool.state[SIGHT].take(ours, axis=1)), measured.corners[:, theirs])
        may = share > least
        by_class = pool.may_be(ours[rows], theirs[columns], measured.classes)
        if by_class is not None:
            may &= by_class
        rows, columns = assign(rows[may], columns[may], share[may], len(ours), len(theirs))
        self.partner[ours[rows]] = theirs[columns]
        self.open[theirs[columns]] = False
