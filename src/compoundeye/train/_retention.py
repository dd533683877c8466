"""Which checkpoints stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Retention:
    """The newest ``last`` stay, besides every step that ``every`` divides, and the best by a figure of its facts."""

    last: int = 3
    every: int = 0
    """Steps; 0: none stay for their number."""
    best: str = ""
    """Name of the figure in the facts, such as "accuracy"; empty: none stays for its figure."""
    lowest: bool = False
    """Whether less is better, as of a loss."""

    def __post_init__(self) -> None:
        if self.last < 1:
            raise ValueError("the newest checkpoint must stay: last is at least 1")

    def unneeded(self, facts: Mapping[int, Mapping[str, Any]]) -> list[int]:
        """Steps of the checkpoints that may go, of all there are with their facts."""
        steps = sorted(facts)
        kept = set(steps[-self.last :])
        if self.every:
            kept |= {step for step in steps if step % self.every == 0}
        figures = {step: facts[step][self.best] for step in steps if facts[step].get(self.best) is not None}
        if self.best and figures:
            kept.add((min if self.lowest else max)(figures, key=lambda step: figures[step]))
        return [step for step in steps if step not in kept]
