"""One template a track: made of the best frames of a face that is followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

# On six clips of five people SFace gives faces of one person and their track's template 0.44 and more (median 0.9), and
# faces of two people at most 0.31 (16,044 pairs, mean 0.06, deviation 0.08): below this it is somebody else.
OTHER = 0.3
CHANGED_AFTER = 3
"""So many frames in a row that are somebody else's: the track has gone over to another face."""
CHECK_S = 1.0
"""A face that brings nothing better is still compared with its template so often."""
APART_S = 0.2
"""Two kept frames of equal worth are so far apart, else they say the same twice."""
BETTER = 5.0
"""Points of quality by which a frame replaces a kept one that is close in time."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One frame of a track."""

    time_s: float
    quality: float
    embedding: Float32


class TrackTemplate:
    """The best frames of one track, and the template that they make."""

    def __init__(self, frames: int, min_quality: float) -> None:
        self.frames, self.min_quality = frames, min_quality
        self.kept: list[Kept] = []
        self.began_s: float | None = None
        self.embedded = 0
        """Faces that were embedded so far: what it cost."""
        self._checked_s = -np.inf
        self._others: list[Kept] = []

    def offer(self, time_s: float, quality: float, embed: Callable[[], Float32]) -> Literal["same", "better", "other"]:
        """A face of this track: embedded if it betters the template, or if a look is due. What that changed.

        A face that is clearly somebody else's is not kept. When several in a row are, the template begins anew with
        them, and the answer is "other".

        Args:
            quality: 0..100.
            embed: makes the embedding [D] of length 1, if it is asked for.
        """
        self.began_s = time_s if self.began_s is None else self.began_s
        if not quality >= self.min_quality:  # NaN too
            return "same"
        place = self._place(time_s, quality)
        # After a first doubt the next faces are looked at, whatever they are worth.
        if place is None and not self._others and time_s - self._checked_s < CHECK_S:
            return "same"
        self._checked_s = time_s
        self.embedded += 1
        one = Kept(time_s, quality, embed())
        if self.kept and float(one.embedding @ self.template()) < OTHER:
            self._others.append(one)
            if len(self._others) < CHANGED_AFTER:
                return "same"
            self.kept, self._others, self.began_s = self._others, [], self._others[0].time_s
            return "other"
        self._others = []
        if place is None:
            return "same"
        self.kept[place : place + 1] = [one]
        return "better"

    def template(self) -> Float32:
        """[D] of length 1: the mean of what is kept, weighed by quality.

        Raises:
            ValueError: nothing is kept yet.
        """
        if not self.kept:
            raise ValueError("no frame of this track is good enough yet")
        weights = np.array([max(one.quality, 1.0) for one in self.kept], np.float32)
        mean = weights @ np.stack([one.embedding for one in self.kept])
        return np.asarray(mean / np.linalg.norm(mean), np.float32)

    @property
    def quality(self) -> float:
        """Of the best frame; 0 without any."""
        return max((one.quality for one in self.kept), default=0.0)

    def _place(self, time_s: float, quality: float) -> int | None:
        """Which kept frame this one would replace; behind the last where there is room; None: it is no better."""
        near = [at for at, one in enumerate(self.kept) if abs(one.time_s - time_s) < APART_S]
        if near:
            at = max(near, key=lambda at: self.kept[at].quality)
            return at if quality > self.kept[at].quality + BETTER else None
        if len(self.kept) < self.frames:
            return len(self.kept)
        worst = min(range(len(self.kept)), key=lambda at: self.kept[at].quality)
        return worst if quality > self.kept[worst].quality else None
