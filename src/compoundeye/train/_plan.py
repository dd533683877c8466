"""The parallel plan: how many ways the work of one step is cut, and how it is computed."""

from __future__ import annotations

from math import prod
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from compoundeye.records import EyeError


class Plan(BaseModel):
    """Degrees of parallelism and the ways to save memory and time. The product of the degrees is the world size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replicate: int = Field(default=1, ge=1, description="copies of the whole (sharded) model")
    shard: int = Field(default=-1, ge=-1, description="ranks that share parameters (FSDP2); -1: all that are left")
    tensor: int = Field(default=1, ge=1, description="ranks that split each layer by heads and hidden units")
    pipeline: int = Field(default=1, ge=1, description="ranks that hold consecutive blocks")
    context: int = Field(default=1, ge=1, description="ranks that split the sequence of tokens")
    expert: int = Field(default=1, ge=1, description="ranks that share experts; divides replicate x shard")
    precision: Literal["fp32", "bf16", "float8"] = Field(default="fp32", description="arithmetic of the layers")
    activation_checkpointing: Literal["none", "selective", "full"] = "none"
    compile: bool = False
    accumulate: int = Field(default=1, ge=1, description="backward passes a step")
    microbatches: int = Field(default=1, ge=1, description="parts of a batch that follow each other in a pipeline")
    chunks: int = Field(default=1, ge=1, description="of blocks, that each process of a pipeline holds (interleaved)")
    deterministic: bool = False

    @property
    def data(self) -> int:
        """Ranks that see different pictures."""
        return self.replicate * self.shard

    def fit(self, world_size: int) -> Self:
        """The same plan with ``shard`` filled in.

        Raises:
            EyeError: the degrees do not multiply to the world size.
        """
        others = prod((self.replicate, self.tensor, self.pipeline, self.context))
        shard = max(world_size // others, 1) if self.shard == -1 else self.shard
        if others * shard != world_size:
            raise EyeError(
                f"the plan needs {others * shard} processes (replicate {self.replicate} x shard {shard} x tensor "
                f"{self.tensor} x pipeline {self.pipeline} x context {self.context}) but {world_size} run; "
                "change --nproc or [plan]"
            )
        return self.model_copy(update={"shard": shard})
