"""ByteTrack (Zhang et al. 2022, "ByteTrack: Multi-Object Tracking by Associating Every Detection Box").

Sure detections find their tracks first; then those tracks that found none may take a faint one, because somebody who
walks behind a pole is still there with a low score. A track that begins counts once a second frame confirms it.

Apart from the paper: the filter keeps width, not aspect ratio (as BoT-SORT, Aharon et al. 2022, shows to fit better),
time is in seconds, a track keeps to classes that are alike, and whoever still found nobody is compared once more with
the box in which it was last seen, as OC-SORT does: somebody who turns back is not where the filter expects it.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from compoundeye.video._follow import Candidates, Following, TrackerSettings
from compoundeye.video._pool import Bool, Int, Measured


class ByteTrackSettings(TrackerSettings):
    """The paper's, but for three: detectors in use are less sure than the one that it was chosen for.

    The paper has 0.5 for the sure, 0.5 for the overlap of the faint and 0.3 for that of the new. Ours were chosen on
    shaken truth of both TUD clips and on synthetic streets, with other seeds than ``benchmarks/trackers.py`` uses, and
    by looking at a real street: a lower score for the new took a signpost for a person.
    """

    sure_score: float = Field(0.3, ge=0, le=1, description="Score of a detection that is believed")
    faint_score: float = Field(0.1, ge=0, le=1, description="Score of one that is believed where a track expects it")
    sure_alike: float = Field(0.2, ge=0, le=1, description="Least overlap times score, in the round of the sure")
    faint_alike: float = Field(0.4, ge=0, le=1, description="Least overlap in the round of the faint")
    begun_alike: float = Field(0.15, ge=0, le=1, description="Least overlap times score of one that has just begun")
    sight_alike: float = Field(0.45, ge=0, le=1, description="Least overlap with the box last seen, in the last round")


class ByteTrack(Following):
    """A ``Tracker`` of one stream."""

    def __init__(self, settings: ByteTrackSettings) -> None:
        super().__init__(settings, settings.faint_score)
        self._own = settings

    def partners(self, measured: Measured, followed: Bool, partner: Int) -> None:
        """Four rounds: the sure, the faint, where it was last seen, and those who have just begun."""
        own = self._own
        pairs = Candidates(self.pool, measured, partner)
        sure, old = measured.scores >= own.sure_score, self.pool.ids > 0
        known, believed = old[pairs.rows], sure[pairs.columns]
        alike = pairs.share * measured.scores[pairs.columns]
        pairs.match(known & believed, alike - own.sure_alike)
        if np.count_nonzero(believed) < len(believed):
            waiting = followed & old & (partner < 0)
            pairs.match(waiting[pairs.rows] & ~believed, pairs.share - own.faint_alike)
        pairs.recover(old, sure, own.sight_alike)
        if np.count_nonzero(known) < len(known):
            pairs.match(~known & (sure & pairs.open)[pairs.columns], alike - own.begun_alike)
