"""Who rides: a person and the bicycle under them are two boxes, and one road user.

Somebody rides if their box reaches up from a bicycle's or motorcycle's that moves, for most of the last half second.
Who rides is not counted where what they ride is counted, so that a cyclist is one bicycle; where only people are
counted, a cyclist is a person. Who pushes a bicycle is a bicycle too.
"""

from __future__ import annotations

import numpy as np

from compoundeye.apps.traffic._geometry import Bool
from compoundeye.apps.traffic._motion import Motion
from compoundeye.apps.traffic._visitors import CAPACITY, Present, Rows, Visitors

RIDDEN = ("bicycle", "motorcycle")
MEMORY_S = 0.5
"""Time constant of what is believed."""
LEAST_SPEED = 0.25
"""Slower bicycles are parked, in heights of their boxes a second."""
LEAST_OVERLAP = 0.15
"""Least share of the person's box that the bicycle's covers."""
ENOUGH = 0.5
"""From this belief on somebody rides."""


class Riders:
    """What is believed of whom, by row."""

    def __init__(self) -> None:
        self._belief = np.zeros(CAPACITY)

    def step(self, visitors: Visitors, present: Present, motion: Motion, step_s: float) -> None:
        """Take who is there; ``visitors.rides`` says what each rides then."""
        fresh = present.rows[present.fresh]
        self._belief[fresh], visitors.rides[fresh] = 0.0, -1
        people = present.rows[visitors.of_kinds(present.rows, ("person",))]
        ridden = present.rows[visitors.of_kinds(present.rows, RIDDEN)]
        under = np.full(len(people), -1)
        if len(people) and len(ridden):
            fits = self._fits(visitors, motion, people, ridden)
            under = np.where(fits.any(axis=1), ridden[fits.argmax(axis=1)], -1)
        share = min(1.0, step_s / MEMORY_S)
        self._belief[people] += share * ((under >= 0) - self._belief[people])
        now = under >= 0
        visitors.rides[people[now]] = under[now]
        visitors.rides[people[self._belief[people] <= ENOUGH]] = -1

    @staticmethod
    def _fits(
        visitors: Visitors, motion: Motion, people: Rows, ridden: Rows
    ) -> Bool:  # fmt: skip
        """[P, R] whether a person sits on what moves."""
        one, other = visitors.boxes[people][:, None], visitors.boxes[ridden][None]
        across = np.minimum(one[..., 2], other[..., 2]) - np.maximum(one[..., 0], other[..., 0])
        down = np.minimum(one[..., 3], other[..., 3]) - np.maximum(one[..., 1], other[..., 1])
        size = (one[..., 2] - one[..., 0]) * (one[..., 3] - one[..., 1])
        overlap = np.clip(across, 0, None) * np.clip(down, 0, None) / np.maximum(size, 1e-6)
        middle = (one[..., 0] + one[..., 2]) / 2
        above = (one[..., 1] < other[..., 1]) & (middle > other[..., 0]) & (middle < other[..., 2])
        heights = visitors.boxes[ridden, 3] - visitors.boxes[ridden, 1]
        moves = np.hypot(*motion.velocity[ridden].T) > LEAST_SPEED * heights
        return np.asarray((overlap >= LEAST_OVERLAP) & above & moves[None])
