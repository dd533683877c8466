"""ByteTrack (Zhang et al. 2022, "ByteTrack: Multi-Object Tracking by Associating Every Detection Box").

Sure detections find their tracks first; then those tracks that found none may take a faint one, because somebody who
walks behind a pole is still there with a low score. A track that begins counts once a second frame confirms it.

Apart from the paper: the filter keeps width, not aspect ratio (as BoT-SORT, Aharon et al. 2022, shows to fit better),
time is in seconds, and a track keeps to classes that are alike.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from pydantic import Field

from compoundeye.records import Detections, Frame, Tracks
from compoundeye.video._assign import assign, overlaps
from compoundeye.video._kalman import SIZE_VELOCITY, TICKS_PER_SECOND, corners, correct, predict
from compoundeye.video._pool import UNSEEN, Bool, Float32, Int, Measured, Pool, TrackerSettings

# The paper's code, all in shares: how alike a box must be in the round of the sure (intersection over union times
# score), of the faint (intersection over union), and of those who began in the frame before (as the first).
SURE_ALIKE: Final = 0.2
FAINT_ALIKE: Final = 0.5
BEGUN_ALIKE: Final = 0.3


class ByteTrackSettings(TrackerSettings):
    """The paper's thresholds are the defaults."""

    sure_score: float = Field(0.5, ge=0, le=1, description="Score of a detection that is believed")
    faint_score: float = Field(0.1, ge=0, le=1, description="Score of one that is believed where a track expects it")
    new_score: float = Field(0.6, ge=0, le=1, description="Score that a track can begin with")


class ByteTrack:
    """A ``Tracker`` of one stream."""

    def __init__(self, settings: ByteTrackSettings) -> None:
        self._settings = settings
        self._pool = Pool(settings.alike)
        self._first = True

    def update(self, found: Detections, time_s: float, frame: Frame | None = None) -> Tracks:  # noqa: ARG002
        """See ``Tracker``."""
        settings, pool = self._settings, self._pool
        measured = pool.measured(found, settings.faint_score)
        seconds = pool.advance(time_s)
        followed = pool.state[UNSEEN] <= seconds * 1.001  # seen in the frame before
        variance = predict(pool.state, seconds * TICKS_PER_SECOND)
        sure = measured.scores >= settings.sure_score
        partner = self._partners(measured, sure, followed)
        seen = partner >= 0
        if len(measured):
            correct(pool.state, measured.boxes.take(partner, axis=1), variance, seen)
            pool.took(seen, partner, measured)
        else:
            pool.state[SIZE_VELOCITY] = 0
        sure[partner[seen]] = False
        self._settle(seen)
        self._begin(measured, np.flatnonzero(sure & (measured.scores >= settings.new_score)))
        return pool.tracks(settings.coast_s)

    def _partners(self, measured: Measured, sure: Bool, followed: Bool) -> Int:
        """[N] place of each track's detection; -1 for none."""
        pool = self._pool
        partner = np.full(len(pool), -1, np.intp)
        if not len(pool) or not len(measured):
            return partner
        rows, columns, share = overlaps(corners(pool.state), measured.corners)
        may = pool.may_be(rows, columns, measured.classes)
        if may is not None and not may.all():
            rows, columns, share = rows[may], columns[may], share[may]
        alike = share * measured.scores[columns]
        believed = sure[columns]
        old = pool.ids > 0
        known = old[rows]
        open_ = np.ones(len(measured), np.bool_)

        def match(which: Bool, gain: Float32) -> None:
            which = np.flatnonzero(which & (gain > 0))
            ours, theirs = assign(rows[which], columns[which], gain[which], len(partner), len(open_))
            partner[ours] = theirs
            open_[theirs] = False

        match(known & believed, alike - SURE_ALIKE)
        if not sure.all():
            match((followed & old & (partner < 0))[rows] & ~believed, share - FAINT_ALIKE)
        if not old.all():
            match(~known & (sure & open_)[columns], alike - BEGUN_ALIKE)
        return partner

    def _settle(self, seen: Bool) -> None:
        """Who was seen a second time is confirmed; who was not, or is lost for long, is forgotten."""
        pool = self._pool
        begun = pool.ids == 0
        if begun.any():
            pool.confirm(np.flatnonzero(begun & seen))
        keep = pool.state[UNSEEN] <= self._settings.lost_s
        keep &= seen | ~begun
        if not keep.all():
            pool.keep(keep)

    def _begin(self, measured: Measured, which: Int) -> None:
        pool = self._pool
        if len(which):
            pool.add(measured, which)
        if self._first and len(measured):
            # Nothing came before the first frame that could confirm it.
            pool.confirm(np.arange(len(pool)))
        self._first = False
