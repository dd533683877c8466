"""What one rank does in a step, written down from the settings alone: no network is built and nothing is run.

FLOPs by phase, and collectives by kind, dimension and phase, are those that `dry_run` counts while the real code runs,
number for number. Where they differ, and why:

- float8 cannot run without a GPU: what is counted are the products of bf16, and the casts.
- Muon's update. DTensor chooses by size and number of ranks how to cut its products: described is the way that it takes
  for matrices cut by rows over few ranks. For large matrices, many ranks, replicas or tensor it takes others, mixed;
  FLOPs and traffic of that phase are then an estimate. Forward and backward are exact.
- Ranks whose share is smaller than others' (of classes that do not divide, say) do less than the first, which is meant.

Besides, what both leave out: on a GPU biases of experts are added by a product with a matrix of zeros and ones
(`nets._experts.at_once`); ``compile`` fuses streamed operations. Tokens are spread evenly over experts, and sampled
classes are as many as are expected.

Collectives that computation need not wait for are marked hidden: FSDP's and a pipeline's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from compoundeye.nets import ViTConfig
from compoundeye.plan._case import Case
from compoundeye.plan._ledger import Group, Learns, Ledger, groups
from compoundeye.plan._operations import Operation, Precision, Streamed, Tally
from compoundeye.plan._rules import shape_of
from compoundeye.plan._tally_block import Sight, block
from compoundeye.plan._tally_ends import entry, leave
from compoundeye.plan._tally_heads import (
    classes_here,
    classify,
    contrastive,
    decoder_of,
    margin,
    masked,
    model_flops_of,
    text_of,
    visible,
)
from compoundeye.plan._tally_mixture import Places
from compoundeye.plan._tally_shares import NOBODY, Share, kinds, shares, sharing
from compoundeye.plan._tally_sharing import cuts
from compoundeye.plan._tally_update import update

_FLOAT = 4
_ALONE_CONTEXT, _ALONE_TENSOR = Group("context", 1, 1), Group("tensor", 1, 1)


def tally(case: Case, stage: int = 0) -> Tally:
    """All operations of a rank.

    Args:
        stage: of the pipeline that the rank is in; of its ranks the first is meant.

    Raises:
        EyeError: the network is no vision transformer.
    """
    rank = _Rank(case, stage)
    plan = case.plan
    return Tally(
        operations=tuple(rank.operations()),
        model_flops=model_flops_of(case, rank.config),
        pipeline=plan.pipeline,
        microbatches=case.microbatches,
        chunks=plan.chunks,
        ranks=case.world_size,
    )


class _Rank:
    """One rank's share of a case."""

    def __init__(self, case: Case, stage: int) -> None:
        settings, plan = case.settings, case.plan
        self.case = case
        self.config = shape_of(settings)
        self.groups = groups(plan)
        self.learns: Learns = "weights" if settings.optimiser.backbone_rate else "nothing"
        self.microbatches = case.microbatches
        self.rows = case.rows // self.microbatches
        self.passes = plan.accumulate * self.microbatches
        self.precision: Precision = plan.precision
        self.width = 4 if plan.precision == "fp32" else 2
        # Among others FSDP leaves what is around towers in float32; a process alone rounds there as well.
        self.plain: Precision = "bf16" if case.world_size == 1 and plan.precision != "fp32" else "fp32"
        self.numbers = range(stage, plan.pipeline * plan.chunks, plan.pipeline)
        self.blocks = cuts(self.config.depth, plan.pipeline * plan.chunks)
        self.last = stage == plan.pipeline - 1
        self.seen = visible(self.config, settings.task.masked) if settings.task.kind == "masked" else None
        tokens = self.config.tokens if self.seen is None else self.config.extra + self.seen
        self.sight = self._sight(tokens, self.groups["context"], self.groups["tensor"], self.learns)

    def operations(self) -> list[Operation]:
        """In no order that matters."""
        case, config, passes, among = self.case, self.config, self.passes, self.groups
        found: list[Operation] = []
        if self.numbers[0] == 0:
            found += entry(config, self.sight, passes, seen=self.seen)
        expert = among["expert"] if case.plan.expert > 1 else NOBODY
        places = Places(expert, among["replicate"], among["shard"]) if config.experts else None
        sight = self.sight
        for numbers, sight in self._sights():
            for (mixed, drop), count in kinds(config, tuple(self.blocks[i] for i in numbers)):
                found += block(config, sight, passes * count, drop=drop, places=places if mixed else None)
        if self.last:
            found += leave(config, sight, passes, pooled=self.seen is None)
            found += self._head()
        if case.plan.pipeline > 1:
            found += self._between()
        every = shares(self)
        if case.world_size > 1:
            for one in every:
                found += sharing(one)
        found += self._update(every)
        return found

    def _sights(self) -> Iterator[tuple[tuple[int, ...], Sight]]:
        """Stages by what has gradients in them: of a frozen backbone, what comes from another process."""
        if self.learns == "weights" or self.case.plan.pipeline == 1:
            yield tuple(self.numbers), self.sight
            return
        if self.numbers[0] == 0:
            yield (0,), self.sight
        if later := tuple(i for i in self.numbers if i):
            yield later, replace(self.sight, learns="inputs")

    def _head(self) -> list[Operation]:
        case, config, rows, passes = self.case, self.config, self.rows, self.passes
        learns = self.learns == "weights" or case.plan.pipeline > 1
        task, data, plain = case.settings.task, self.groups["data"], self.plain
        size = task.dimension
        match task.kind:
            case "classify":
                found = [*classify(config.width, case.classes, rows, passes, plain, learns=learns)]
                if task.mixup or task.cutmix:  # turned round, and both blended
                    values = rows * config.channels * config.image**2 * _FLOAT
                    found.append(Streamed("mix", "forward", 5 * values, passes))
                return found
            case "margin":
                rate = task.sample
                return [*margin(config.width, size, case.classes, rate, rows, passes, plain, data, learns=learns)]
            case "contrastive":
                text, pairs = text_of(case), task.pairs
                blocks = self._tower(text, task.text.length, causal=True)
                loss = contrastive(config.width, text.width, size, pairs, rows, passes, plain, data, learns=learns)
                return [*blocks, *loss]
            case "masked":
                assert self.seen is not None
                decoder = decoder_of(case, config)
                precision: Precision = "bf16" if self.precision == "float8" else self.precision
                blocks = self._tower(decoder, config.extra + (config.image // config.patch) ** 2, causal=False)
                loss = masked(config, decoder, self.seen, rows, passes, precision, learns=learns)
                return [*blocks, *loss]

    def _tower(self, config: ViTConfig, tokens: int, *, causal: bool) -> tuple[Operation, ...]:
        """Blocks that are not split."""
        sight = self._sight(tokens, _ALONE_CONTEXT, _ALONE_TENSOR, "weights", causal=causal)
        return block(config, sight, self.passes * config.depth, drop=False)

    def _sight(self, tokens: int, context: Group, tensor: Group, learns: Learns, causal: bool = False) -> Sight:
        again = self.case.plan.activation_checkpointing
        return Sight(
            self.rows,
            tokens,
            context,
            tensor,
            self.precision,
            again,
            learns,
            causal,
            self.microbatches,
            rounds=self.plain != "fp32",
        )

    def _between(self) -> list[Operation]:
        """Tokens to the stage after, their gradients to the stage before, and the last stage's sums to all."""
        plan, pipeline = self.case.plan, self.groups["pipeline"]
        size = self.rows * self.sight.length // plan.tensor * self.config.width * self.width
        ledger = Ledger(self.passes, "fp32")
        last = plan.pipeline * plan.chunks - 1
        after, before = sum(i < last for i in self.numbers), sum(i > 0 for i in self.numbers)
        ledger.call("tokens", "forward", "send", pipeline, size, count=after, hidden=True)
        ledger.call("gradients", "backward", "send", pipeline, size, count=before, hidden=True)
        ledger.count = plan.accumulate
        ledger.call("sums", "forward", "broadcast", pipeline, 2 * _FLOAT, hidden=False)
        return ledger.operations

    def _update(self, every: list[Share]) -> list[Operation]:
        task, data = self.case.settings.task, self.groups["data"]
        head = (0, 0)
        if task.kind == "margin":
            everyone = self.rows * data.size
            classes = (
                classes_here(self.case.classes, task.sample, data.size, everyone),
                classes_here(self.case.classes, 1.0, data.size, everyone),
            )
            head = (classes[0] * task.dimension, classes[1] * task.dimension)
        figures = 1 if task.kind in ("contrastive", "masked") else 2
        places = self._places_of_gradients(every)
        return update(every, places, self.groups, self.case.settings, figures=figures, head=head)

    def _places_of_gradients(self, every: list[Share]) -> list[tuple[Group, ...]]:
        """For each way in which gradients are cut, the groups over which their squares are summed."""
        shard, tensor = self.groups["shard"], self.groups["tensor"]
        learning = [share.unit for share in every if share.unit.learns]
        splits = {split for unit in learning if unit.name != "experts" for split in unit.splits}
        found: list[tuple[Group, ...]] = [(shard, tensor) if split == "part" else (shard,) for split in sorted(splits)]
        if any(unit.name == "experts" for unit in learning):
            found.append((self.groups["copies"], self.groups["expert"]))
        if self.case.settings.task.kind == "margin":
            found.append((self.groups["data"],))
        return found
