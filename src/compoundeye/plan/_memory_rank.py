"""One rank's step, as a course of what it holds."""

from __future__ import annotations

from functools import lru_cache

from compoundeye.nets import ViTConfig
from compoundeye.plan._case import Case
from compoundeye.plan._executed import Moment
from compoundeye.plan._memory_block import BlockShape, block_profiles
from compoundeye.plan._memory_course import Course
from compoundeye.plan._memory_ends import EndShape, leaving
from compoundeye.plan._memory_layers import Numbers
from compoundeye.plan._memory_sharing import Shared, Sharing
from compoundeye.plan._rules import shape_of
from compoundeye.plan._tally_units import Unit, block_parameters, end_parameters, linear_parameters

_FLOAT = 4
_INDEX = 8
"""Bytes of an int64."""


class Rank:
    """A rank of a case, without a pipeline."""

    def __init__(self, case: Case) -> None:
        self.case, self.plan, self.settings = case, case.plan, case.settings
        self.config = c = shape_of(case.settings)
        plan = self.plan
        self.alone = case.world_size == 1
        narrow = plan.precision != "fp32"
        self.numbers = Numbers(2 if narrow and not self.alone else _FLOAT, autocast=narrow and self.alone)
        self.rows = case.rows
        self.ways = plan.shard * plan.context
        self.ends = EndShape(c, self.rows, None, plan.tensor, plan.context, self.numbers)
        size = self.numbers.size
        self.blocks = [Unit("block", block_parameters(c, plan.tensor, mixture=False)) for _ in range(c.depth)]
        self.backbone = Unit("ends", end_parameters(c, plan.tensor))
        self.root = Unit("head", linear_parameters(c.width, case.classes, bias=True))
        self.shared = not self.alone
        self._block = Shared.of(self.blocks[0], self.ways, size)
        self._backbone = Shared.of(self.backbone, self.ways, size)
        self._root = Shared.of(self.root, self.ways, _FLOAT)
        held = sum(unit.held(self.ways) for unit in [*self.blocks, self.backbone, self.root]) * _FLOAT
        self.held = held
        settings = case.settings
        base = {
            "parameters": held,
            "buffers": 6 * _FLOAT,
            "optimiser": 2 * held,
            "inputs": self.rows * plan.accumulate * (3 * settings.data.view.size**2 + _INDEX + 1),
        }
        if settings.optimiser.ema:
            base["average"] = held
        self.course = Course(base, "gradients" if self.alone else "reduced")
        self.sharing = Sharing(self.course)

    def moments(self) -> tuple[Moment, ...]:
        """The whole step."""
        for again in range(min(self.plan.accumulate, 2)):
            self._forward()
            self._backward(more=again > 0)
        self._update()
        return tuple(self.course.moments)

    def _shape(self, index: int) -> BlockShape:
        c = self.config
        drop = bool(c.drop_path * index)
        return _block_shape(c, self.ends, drop)

    def _forward(self) -> None:
        course, sharing, ends, numbers = self.course, self.sharing, self.ends, self.numbers
        shared = self.shared
        if shared:
            sharing.enter(self._root)
        # Bytes to floats, a difference, a quotient.
        exact = ends.pixels * _FLOAT
        course.add("activations", exact)
        course.passed("activations", exact)
        rounded = 0
        if numbers.size != _FLOAT or numbers.autocast:
            rounded = ends.pixels * 2
            course.add("activations", rounded)
        if shared:
            sharing.enter(self._backbone)
        patches = ends.patches * self.config.width * self.rows * numbers.size
        course.add("activations", patches)
        course.passed("activations", patches // (2 if numbers.autocast else 1))
        whole = ends.size(ends.tokens)
        if self.config.extra:
            course.add("activations", whole)
            course.add("activations", -patches)
        local = ends.size(ends.local)
        split = ends.tensor * ends.context > 1
        if split:
            course.add("activations", local)
        for i in range(self.config.depth):
            if shared:
                sharing.enter(self._block)
            forward, _ = block_profiles(self._shape(i), self.plan.activation_checkpointing)
            course.play(forward, (local, 0, 0, 0))
            if shared:
                sharing.leave(self._block)
            if split and i == 0:
                course.add("activations", -whole)
            course.mark(f"backbone.blocks.{i} forward")
        self._leave(local)
        if shared:
            sharing.leave(self._backbone)
        course.add("activations", -exact if rounded else 0)
        self._kept_pixels = rounded or exact
        logits = self.rows * self.case.classes * _FLOAT
        course.add("activations", logits)
        course.passed("activations", logits)
        if shared:
            sharing.flush()

    def _leave(self, local: int) -> None:
        forward, _ = leaving(self.ends, True)
        self.course.play(forward, (local, 0, 0, 0))

    def _backward(self, *, more: bool) -> None:
        course, sharing, ends = self.course, self.sharing, self.ends
        shared = self.shared
        head = "reduced" if shared else "gradients"
        local = ends.size(ends.local)
        if shared:
            sharing.fetch(self._backbone)
        logits = self.rows * self.case.classes * _FLOAT
        course.passed("temporaries", 2 * logits)
        course.add("activations", -logits)
        root = sum(one.size for one in self.root.parameters) * _FLOAT
        course.add(head, root)
        if shared:
            sharing.enter_back(self._backbone, self._block)
        _, backward = leaving(self.ends, True)
        forward = leaving(self.ends, True)[0]
        course.play(backward, forward.end)
        for i in reversed(range(self.config.depth)):
            if shared:
                sharing.enter_back(self._block, self._block if i else None)
            forward, backward = block_profiles(self._shape(i), self.plan.activation_checkpointing)
            course.play(backward, (forward.end[0] - local, local, 0, 0))
            if shared:
                gradients = backward.end[3]
                self._unit_done(self._block, gradients, more=more)
            course.mark(f"backbone.blocks.{i} backward")
        course.add("temporaries", -local)
        course.add("activations", -self._kept_pixels)
        back = sum(one.size for one in self.backbone.parameters) * self.numbers.size
        course.add(head, back)
        if shared:
            self._unit_done(self._root, root, more=more)
            self._unit_done(self._backbone, back, more=more)
            sharing.finish()
        course.mark("backward")

    def _unit_done(self, unit: Shared, gradients: int, *, more: bool) -> None:
        self.sharing.leave_back(unit, gradients, more=more)

    def _update(self) -> None:
        course = self.course
        course.mark("clip")
        largest = max(
            one.gathered(self.ways) // self.ways
            for unit in [*self.blocks[:1], self.backbone, self.root]
            for one in unit.parameters
        )
        course.passed("temporaries", 2 * largest * _FLOAT)
        course.mark("update")


@lru_cache(maxsize=4096)
def _block_shape(c: ViTConfig, ends: EndShape, drop: bool) -> BlockShape:
    return BlockShape(
        pictures=ends.pictures,
        tokens=ends.local,
        attended=ends.tokens,
        padded=bool(-ends.tokens % (ends.tensor * ends.context)),
        width=c.width,
        each=c.width // c.heads,
        hidden=c.hidden or 4 * c.width,
        tensor=ends.tensor,
        context=ends.context,
        bias=c.bias,
        qkv_bias=c.bias if c.qkv_bias is None else c.qkv_bias,
        norm=c.norm,
        activation=c.activation,
        qk_norm=c.qk_norm,
        parallel=c.parallel,
        layer_scale=bool(c.layer_scale),
        drop=drop,
        numbers=ends.numbers,
    )
