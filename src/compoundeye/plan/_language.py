"""What one rank does in a step of a language model: so that published tables, which are of such, can be compared with.

The same operations as vision transformers: products, fused attention, what memory bounds, collectives; sizes and
layouts as Megatron-LM and PyTorch's FSDP cut them. The rank is of the slowest pipeline stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
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
    Tally,
)

Sharding = Literal["zero1", "zero2", "zero3", "hybrid"]
"""What data ranks share: optimiser; gradients too; parameters too (FSDP); those within a node only (HSDP)."""
Checkpointing = Literal["none", "attention", "half", "full"]


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A decoder."""

    width: int
    layers: int
    heads: int
    vocabulary: int
    groups: int = 0
    """Heads of keys and values; 0: as many as ``heads``."""
    hidden: int = 0
    """Of the MLP; 0: four times ``width``."""
    gated: bool = False
    """SwiGLU, RMSNorm and rotary positions, as Llama has; otherwise GELU and LayerNorm, as GPT has."""

    @property
    def keys(self) -> int:
        """Width of all keys, and of all values."""
        return self.width * (self.groups or self.heads) // self.heads

    @property
    def inner(self) -> int:
        """Hidden units of the MLP."""
        return self.hidden or 4 * self.width

    @property
    def block(self) -> int:
        """Parameters of a block's products."""
        return self.width * (2 * self.width + 2 * self.keys + (3 if self.gated else 2) * self.inner)

    def flops(self, tokens: float, sequence: int, *, causal: bool) -> float:
        """Model FLOPs of forward and backward: 6 for each parameter and token, and attention.

        Source: Korthikanti et al., Reducing Activation Recomputation, 2022, appendix A (``causal`` halves attention).
        """
        attention = 12 * self.layers * self.width * sequence * (0.5 if causal else 1)
        return tokens * (6 * (self.layers * self.block + self.width * self.vocabulary) + attention)


@dataclass(frozen=True, slots=True)
class Habits:
    """How a kind of software does its work."""

    fused: bool
    """Whether operations between products are fused (torch.compile, Transformer Engine, Apex)."""
    flash: bool
    """Whether attention is fused."""
    loss_bytes: int
    """Moved for each number of the logits and its gradient beyond the products."""
    gradient_bytes: int
    """Of a gradient that is reduced."""
    tensor_overlap: bool = False
    data_overlap: bool = True
    pipeline_overlap: bool = True
    sequence_parallel: bool = True
    scatters: int = 2
    """Of a block's input gradients along tensor: 2 if products that share an input share the sum of them."""
    gather_again: bool = True
    """Whether gathered inputs are not kept, but gathered once more for the gradients of the weights."""
    whole_logits: bool = False
    """Whether each tensor rank gathers all logits for the loss."""


@dataclass(frozen=True, slots=True)
class LanguageRun:
    """One training run."""

    model: LanguageModel
    sequence: int
    gpus: int
    batch: int
    """Sequences of a step, over all ranks."""
    micro: int
    """Sequences of a rank at a time."""
    habits: Habits
    tensor: int = 1
    context: int = 1
    pipeline: int = 1
    chunks: int = 1
    sharding: Sharding = "zero3"
    checkpointing: Checkpointing = "none"
    precision: Precision = "bf16"
    per_node: int = 8

    @property
    def data(self) -> int:
        """Ranks that see different sequences."""
        return self.gpus // (self.tensor * self.context * self.pipeline)

    @property
    def passes(self) -> int:
        """Forward and backward passes of a step."""
        return ceil(self.batch / self.data / self.micro)


def language_tally(run: LanguageRun) -> Tally:
    """One rank's step, of the stage that takes longest: the last one, with the head, where blocks divide evenly."""
    return _Step(run).tally()


class _Step:
    """Operations of a run, one list."""

    def __init__(self, run: LanguageRun) -> None:
        self.run, self.model, self.habits = run, run.model, run.habits
        even = run.model.layers % run.pipeline == 0
        self.blocks = ceil(run.model.layers / run.pipeline)
        self.head = even  # uneven cuts give the first and last stage fewer blocks for it
        self.sequences = run.batch / run.data / run.passes
        self.tokens = round(self.sequences * run.sequence / run.context)
        self.count = float(self.blocks * run.passes)
        self.operations: list[Operation] = []

    def tally(self) -> Tally:
        run = self.run
        share = {"full": 1.0, "half": 0.5}.get(run.checkpointing, 0.0)
        self.block("forward", 1.0)
        self.block("backward", 1.0)
        if share:
            self.block("recompute", share)
        elif run.checkpointing == "attention" and not self.habits.flash:
            self.attention("recompute", 1.0)
        if self.head:
            self.logits()
        self.context()
        self.stages()
        self.shares()
        held = (self.blocks * self.model.block + self.head * self.model.width * self.model.vocabulary) / run.tensor
        if run.sharding == "hybrid":
            held /= min(run.data, run.per_node)
        else:
            held /= run.data * run.context
        # Adam on float32: parameter, two moments, gradient read, three written; norm and clipping; a copy in bf16
        self.stream("optimiser", "update", held * 42, 1)
        return Tally(
            tuple(self.operations),
            self.model.flops(run.batch * run.sequence, run.sequence, causal=False),
            run.pipeline,
            run.passes,
            run.chunks,
            run.gpus,
        )

    def block(self, phase: Phase, share: float) -> None:
        m, run, t = self.model, self.run, self.run.tensor
        rows = 2 if m.gated else 1
        for name, n, k in (
            ("qkv", (m.width + 2 * m.keys) // t, m.width),
            ("projection", m.width, m.width // t),
            ("mlp.up", rows * m.inner // t, m.width),
            ("mlp.down", m.width, m.inner // t),
        ):
            self.product(name, phase, self.tokens, n, k, self.count * share, run.precision)
        self.attention(phase, share)
        self.between(phase, share)
        if t > 1:
            self.tensors(phase, share)

    def product(self, part: str, phase: Phase, m: int, n: int, k: int, count: float, precision: Precision) -> None:
        if phase != "backward":
            self.operations.append(Product(part, phase, m, n, k, count, precision))
            return
        self.operations.append(Product(part, phase, m, k, n, count, precision))  # of the input
        self.operations.append(Product(part, phase, k, n, m, count, precision))  # of the weights

    def attention(self, phase: Phase, share: float) -> None:
        m, run = self.model, self.run
        each, count = m.width // m.heads, self.count * share
        heads = round(self.sequences * m.heads / run.tensor)
        query = run.sequence // run.context
        if self.habits.flash:
            self.operations.append(
                Attention("attention", phase, heads, query, run.sequence, each, count, "bf16", causal=True)
            )
            return
        # scores in memory: as batched products, then scale, mask and softmax in one kernel, dropout in another
        self.product("scores", phase, query, run.sequence, each, count * heads, "bf16")
        self.product("values", phase, query, each, run.sequence, count * heads, "bf16")
        scores = heads * query * run.sequence
        self.stream("scores", phase, scores * (18 if phase == "backward" else 9), count)

    def between(self, phase: Phase, share: float) -> None:
        """Norms, sums, activations, rotations: bytes by how often a kernel reads or writes a tensor.

        Fused: sum and norm 4 passes, each twice; rotation 2 of queries and keys; activation 2 (GELU) or 3 (SwiGLU) of
        the hidden units. Not fused: a kernel each; RMSNorm and rotation are written in float32 steps (19 and 10).
        """
        m, t = self.model, self.run.tensor
        rotated = (m.width + m.keys) / m.width / t
        inner = m.inner / m.width / t
        if self.habits.fused:
            narrow, wide = 8.0, 2 * rotated * m.gated + (3 if m.gated else 2) * inner
        elif m.gated:
            narrow, wide = 2 * (19 + 3), 10 * rotated + 5 * inner
        else:
            narrow, wide = 2 * (2 + 3), 2 * inner
        rows = self.tokens * m.width * 2
        narrow *= rows / (t if self.habits.sequence_parallel else 1)
        often = 2 if phase == "backward" else 1
        kernels = 6 if self.habits.fused else 12
        self.stream("between", phase, often * (narrow + wide * rows) / kernels, kernels * self.count * share)
        if self.run.precision == "float8":  # inputs, weights and their gradients are scaled and written once more
            cast = 3 * (self.tokens * (2 * m.width + (m.width + m.inner) / t) + m.block / t)
            self.stream("casts", phase, often * cast / 8, 8 * self.count * share)

    def logits(self) -> None:
        m, t, passes = self.model, self.run.tensor, self.run.passes
        columns = m.vocabulary // t
        phases: tuple[Phase, Phase] = ("forward", "backward")
        for phase in phases:
            self.product("head", phase, self.tokens, columns, m.width, passes, "bf16")
        seen = m.vocabulary if self.habits.whole_logits else columns
        self.stream("loss", "forward", self.tokens * seen * self.habits.loss_bytes / 4, 4 * passes)
        if t > 1 and self.habits.whole_logits:
            whole = 2.0 * self.tokens * m.vocabulary
            self.gather("head", "forward", "all_gather", "tensor", t, 1, whole, passes, hidden=False)

    def tensors(self, phase: Phase, share: float) -> None:
        """Megatron's two regions a block; with sequence parallelism gathered before and scattered after each."""
        habits, t = self.habits, self.run.tensor
        rows, count = 2.0 * self.tokens * self.model.width, self.count * share
        hidden = habits.tensor_overlap

        def add(kind: Gathering, times: float, *, behind: bool) -> None:
            self.gather("block", phase, kind, "tensor", t, 1, rows, times * count, hidden=behind)

        if not habits.sequence_parallel:
            add("all_reduce", 2, behind=hidden)
            return
        backward = phase == "backward"
        add("all_gather", 2, behind=hidden)
        add("reduce_scatter", habits.scatters if backward else 2, behind=hidden)
        if backward and habits.gather_again:  # beside the gradients of the inputs
            add("all_gather", 2, behind=True)

    def context(self) -> None:
        """Keys and values go round, once forward and, with their gradients, twice backward."""
        run, m = self.run, self.model
        if run.context == 1:
            return
        rows = 2.0 * self.tokens * run.context * 2 * m.keys / run.tensor
        phases: tuple[tuple[Phase, int], ...] = (("forward", 1), ("backward", 2))
        for phase, times in phases:
            self.gather(
                "keys", phase, "all_gather", "context", run.context, run.tensor, rows, times * self.count, hidden=True
            )

    def stages(self) -> None:
        run = self.run
        if run.pipeline == 1:
            return
        rows = 2.0 * self.tokens * self.model.width / (run.tensor if self.habits.sequence_parallel else 1)
        phases: tuple[Phase, Phase] = ("forward", "backward")
        for phase in phases:
            self.gather(
                "stage", phase, "send", "pipeline", run.pipeline, run.gpus // run.pipeline, rows,
                run.passes * run.chunks, hidden=self.habits.pipeline_overlap,
            )  # fmt: skip

    def shares(self) -> None:
        """Parameters and gradients over the data ranks, block by block, and the embedding with the head."""
        run, m, behind = self.run, self.model, self.habits.data_overlap
        ways, stride = run.data * run.context, run.tensor
        if ways == 1:
            return
        units = ((m.block / run.tensor, self.blocks), (m.width * m.vocabulary / run.tensor, 1))
        for numbers, count in units:
            taken, given = 2.0 * numbers, float(self.habits.gradient_bytes) * numbers
            if run.sharding in {"zero1", "zero2"}:
                self.gather("parameters", "forward", "all_gather", "data", ways, stride, taken, count, hidden=behind)
                self.gather(
                    "gradients", "backward", "reduce_scatter", "data", ways, stride, given, count, hidden=behind
                )
                continue
            shard = min(ways, run.per_node // stride) if run.sharding == "hybrid" else ways
            often = count * run.passes
            for phase in ("forward", "backward"):
                self.gather("parameters", phase, "all_gather", "shard", shard, stride, taken, often, hidden=behind)
            self.gather("gradients", "backward", "reduce_scatter", "shard", shard, stride, given, often, hidden=behind)
            if shard < ways:
                self.gather(
                    "gradients", "backward", "all_reduce", "replicate", ways // shard, stride * shard, given / shard,
                    often, hidden=behind,
                )  # fmt: skip

    def gather(
        self, part: str, phase: Phase, kind: Gathering, over: Dimension, size: int, stride: int, nbytes: float,
        count: float, *, hidden: bool,
    ) -> None:  # fmt: skip
        self.operations.append(Collective(part, phase, kind, over, size, stride, nbytes, count, hidden))

    def stream(self, part: str, phase: Phase, nbytes: float, count: float) -> None:
        self.operations.append(Streamed(part, phase, nbytes, count))
