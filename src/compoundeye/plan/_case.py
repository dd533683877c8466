"""What is planned: settings of a training, how many classes, and how many processes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Self

from compoundeye.train import Plan, Settings


@dataclass(frozen=True, slots=True)
class Case:
    """One training under one layout. ``settings.plan`` is fitted: its degrees multiply to the world size."""

    settings: Settings
    classes: int
    """0 for a task without."""
    world_size: int

    @classmethod
    def of(cls, settings: Settings, classes: int, world_size: int) -> Self:
        """A case whose plan is fitted.

        Raises:
            EyeError: the plan's degrees do not multiply to the world size.
        """
        plan = settings.plan.fit(world_size)
        return cls(settings.model_copy(update={"plan": plan}), classes, world_size)

    @property
    def plan(self) -> Plan:
        """Fitted."""
        return self.settings.plan

    @property
    def rows(self) -> int:
        """Pictures of a data rank in one backward pass (all its microbatches together), as the feed fills them up."""
        each = ceil(ceil(self.settings.data.batch / self.plan.data) / self.plan.accumulate)
        return ceil(each / self.microbatches) * self.microbatches

    @property
    def microbatches(self) -> int:
        """Parts of a pass that follow each other in a pipeline; 1 without one."""
        return 1 if self.plan.pipeline == 1 else max(self.plan.microbatches, self.plan.pipeline)

    def stage(self, rank: int) -> int:
        """Place in the pipeline of a rank: pipeline is the slowest dimension of the mesh."""
        return rank // (self.world_size // self.plan.pipeline)
