"""Whether the loss of a step can be trusted."""

from __future__ import annotations

from collections import deque
from enum import Enum
from math import isfinite, log
from statistics import median

from compoundeye.train._settings import Guard

_FEW = 20
"""Losses before which nothing can be called a spike."""


class Verdict(Enum):
    """What to do with a step."""

    FINE = "fine"
    SKIP = "skip"
    """Loss or gradient is not a number: the update is left out; the weights are as before."""
    SPIKE = "spike"
    """The weights themselves have gone astray: go back to a checkpoint."""


class Watch:
    """Compares each loss with the recent ones, in logarithms: a spike is a factor, whatever the loss is.

    Deviation is the median one (times 1.4826, for which it estimates a normal deviation), which a spike cannot move;
    at least 2 %, for losses that hardly move.
    """

    def __init__(self, settings: Guard) -> None:
        self.settings = settings
        self._recent: deque[float] = deque(maxlen=settings.window)

    def judge(self, loss: float, gradient: float) -> Verdict:
        """The verdict on a step, whose loss becomes a recent one if it is fine."""
        if not (isfinite(loss) and isfinite(gradient)):
            return Verdict.SKIP
        value = log(max(loss, 1e-12))
        if len(self._recent) >= _FEW:
            middle = median(self._recent)
            spread = 1.4826 * median(abs(one - middle) for one in self._recent)
            if value - middle > self.settings.spike * max(spread, 0.02):
                return Verdict.SPIKE
        self._recent.append(value)
        return Verdict.FINE

    def forget(self) -> None:
        """Start over, as after going back."""
        self._recent.clear()
