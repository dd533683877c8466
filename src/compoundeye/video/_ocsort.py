"""OC-SORT (Cao et al. 2023, "Observation-Centric SORT"): what was seen counts for more than what was predicted.

Three additions to SORT. A pair is worth more where the detection lies in the direction that the track had (momentum).
Who found nobody is compared once more with the box in which it was last seen (recovery). And who comes back after a
gap gets the gap's error taken out: the filter goes back to the last sight and runs once more along the straight way
from there to here (re-update).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from pydantic import Field

from compoundeye.records import Tracks
from compoundeye.video._follow import Candidates, Following, TrackerSettings
from compoundeye.video._kalman import STATE_ROWS, TICKS_PER_SECOND, correct, predict
from compoundeye.video._pool import POOL_ROWS, SIGHT, UNSEEN, Bool, Float32, Int, Measured, filters_moved

# Rows of the pool's state that are this algorithm's own.
PAST: Final = slice(POOL_ROWS, POOL_ROWS + 6)
"""Centres of the three sights before it, the oldest first: the paper's delta t of 3."""
DIRECTION: Final = slice(POOL_ROWS + 6, POOL_ROWS + 8)
"""Unit vector from the oldest of them to the last sight; 0, 0 of one that stands."""
FROZEN: Final = slice(POOL_ROWS + 8, POOL_ROWS + 8 + STATE_ROWS)
"""The filter's state at the last sight."""
OWN_ROWS: Final = 8 + STATE_ROWS

MOST_STEPS: Final = 10
"""Of a re-update: a straight way needs no finer ones."""


class OcSortSettings(TrackerSettings):
    """The paper's, but for the scores: it looks at nothing below 0.6."""

    confirm: int = Field(3, ge=1, le=100, description="Frames on end that must see it before it counts")
    least_score: float = Field(0.3, ge=0, le=1, description="Score of a detection that is looked at")
    alike_at: float = Field(0.3, ge=0, le=1, description="Least overlap")
    momentum: float = Field(0.2, ge=0, le=1, description="What the same direction is worth, beside the overlap")


class OcSort(Following):
    """A ``Tracker`` of one stream."""

    def __init__(self, settings: OcSortSettings) -> None:
        super().__init__(settings, settings.least_score, OWN_ROWS)
        self._own = settings

    def partners(self, measured: Measured, followed: Bool, partner: Int) -> None:  # noqa: ARG002
        """Overlap and momentum; then overlap with the last sight."""
        own = self._own
        pairs = Candidates(self.pool, measured, partner)
        gain = pairs.share + own.momentum * self._agreement(pairs, measured)
        gain += own.momentum / 2 - own.alike_at  # above 0 wherever the overlap is enough
        pairs.match(pairs.share > own.alike_at, gain)
        pairs.recover(self.pool.ids >= 0, measured.scores > 0, own.alike_at)

    def _agreement(self, pairs: Candidates, measured: Measured) -> Float32:
        """[K] from -1/2, where a pair would turn back, to 1/2, where it keeps its direction; times the score."""
        state = self.pool.state
        way = measured.boxes[:2].take(pairs.columns, axis=1)
        way -= state[PAST][:2].take(pairs.rows, axis=1)
        direction = state[DIRECTION].take(pairs.rows, axis=1)
        cosine = (way * direction).sum(axis=0) / (np.sqrt(np.square(way).sum(axis=0)) + np.float32(1e-6))
        turn = np.arccos(np.clip(cosine, -1, 1))
        known = direction.any(axis=0)
        agreed: Float32 = (np.float32(0.5) - turn / np.float32(np.pi)) * known * measured.scores[pairs.columns]
        return agreed

    def returned(self, boxes: Float32, variance: Float32, which: Bool) -> None:
        """The re-update of those who come back."""
        back = np.flatnonzero(which)
        if not len(back):
            return
        state = self.pool.state
        filters = state[FROZEN].take(back, axis=1)
        start = state[SIGHT].take(back, axis=1)
        ticks = state[UNSEEN, back] * np.float32(TICKS_PER_SECOND)
        steps = max(2, min(MOST_STEPS, round(float(ticks.max()))))
        stride = (boxes.take(back, axis=1) - start) / np.float32(steps)
        everybody = np.ones(len(back), np.bool_)
        spread = predict(filters, ticks / np.float32(steps))
        for step in range(1, steps):
            correct(filters, start + stride * np.float32(step), spread, everybody)
            spread = predict(filters, ticks / np.float32(steps))
        state[:STATE_ROWS, back] = filters
        variance[back] = spread

    def corrected(self, boxes: Float32, seen: Bool) -> None:
        """Remember what was seen."""
        state = self.pool.state
        past, direction = state[PAST], state[DIRECTION]
        way = boxes[:2] - past[:2]
        length = np.sqrt(np.square(way).sum(axis=0))
        length += length == 0
        np.copyto(direction, way / length, where=seen)
        shifted = np.concatenate([past[2:], boxes[:2]])
        np.copyto(past, shifted, where=seen)
        np.copyto(state[FROZEN], state[:STATE_ROWS], where=seen)

    def started(self, count: int) -> None:
        """The first sight is all of the past there is."""
        fresh = self.pool.state[:, len(self.pool) - count :]
        fresh[PAST] = np.tile(fresh[:2], (3, 1))
        fresh[DIRECTION] = 0
        fresh[FROZEN] = fresh[:STATE_ROWS]

    def moved(self, motion: Float32 | None) -> None:
        """What was seen moves with the camera too."""
        super().moved(motion)
        if motion is None:
            return
        state = self.pool.state
        for at in range(PAST.start, PAST.stop, 2):
            state[at : at + 2] = motion[:, :2] @ state[at : at + 2] + motion[:, 2:]
        state[DIRECTION] = motion[:, :2] @ state[DIRECTION] / np.sqrt(np.abs(np.linalg.det(motion[:, :2])))
        filters_moved(state[FROZEN], motion)

    def told(self) -> Tracks:
        """Boxes as they were seen, not as they were filtered."""
        return self.pool.tracks(self._settings.coast_s, as_seen=True)
