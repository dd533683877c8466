"""Points of the settings as pixels of the stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compoundeye.apps.traffic._geometry import Float64
from compoundeye.apps.traffic._settings import TrafficSettings
from compoundeye.records import EyeError
from compoundeye.video import Stream

MOST_OUTSIDE = 0.5
"""How far a point may be outside of the frame, in its size: lines may reach over the edge, but not lie elsewhere."""


class Places:
    """From the frame that points were drawn on to the one that the stream has."""

    def __init__(self, stream: Stream, settings: TrafficSettings) -> None:
        self.stream = stream
        drawn_on = settings.drawn_on or (stream.width, stream.height)
        self._scale = np.array([stream.width / drawn_on[0], stream.height / drawn_on[1]])
        self._drawn_on = drawn_on

    def points(self, points: Sequence[tuple[float, float]], where: str) -> Float64:
        """[K, 2] in pixels of the stream.

        Raises:
            EyeError: one is not in or near the frame; the message names the setting and what is allowed.
        """
        for x, y in points:
            for value, size in zip((x, y), self._drawn_on, strict=True):
                if not -MOST_OUTSIDE * size <= value <= (1 + MOST_OUTSIDE) * size:
                    raise EyeError(
                        f"stream {self.stream.name}: traffic.{where}: the point [{x:g}, {y:g}] is not in the picture; "
                        f"allowed: 0 to {self._drawn_on[0]} and 0 to {self._drawn_on[1]}, or a little outside "
                        "(drawn on a frame of another size? say so in drawn_on)"
                    )
        return np.asarray(np.array(points, np.float64) * self._scale)
