"""Memory of one rank over a training step, worked out from the settings alone: no network is built.

Every tensor that the real step holds is played through by size: what autograd keeps of each layer, what activation
checkpointing makes again, what FSDP2 gathers and when it lets go, gradients, the optimiser. Nothing is fitted. The
course of it has the moments of `executed`, whose peak it agrees with (benchmarks/plan_memory.py).

Both count what tensors hold on a processor's kernels. On a GPU:

- an RMS norm is one operation that keeps its input and a number a row; here it is several, which keep float32 copies;
- the output of attention lies by token whatever went in, so a copy after query and key normalisation falls away;
- AdamW goes through all parameters at once and makes the roots of all second moments (4 bytes a parameter of this
  rank), not three tensors of the largest one's size;
- a functional collective's result is one tensor, where fake ones are two while both are referred to;
- a margin softmax is counted with a GPU's memory for logits already, in both;
- float8 is counted as bf16; what the compiler fuses is not known here;
- the allocator rounds up and fragments, libraries have workspaces: see `_dry_run`.

Of a pipeline's microbatches those in the middle are all alike, and left out of the course. Muon's products are not
played. Experts are taken to have equally many tokens, and to be gathered when their block begins and not within it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compoundeye.capacity import Term
from compoundeye.plan._case import Case
from compoundeye.plan._executed import Moment
from compoundeye.plan._memory_rank import Rank


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that one rank holds."""

    peak: int
    when: str
    """Name of the moment of the peak."""
    parts: Mapping[str, int]
    """Of the peak; named as `Executed.parts` are."""
    moments: tuple[Moment, ...]
    """Over the step, in order: each is the highest since the moment before."""

    def terms(self) -> tuple[Term, ...]:
        """Each part of the peak, with what it consists of."""
        found = [
            Term(f"memory.{part}", size, "bytes", _FORMULAS[part], "computed", _SOURCE)
            for part, size in self.parts.items()
        ]
        total = Term("memory.peak", self.peak, "bytes", "sum of the parts, at " + self.when, "computed", _SOURCE)
        return (total, *found)


_SOURCE = "torch 2.13: derivatives.yaml, utils/checkpoint.py, distributed/fsdp/_fully_shard, optim/adam.py"
_FORMULAS = {
    "parameters": "4 bytes x parameters of this rank's shard",
    "buffers": "tensors that are not learnt",
    "gradients": "4 bytes x parameters of this rank's shard, of units whose backward pass is done",
    "optimiser": "4 bytes x parameters of this rank's shard x moments",
    "average": "4 bytes x parameters of this rank's shard",
    "inputs": "pixels, 1 byte each; targets, 8 bytes each; valid, 1 byte each",
    "gathered": "whole parameters of units that compute, and buffers in which they are gathered",
    "reduced": "whole gradients of a unit, and the float32 buffer in which they are summed over ranks",
    "activations": "what was made going forward and is kept for the backward pass or in use",
    "recomputed": "what activation checkpointing makes again",
    "temporaries": "gradients of activations, and what the update makes on its way",
}


def memory(case: Case, stage: int = 0) -> Memory:
    """What the first rank of a pipeline stage holds, moment by moment.

    Raises:
        EyeError: the network is no vision transformer.
    """
    moments = Rank(case, stage).moments()
    highest = max(moments, key=lambda one: one.bytes)
    return Memory(highest.bytes, highest.name, highest.parts, moments)
