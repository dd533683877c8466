"""The way through a chunk of blocks, forward and back, with the units that FSDP gathers for it."""

from __future__ import annotations

from dataclasses import dataclass

from compoundeye.plan._memory_block import BlockShape, Checkpointing, block_profiles
from compoundeye.plan._memory_course import Course
from compoundeye.plan._memory_sharing import Shared, Sharing

_FLOAT = 4
EXPERTS = ".mlp.experts"
"""What is added to a block's key where its experts are a unit of their own."""


@dataclass(frozen=True, slots=True)
class Tower:
    """Blocks one after the other."""

    name: str
    """``backbone``, ``head.text``."""
    first: int
    """Number of the first."""
    shapes: tuple[BlockShape, ...]
    checkpointing: Checkpointing

    def key(self, place: int) -> str:
        """Of a block."""
        return f"{self.name}.blocks.{self.first + place}"

    @property
    def units(self) -> list[str]:
        """Of all, and of their experts."""
        return [one for key in self.keys for one in (key, key + EXPERTS)]

    @property
    def keys(self) -> list[str]:
        """Of all."""
        return [self.key(i) for i in range(len(self.shapes))]


class Walk:
    """One process's units and its course; ``waits``: gradients are reduced after several backward passes."""

    def __init__(self, course: Course, units: dict[str, Shared] | None, *, waits: bool = False) -> None:
        self.course = course
        self.units = units or {}
        self.sharing = None if units is None else Sharing(course, units)
        self.waits = waits
        self.order: list[str] = []
        """Units in the order in which their forward passes ended."""
        self.more = False
        """Whether an earlier pass has left gradients."""
        self._gradients: dict[str, int] = {}
        self._waiting = False

    @property
    def gradients(self) -> str:
        """What whole gradients count as."""
        return "gradients" if self.sharing is None else "reduced"

    def enter(self, key: str) -> None:
        """Before a unit's forward."""
        if self.sharing is not None and key in self.units:
            self.sharing.enter(key)

    def leave(self, key: str) -> None:
        """After it."""
        if self.sharing is not None and key in self.units:
            self.sharing.leave(key)
            self.order.append(key)

    def flush(self) -> None:
        """After the outermost unit's forward."""
        if self.sharing is not None:
            self.sharing.flush()

    def begin_back(self) -> None:
        """Before the outermost unit's backward: the one before is fetched."""
        if self.sharing is not None and self.order:
            self.sharing.fetch(self.order[-1])

    def enter_back(self, key: str, earlier: int = 0) -> None:
        """Before a unit's backward.

        Args:
            earlier: how many of its forward passes have been gone back through already.
        """
        if self.sharing is None or key not in self.units:
            return
        place = [i for i, one in enumerate(self.order) if one == key][-1 - earlier]
        self.sharing.enter_back(key, self.order[place - 1] if place else None)

    def made(self, key: str, size: int) -> None:
        """Whole gradients of a unit whose end comes with the pass's."""
        if self.sharing is None:
            if not self.more:
                self.course.add("gradients", size)
        elif self.sharing.adds(key):
            self.course.passed("reduced", size)
        else:
            self.course.add("reduced", size)
            self._gradients[key] = self._gradients.get(key, 0) + size

    def leave_loss(self, key: str) -> None:
        """After the backward pass of a unit's loss, in which its parameters had no part."""
        if self.sharing is not None:
            self.sharing.leave_back(key, 0, more=self.more, gradients_there=False)

    def leave_back(self, key: str, gradients: int) -> None:
        """After it, with so many bytes of whole gradients."""
        if self.sharing is None or key not in self.units:
            return
        if self.waits:
            self.sharing.wait_back(key, gradients)
        else:
            self.sharing.leave_back(key, gradients, more=self.more)

    def end_back(self, keys: list[str]) -> None:
        """At the end of a backward pass: units whose input has no gradient come last."""
        if self.sharing is None:
            return
        for key in [key for key in keys if key in self.units]:
            self.leave_back(key, self._gradients.pop(key, 0))
        if not self.waits:
            self.sharing.finish()
            self.order.clear()

    def reduce(self, keys: list[str]) -> None:
        """After the last of several backward passes."""
        if self.sharing is None:
            return
        for key in [key for key in keys if key in self.units]:
            self.sharing.reduce(key, more=self.more)
        self.sharing.finish()
        self.order.clear()
        self._waiting = False

    def forward(self, tower: Tower, extra: int = 0, *, learns: bool = True) -> None:
        """Through its blocks.

        Args:
            extra: bytes that go when the first block is through.
            learns: whether there will be a way back.
        """
        for i, shape in enumerate(tower.shapes):
            key = tower.key(i)
            self.enter(key)
            self.enter(key + EXPERTS)
            forward, _ = block_profiles(shape, tower.checkpointing, learns=learns)
            self.course.play(forward, (shape.size, 0, 0, 0))
            self.leave(key + EXPERTS)
            self.leave(key)
            if i == 0 and extra:
                self.course.add("activations", -extra)
            self.course.mark(f"{key} forward")

    def backward(self, tower: Tower) -> None:
        """Back through them."""
        # Gradients are added where they are: in float32 between microbatches, or without FSDP.
        keeps = not (self.more and self.sharing is None) and not self._waiting
        for i in reversed(range(len(tower.shapes))):
            key, shape = tower.key(i), tower.shapes[i]
            self.enter_back(key)
            self.enter_back(key + EXPERTS)
            forward, backward = block_profiles(shape, tower.checkpointing, keeps=keeps)
            before, experts = (forward.end[0] - shape.size, shape.size, 0, 0), self._of_experts(key, shape)
            if backward.first is not None:
                self.course.play(backward.first, before)
                self.leave_back(key + EXPERTS, experts)
                before = backward.first.end
            self.course.play(backward, before)
            self.leave_back(key, backward.end[3] - experts)
            self.course.mark(f"{key} backward")

    def _of_experts(self, key: str, shape: BlockShape) -> int:
        """Bytes of whole gradients that are another unit's."""
        unit = self.units.get(key + EXPERTS)
        return 0 if unit is None else unit.kept // _FLOAT * shape.numbers.size

    def waited(self) -> None:
        """A microbatch is through: what it left is added to where its precision is that of the sum."""
        self._waiting = self.waits and not any(unit.narrow for unit in self.units.values())
