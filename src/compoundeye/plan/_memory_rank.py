"""One rank's step, as a course of what it holds."""

from __future__ import annotations

from compoundeye.plan._case import Case
from compoundeye.plan._executed import Moment
from compoundeye.plan._memory_block import BlockShape, tower_shape
from compoundeye.plan._memory_chunk import Chunk
from compoundeye.plan._memory_course import Course
from compoundeye.plan._memory_ends import EndShape
from compoundeye.plan._memory_heads import Head, head_of
from compoundeye.plan._memory_layers import Numbers
from compoundeye.plan._memory_mixture import MixtureShape
from compoundeye.plan._memory_sharing import Shared, shared
from compoundeye.plan._memory_update import update
from compoundeye.plan._memory_walk import EXPERTS, Tower, Walk
from compoundeye.plan._rules import shape_of
from compoundeye.plan._tally_heads import visible
from compoundeye.plan._tally_sharing import turns
from compoundeye.plan._tally_units import block_parameters, end_parameters, expert_parameters, pool_parameters
from compoundeye.train import cut

_FLOAT = 4
_INDEX = 8
"""Bytes of an int64."""


class Rank:
    """The first rank of a pipeline's stage."""

    def __init__(self, case: Case, stage: int) -> None:
        self.case, self.stage = case, stage
        plan, settings = case.plan, case.settings
        self.plan, self.settings = plan, settings
        self.config = c = shape_of(settings)
        self.alone = case.world_size == 1
        narrow = plan.precision != "fp32"
        self.numbers = Numbers(2 if narrow and not self.alone else _FLOAT, autocast=narrow and self.alone)
        self.rows = case.rows // case.microbatches
        self.ways = plan.shard * plan.context
        seen = visible(c, settings.task.masked) if settings.task.kind == "masked" else None
        self.ends = EndShape(c, self.rows, seen, plan.tensor, plan.context, self.numbers)
        self.held: list[Shared] = []
        self.course = Course("gradients" if self.alone else "reduced")
        self.head: Head = head_of(case, self.ends, self.ways)
        self.chunks = [self._chunk(i) for i in range(stage, plan.pipeline * plan.chunks, plan.pipeline)]

    def moments(self) -> tuple[Moment, ...]:
        """The whole step."""
        course, plan = self.course, self.plan
        shards = sum(one.shard for one in self.held)
        course.add("parameters", shards)
        course.add("buffers", 6 * _FLOAT + self.head.buffers)
        self._hold()
        course.mark("")
        course.moments.clear()
        for again in range(min(plan.accumulate, 2)):
            for chunk in self.chunks:
                chunk.walk.more = again > 0
            if plan.pipeline == 1:
                self.chunks[0].forward()
                self.chunks[0].backward()
                course.mark("backward")
            else:
                self._pipelined()
        course.mark("clip")
        update(course, self.settings.optimiser.name, self.held, self.head)
        course.mark("update")
        return tuple(course.moments)

    def _hold(self) -> None:
        settings, course = self.settings, self.course
        self.head.hold(course)
        optimiser, view = settings.optimiser, settings.data.view
        learnt = sum(one.shard for one in self.held if one.learns)
        moments = 1 if optimiser.name == "sgd" else 2
        course.add("optimiser", moments * learnt - self._spared())
        pictures = self.case.rows * self.plan.accumulate
        targets = settings.task.text.length if settings.task.kind == "contrastive" else 1
        course.add("inputs", pictures * (3 * view.size**2 + targets * _INDEX + 1))
        if optimiser.ema:
            course.add("average", learnt + self.head.own)

    def _spared(self) -> int:
        """Muon has one moment of the blocks' matrices where AdamW has two."""
        if self.settings.optimiser.name != "muon":
            return 0
        chunks = [one.walk.units if not self.alone else {} for one in self.chunks]
        blocks = {id(one) for units in chunks for key, one in units.items() if ".blocks." in key}
        return sum(one.matrices for one in self.held if id(one) in blocks and one.learns)

    def _chunk(self, number: int) -> Chunk:
        plan, c, size, ways = self.plan, self.config, self.numbers.size, self.ways
        count = plan.pipeline * plan.chunks
        blocks = cut(c.depth, count)[number]
        first, last = number == 0, number == count - 1
        learns = bool(self.settings.optimiser.backbone_rate)
        found: dict[str, Shared] = {}
        shapes = []
        for i in blocks:
            mixed, apart = bool(c.experts) and (i + 1) % c.experts_every == 0, plan.expert > 1
            parameters = block_parameters(c, plan.tensor, mixture=mixed, exchanged=apart)
            found[f"backbone.blocks.{i}"] = shared(parameters, ways, size, learns=learns)
            if mixed and apart:
                copies = plan.data * plan.context // plan.expert
                experts = shared(expert_parameters(c, plan.expert), copies, size, learns=learns, mean=True)
                found[f"backbone.blocks.{i}{EXPERTS}"] = experts
            shapes.append(self._shape(drop=bool(c.drop_path * i), mixed=mixed))
        if first or last:
            parameters = end_parameters(c, plan.tensor, first=first, last=last)
            found["backbone"] = shared(parameters, ways, size, learns=learns)
        if last and c.pool == "attention" and self.ends.seen is None:
            found["backbone.pool"] = shared(pool_parameters(c, plan.tensor), ways, size, learns=learns)
        outside = found["backbone"].kept if "backbone" in found else 0
        own = outside if self.alone else outside // _FLOAT * size
        if last:
            found |= self.head.units
        self.held += found.values()
        tower = Tower("backbone", blocks.start, tuple(shapes), plan.activation_checkpointing)
        walk = Walk(self.course, None if self.alone else found, waits=plan.pipeline > 1)
        head = self.head if last else None
        return Chunk(walk, self.ends, tower, first=first, last=last, head=head, own=own, learns=learns)

    def _shape(self, *, drop: bool, mixed: bool) -> BlockShape:
        ends, c = self.ends, self.config
        mixture = MixtureShape(c.experts, c.experts_each, self.plan.expert) if mixed else None
        return tower_shape(
            c, self.rows, ends.tokens, self.numbers, ends.tensor, ends.context, drop=drop, mixture=mixture
        )

    def _pipelined(self) -> None:
        """Microbatches through the stage: those in the middle are all alike and left out."""
        plan, course = self.plan, self.course
        between = self.ends.size(self.ends.local)
        parts = self.case.microbatches
        for chunk in self.chunks:  # what comes from other stages has its place for every microbatch
            course.add("activations", between * parts * ((not chunk.first) + (not chunk.last)))
        few = min(parts, plan.pipeline * (1 if plan.chunks == 1 else 3) + 2)
        if plan.chunks > 1:
            few = min(parts, -(-few // plan.pipeline) * plan.pipeline)
        left = [few] * len(self.chunks)
        for which, forward in turns(plan.pipeline, plan.chunks, few, self.stage):
            chunk = self.chunks[which]
            if forward:
                chunk.forward()
                continue
            chunk.backward()
            left[which] -= 1
            if not left[which]:
                chunk.reduce()
        course.mark("backward")
        for chunk in self.chunks:
            course.add("activations", -between * parts * ((not chunk.first) + (not chunk.last)))
