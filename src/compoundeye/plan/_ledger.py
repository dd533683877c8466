"""Operations written down one after the other: what is done forward, what of it again, and what follows backward.

Bytes of streamed operations are what its kernels read and write in main memory when each runs by itself, as PyTorch
runs them without a compiler.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from compoundeye.plan._operations import (
    Attention,
    Collective,
    Dimension,
    Gathering,
    Operation,
    Phase,
    Precision,
    Product,
    Streamed,
)
from compoundeye.train import Plan

Again = Literal["never", "dear", "cheap"]
"""Whether recomputation does it again: ``dear`` is what ``selective`` keeps, ``cheap`` what both kinds do again."""

Learns = Literal["nothing", "inputs", "weights"]
"""What has gradients: nothing before the first parameter that learns; with ``weights`` inputs as well."""

FORWARD: tuple[Phase, ...] = ("forward",)
TWICE: tuple[Phase, ...] = ("forward", "recompute")


@dataclass(frozen=True, slots=True)
class Group:
    """Ranks that a collective goes over."""

    dimension: Dimension
    size: int
    stride: int


def groups(plan: Plan) -> dict[Dimension, Group]:
    """All of a fitted plan. Ranks are counted with tensor fastest, then context, shard, replicate, pipeline.

    What goes over all ranks is one process group, whatever dimension it is: it has the name of the first.
    """
    return _groups(plan.pipeline, plan.replicate, plan.shard, plan.context, plan.tensor, plan.expert)


@lru_cache(maxsize=4096)
def _groups(
    pipeline: int, replicate: int, shard: int, context: int, tensor: int, expert: int
) -> dict[Dimension, Group]:
    inner = context * tensor
    world = pipeline * replicate * shard * inner
    found: tuple[tuple[Dimension, int, int], ...] = (
        ("pipeline", pipeline, replicate * shard * inner),
        ("replicate", replicate, shard * inner),
        ("shard", shard * context, tensor),
        ("context", context, tensor),
        ("tensor", tensor, 1),
        ("data", replicate * shard, inner),
        ("copies", replicate * shard * context // expert, expert * tensor),
        ("expert", expert, tensor),
    )
    everyone: Dimension = next((name for name, size, _ in found if size == world), "all")
    if context == world:
        everyone = "context"
    return {name: Group(everyone if size == world else name, size, stride) for name, size, stride in found}


class Ledger:
    """Operations, each ``count`` times in a step."""

    def __init__(
        self,
        count: float,
        precision: Precision,
        again: str = "none",
        *,
        learns: Learns = "weights",
        microbatches: int = 1,
        rounds: bool = False,
    ) -> None:
        """Begin with none.

        Args:
            count: passes of a step.
            precision: of products.
            again: activation checkpointing of the plan.
            learns: gradients of what; without any there is nothing but a forward pass.
            microbatches: passes between two reductions of gradients.
            rounds: factors of products are rounded there and then (autocast), and what is between them is float32.
        """
        self.microbatches = microbatches
        self.count = count
        self.precision: Precision = precision
        self.width = 4 if precision == "fp32" else 2
        """Bytes of a number that layers compute on."""
        self.between = 4 if rounds else self.width
        """Bytes of a number in norms and sums."""
        self.summed = 4 if microbatches > 1 else self.width
        """Bytes of a gradient that is summed over copies: FSDP adds those of several passes up in float32."""
        self.learns = learns != "nothing"
        """Whether gradients flow here."""
        self.weights = learns == "weights"
        """Whether parameters have any."""
        self._phases: dict[Again, tuple[Phase, ...]] = {
            "never": FORWARD,
            "dear": TWICE if again == "full" and self.learns else FORWARD,
            "cheap": TWICE if again != "none" and self.learns else FORWARD,
        }
        self.operations: list[Operation] = []

    def product(self, part: str, phase: Phase, m: int, n: int, k: int, precision: Precision | None = None) -> None:
        """One product."""
        self.operations.append(Product(part, phase, m, n, k, self.count, precision or self.precision))

    def linear(
        self,
        part: str,
        m: int,
        n: int,
        k: int,
        *,
        bias: bool = False,
        again: Again = "dear",
        precision: Precision | None = None,
        inputs: bool = True,
        norms: bool = False,
    ) -> None:
        """[m, k] to [m, n], with the products for gradients of weights and, with ``inputs``, of what came in.

        Args:
            norms: what comes in is that of a norm, which autocast does not round.
        """
        precision = precision or self.precision
        add, count = self.operations.append, self.count
        for phase in self._phases[again]:
            add(Product(part, phase, m, n, k, count, precision))
        if self.learns:
            if inputs:
                add(Product(part, "backward", m, k, n, count, precision))
            if self.weights:
                add(Product(part, "backward", n, k, m, count, precision))
            if bias and self.weights:
                add(Streamed(part + ".bias", "backward", m * n * self.width, count))
        if self.between != self.width:
            self._rounded(part, n * k + (m * k if norms else 0), again)
        if precision == "float8":
            self._scaled(part, m, n, k, again)

    def _rounded(self, part: str, numbers: int, again: Again) -> None:
        """Numbers read and written, of which one is float32; gradients likewise."""
        for phase in (*self._phases["never" if again == "never" else "cheap"], *(("backward",) if self.learns else ())):
            self.stream(part + ".rounded", phase, (self.between + self.width) * numbers)

    def _scaled(self, part: str, m: int, n: int, k: int, again: Again) -> None:
        """Casts to float8: a tensor read for its largest value, read again, written: 2 + 2 + 1 bytes a number."""
        for phase in self._phases[again]:
            self.stream(part + ".float8", phase, 5 * (m * k + n * k))
        if self.learns:
            self.stream(part + ".float8", "backward", 5 * m * n)

    def attention(self, part: str, heads: int, query: int, key: int, each: int, *, causal: bool = False) -> None:
        """Forward and backward."""
        phases = (*self._phases["dear"], *(("backward",) if self.learns else ()))
        for phase in phases:
            self.operations.append(Attention(part, phase, heads, query, key, each, self.count, self._attends(), causal))

    def _attends(self) -> Precision:
        return "bf16" if self.precision == "float8" else self.precision

    def stream(self, part: str, phase: Phase, size: float) -> None:
        """So many bytes read and written."""
        self.operations.append(Streamed(part, phase, size, self.count))

    def streams(
        self, part: str, forward: float, backward: float, *, again: Again = "cheap", between: bool = False
    ) -> None:
        """Numbers that are read and written in each direction: of a layer's precision, or ``between`` layers."""
        width = self.between if between else self.width
        for phase in self._phases[again]:
            self.stream(part, phase, forward * width)
        if self.learns and backward:
            self.stream(part, "backward", backward * width)

    def call(
        self, part: str, phase: Phase, kind: Gathering, group: Group, size: float, *, count: float = 1, hidden: bool
    ) -> None:
        """A collective, if there is anybody to talk to."""
        if group.size > 1 and count:
            self.operations.append(
                Collective(
                    part, phase, kind, group.dimension, group.size, group.stride, size, self.count * count, hidden
                )
            )

    def talk(
        self, part: str, kind: Gathering, back: Gathering | None, group: Group, size: float, *, again: Again
    ) -> None:
        """A collective that computation waits for, and what its gradient takes."""
        if group.size == 1:
            return
        for phase in self._phases[again]:
            self.call(part, phase, kind, group, size, hidden=False)
        if self.learns and back is not None:
            self.call(part, "backward", back, group, size, hidden=False)
