"""A figure is worth as much as what is known of how it was got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol card: what is measured, on what, how, after whom, and the value below which it has failed."""

    metric: str
    """As its field writes it: "top-1 accuracy", "ECE, 15 bins of equal width"."""
    data: str
    split: str
    source: str
    """Paper or standard that defines the protocol."""
    threshold: float
    """Value that separates passed from failed."""
    higher_is_better: bool = True

    def judge(self, measure: Callable[[], float]) -> dict[str, Any]:
        """Run the measurement and say whether it passed; plain values for ``--json``. NaN never passes."""
        value = measure()
        passed = value >= self.threshold if self.higher_is_better else value <= self.threshold
        return {
            "metric": self.metric,
            "data": self.data,
            "split": self.split,
            "source": self.source,
            "threshold": self.threshold,
            "value": value,
            "passed": bool(passed),
        }
