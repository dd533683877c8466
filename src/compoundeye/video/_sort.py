"""SORT (Bewley et al. 2016, "Simple Online and Realtime Tracking"): one round, by overlap with the predicted box."""

from __future__ import annotations

from pydantic import Field

from compoundeye.video._follow import Candidates, Following, TrackerSettings
from compoundeye.video._pool import Bool, Int, Measured


class SortSettings(TrackerSettings):
    """The paper's, but that a lost one is looked for longer than for a single frame."""

    least_score: float = Field(0.3, ge=0, le=1, description="Score of a detection that is looked at")
    confirm: int = Field(3, ge=1, le=100, description="Frames on end that must see it before it counts")
    alike_at: float = Field(0.3, ge=0, le=1, description="Least overlap with the predicted box")


class Sort(Following):
    """A ``Tracker`` of one stream."""

    def __init__(self, settings: SortSettings) -> None:
        super().__init__(settings, settings.least_score)
        self._own = settings

    def partners(self, measured: Measured, followed: Bool, partner: Int) -> None:  # noqa: ARG002
        """One round."""
        pairs = Candidates(self.pool, measured, partner)
        gain = pairs.share - self._own.alike_at
        pairs.match(gain > 0, gain)
