"""A training under one layout, as the benchmarks of plans list them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from compoundeye.plan import Case
from compoundeye.train import Settings

TARGETS = {"masked": "none", "contrastive": "caption"}


@dataclass(frozen=True)
class Training:
    """One line of a grid: a network, what it learns, and how ranks share the work; executed as ``rank``."""

    model: str
    ranks: int
    batch: int
    plan: dict[str, Any] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    classes: int = 1000
    rank: int = 0

    def case(self) -> Case:
        settings = Settings.model_validate(
            {
                "data": {
                    "corpora": [{"path": "."}],
                    "target": TARGETS.get(self.task.get("kind", ""), "folder"),
                    "batch": self.batch,
                },
                "model": {"name": self.model, "options": self.options},
                "task": self.task,
                "plan": self.plan,
                "optimiser": self.optimiser,
            }
        )
        return Case.of(settings, self.classes, self.ranks)

    def __str__(self) -> str:
        facts = {**self.plan, **self.task, **self.options, **self.optimiser}
        told = " ".join(f"{name}={value}" for name, value in facts.items())
        return f"{self.model} x{self.ranks} classes {self.classes} batch {self.batch} rank {self.rank} {told}"
