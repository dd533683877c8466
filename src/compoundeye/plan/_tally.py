"""What one rank does in a step, written down from the settings alone: no network is built and nothing is run.

FLOPs by phase, and collectives by kind, dimension and phase, are those that `dry_run` counts while the real code runs,
number for number. Where they differ, and why:

- float8 cannot run without a GPU: its products are those of bf16.
- A margin softmax holds as many logits at once as suits a GPU; the dry run's processor holds 64 times fewer, and
  computes those again that did not fit.
- Experts are taken to have equally many tokens. On a GPU their biases are added by a product with a matrix of zeros and
  ones (`nets._experts.at_once`), which is left out here as in the dry run.
- Muon's orthogonalisation is not counted: its update is written down as AdamW's.
- Sampled classes are their expected number; those of the batch itself are not added.

Collectives that wait for nothing but each other are marked hidden: FSDP's and a pipeline's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from compoundeye.nets import ViTConfig
from compoundeye.plan._case import Case
from compoundeye.plan._ledger import Group, Ledger, groups
from compoundeye.plan._operations import Dimension, Operation, Precision, Tally
from compoundeye.plan._rules import shape_of
from compoundeye.plan._tally_block import Sight, block
from compoundeye.plan._tally_ends import entry, leave
from compoundeye.plan._tally_heads import classify, contrastive, decoder_of, margin, masked, model_flops_of
from compoundeye.plan._tally_heads import text_of, visible
from compoundeye.plan._tally_mixture import Places
from compoundeye.plan._tally_sharing import gathers, sharing
from compoundeye.plan._tally_units import Unit, block_parameters, end_parameters, expert_parameters
from compoundeye.plan._tally_units import linear_parameters, norm_parameters, Parameter, pool_parameters
from compoundeye.plan._tally_update import update
from compoundeye.train import cut

_FLOAT = 4
ALONE: Group = Group("tensor", 1, 1)


def tally(case: Case, stage: int = 0) -> Tally:
    """All operations of a rank.

    Args:
        stage: of the pipeline that the rank is in; of its ranks the first is meant.

    Raises:
        EyeError: the network is no vision transformer.
    """
    return Tally(
        operations=tuple(_Rank(case, stage).operations()),
        model_flops=model_flops_of(case, shape_of(case.settings)),
        pipeline=case.plan.pipeline,
        microbatches=case.microbatches,
        chunks=case.plan.chunks,
        ranks=case.world_size,
    )


class _Rank:
    """One rank's share of a case."""

    def __init__(self, case: Case, stage: int) -> None:
        self.case, self.stage = case, stage
        settings, plan = case.settings, case.plan
        self.config = shape_of(settings)
        self.task, self.optimiser = settings.task, settings.optimiser
        self.plan = plan
        self.groups = groups(plan)
        self.learns = bool(settings.optimiser.backbone_rate)
        self.rows = case.rows // case.microbatches
        self.passes = plan.accumulate * case.microbatches
        self.precision: Precision = plan.precision
        self.width = 4 if plan.precision == "fp32" else 2
        alone = case.world_size == 1
        # Among others FSDP leaves what is around the towers in float32; a process alone casts it as everything.
        self.plain: Precision = "bf16" if alone and plan.precision != "fp32" else "fp32"
        self.shared = not alone
        self.numbers = range(stage, plan.pipeline * plan.chunks, plan.pipeline)
        self.blocks = _cuts(self.config.depth, plan.pipeline * plan.chunks)
        self.first = stage == 0
        self.last = stage == plan.pipeline - 1
        exchanged = plan.expert > 1
        self.exchanged = exchanged
        alone_group = Group("expert", 1, 1)
        self.places = Places(
            self.groups["expert"] if exchanged else alone_group, self.groups["replicate"], self.groups["shard"]
        )
        tokens = self.config.tokens
        self.seen = None
        if self.task.kind == "masked":
            self.seen = visible(self.config, self.task.masked)
            tokens = self.config.extra + self.seen
        self.sight = Sight(
            self.rows,
            tokens,
            self.groups["context"],
            self.groups["tensor"],
            plan.precision,
            plan.activation_checkpointing,
            self.learns,
            microbatches=case.microbatches,
        )

    def operations(self) -> Iterator[Operation]:
        config, sight, passes = self.config, self.sight, self.passes
        if self.first:
            yield from entry(config, sight, passes, seen=self.seen)
        for (is_mixture, drop), count in self._kinds():
            yield from block(
                config, sight, passes * count, drop=drop, places=self.places if is_mixture else None
            )
        if self.last:
            yield from leave(config, sight, passes, pooled=self.seen is None)
            yield from self._head()
        if self.plan.pipeline > 1:
            yield from self._between()
        held: list[tuple[Unit, int]] = []
        ways = self.groups["shard"].size
        for unit, width, shard, replicate, forward, backward, steps in self._units():
            if self.shared:
                yield from sharing(unit, width, shard, replicate, forward, backward, steps)
            held.append((unit, unit.held(shard.size)))
        yield from update(
            held,
            self._places_of_gradients([unit for unit, _ in held]),
            self.groups,  # type: ignore[arg-type]
            optimiser=self.optimiser.name,
            clip=bool(self.optimiser.clip),
            average=bool(self.optimiser.ema),
            figures=1 if self.task.kind in ("contrastive", "masked") else 2,
        )

    def _kinds(self) -> list[tuple[tuple[bool, bool], int]]:
        return _kinds(self.config, tuple(self.blocks[i] for i in self.numbers))

    def _head(self) -> Iterator[Operation]:
        case, task, config, rows, passes = self.case, self.task, self.config, self.rows, self.passes
        learns = self.learns
        match task.kind:
            case "classify":
                yield from classify(config.width, case.classes, rows, passes, self.plain, learns=learns)
            case "margin":
                yield from margin(
                    config.width, task.dimension, case.classes, task.sample, rows, passes, self.plain,
                    self.groups["data"], learns=learns,
                )  # fmt: skip
            case "contrastive":
                text = text_of(case)
                yield from self._tower(text, task.text.length, causal=True, learns=True)
                yield from contrastive(
                    config.width, text.width, task.dimension, task.pairs, rows, passes, self.plain,
                    self.groups["data"], learns=learns,
                )  # fmt: skip
            case "masked":
                assert self.seen is not None
                decoder = decoder_of(case, config)
                precision: Precision = "bf16" if self.precision == "float8" else self.precision
                yield from masked(config, decoder, self.seen, rows, passes, precision, learns=learns)
                tokens = config.extra + (config.image // config.patch) ** 2
                yield from self._tower(decoder, tokens, causal=False, learns=True)

    def _tower(self, config: ViTConfig, tokens: int, *, causal: bool, learns: bool) -> Iterator[Operation]:
        sight = Sight(
            self.rows,
            tokens,
            Group("context", 1, 1),
            Group("tensor", 1, 1),
            self.precision,
            self.plan.activation_checkpointing,
            learns,
            causal,
        )
        yield from block(config, sight, self.passes * config.depth, drop=False)

    def _between(self) -> Iterator[Operation]:
        """Tokens to the stage after, their gradients to the stage before, and the last stage's sums to all."""
        plan, pipeline = self.plan, self.groups["pipeline"]
        size = self.rows * self.sight.length // plan.tensor * self.config.width * self.width
        ledger = Ledger(self.passes, "fp32")
        last = plan.pipeline * plan.chunks - 1
        after = sum(i < last for i in self.numbers)
        before = sum(i > 0 for i in self.numbers)
        ledger.call("tokens", "forward", "send", pipeline, size, count=after, hidden=True)
        ledger.call("gradients", "backward", "send", pipeline, size, count=before, hidden=True)
        ledger.count = plan.accumulate
        ledger.call("sums", "forward", "broadcast", pipeline, 2 * _FLOAT, hidden=False)
        return iter(ledger.operations)

    def _units(self) -> Iterator[tuple[Unit, int, Group, Group, float, float, float]]:
        """Each with bytes of a number in it, who shares it, who has copies, gathers forward and backward, reductions."""
        config, plan, accumulate = self.config, self.plan, self.plan.accumulate
        shard, replicate, tensor = self.groups["shard"], self.groups["replicate"], plan.tensor
        counts = gathers(plan.pipeline, plan.chunks, case_parts(self.case), self.stage)
        learns = self.learns
        for at, i in enumerate(self.numbers):
            forward, backward = counts[at]
            if plan.pipeline == 1:
                forward, backward = 1, 1
            forward, backward = forward * accumulate, backward * accumulate * learns
            ends = end_parameters(config, tensor, first=i == 0, last=i == plan.pipeline * plan.chunks - 1)
            if ends:
                unit = Unit("ends", ends, learns)
                # FSDP fetches ahead what was last in the forward pass, though nothing of it learns.
                ahead = backward if learns else forward
                yield unit, self.width, shard, replicate, forward, ahead, accumulate
            for (is_mixture, drop), count in _kinds(config, (self.blocks[i],)):
                del drop
                parameters = block_parameters(config, tensor, mixture=is_mixture, exchanged=self.exchanged)
                unit = Unit("block", parameters * 1, learns)
                yield unit, self.width, shard, replicate, forward * count, backward * count, accumulate * count
                if is_mixture and self.exchanged:
                    experts = Unit("experts", expert_parameters(config, plan.expert), learns)
                    copies = self.groups["copies"]
                    nobody = Group("replicate", 1, 1)
                    yield experts, self.width, copies, nobody, forward * count, backward * count, accumulate * count
        if self.last:
            if config.pool == "attention" and self.seen is None:
                unit = Unit("pool", pool_parameters(config, tensor), learns)
                forward, backward = counts[-1] if plan.pipeline > 1 else (1, 1)
                yield (
                    unit, self.width, shard, replicate, forward * accumulate, backward * accumulate * learns,
                    accumulate,
                )  # fmt: skip
            yield from self._head_units()

    def _head_units(self) -> Iterator[tuple[Unit, int, Group, Group, float, float, float]]:
        config, task, times = self.config, self.task, self.plan.accumulate
        shard, replicate = self.groups["shard"], self.groups["replicate"]
        match task.kind:
            case "classify":
                root = Unit("head", linear_parameters(config.width, self.case.classes, bias=True))
                yield root, _FLOAT, shard, replicate, times, 0, times
            case "margin":
                root = Unit("embed", linear_parameters(config.width, task.dimension, bias=False))
                yield root, _FLOAT, shard, replicate, times, 0, times
            case "contrastive":
                text = text_of(self.case)
                found = linear_parameters(config.width, task.dimension, bias=False)
                found += linear_parameters(text.width, task.dimension, bias=False)
                found += (1 + (task.pairs == "sigmoid")) * (Parameter((1,)),)
                yield Unit("projections", found), _FLOAT, shard, replicate, times, 0, times
                words = 259
                ends = (Parameter((words, text.width)), Parameter((1, task.text.length, text.width)))
                ends += norm_parameters(text, 1)
                yield Unit("text.ends", ends), self.width, shard, replicate, times, times, times
                blocks = Unit("text.block", block_parameters(text, 1, mixture=False))
                each = times * text.depth
                yield blocks, self.width, shard, replicate, each, each, each
            case "masked":
                decoder = decoder_of(self.case, config)
                ends = linear_parameters(config.width, decoder.width, bias=True)
                ends += (Parameter((1, 1, decoder.width)),) + norm_parameters(decoder, 1)
                ends += linear_parameters(decoder.width, config.channels * config.patch**2, bias=True)
                # Called twice: to draw, and to judge what was drawn.
                yield Unit("decoder.ends", ends), self.width, shard, replicate, 2 * times, 2 * times, times
                blocks = Unit("decoder.block", block_parameters(decoder, 1, mixture=False))
                each = times * decoder.depth
                yield blocks, self.width, shard, replicate, each, each, each

    def _places_of_gradients(self, units: list[Unit]) -> list[tuple[Group, ...]]:
        """For each way in which gradients are cut, the groups over which their squares are summed."""
        shard, tensor = self.groups["shard"], self.groups["tensor"]
        learning = [unit for unit in units if unit.learns]
        splits = {one.split for unit in learning if unit.name != "experts" for one in unit.parameters}
        found = [(shard, tensor) if split == "part" else (shard,) for split in sorted(splits)]
        if any(unit.name == "experts" for unit in learning):
            found.append((self.groups["copies"], self.groups["expert"]))
        if self.task.kind == "margin":
            found.append((self.groups["data"],))
        return found


def case_parts(case: Case) -> int:
    """Microbatches of one pass through a pipeline."""
    return case.microbatches


@lru_cache(maxsize=1024)
def _cuts(depth: int, stages: int) -> tuple[range, ...]:
    return tuple(cut(depth, stages))


@lru_cache(maxsize=4096)
def _kinds(c: ViTConfig, blocks: tuple[range, ...]) -> list[tuple[tuple[bool, bool], int]]:
    """How many blocks there are of each kind: with a mixture or not, with stochastic depth or not."""
    found: dict[tuple[bool, bool], int] = {}
    for i in chain(*blocks):
        kind = (bool(c.experts) and (i + 1) % c.experts_every == 0, bool(c.drop_path) and i > 0)
        found[kind] = found.get(kind, 0) + 1
    return sorted(found.items())
