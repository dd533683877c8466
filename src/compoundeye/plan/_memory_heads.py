"""What a task's head holds: weights and moments of its own, what its loss keeps and makes."""

from __future__ import annotations

from typing import Protocol

from compoundeye.plan._case import Case
from compoundeye.plan._memory_course import Course
from compoundeye.plan._memory_ends import EndShape
from compoundeye.plan._memory_sharing import Shared, shared
from compoundeye.plan._memory_walk import Walk
from compoundeye.plan._tally_units import linear_parameters

_FLOAT = 4


class Head(Protocol):
    """Between the features and the loss."""

    units: dict[str, Shared]
    """That FSDP shares; ``root`` is computed in float32."""
    late: tuple[str, ...]
    """Those of them, besides ``root``, whose gradients are reduced at the end of a pass."""
    own: int
    """Bytes of parameters that it shares by itself."""
    buffers: int
    looks_at_pixels: bool
    """Whether the loss needs the normalised pixels again."""

    def hold(self, course: Course) -> None:
        """Add what is there between steps."""

    def forward(self, walk: Walk) -> None:
        """From features to the loss."""

    def backward(self, walk: Walk) -> None:
        """And back."""

    def update(self, course: Course) -> None:
        """The optimiser of what it shares by itself."""


class ClassifyHead:
    """One linear layer and the cross-entropy of its softmax."""

    late: tuple[str, ...] = ()
    own: int = 0
    buffers: int = 0
    looks_at_pixels: bool = False

    def __init__(self, case: Case, ends: EndShape, ways: int) -> None:
        self.units = {"root": shared(linear_parameters(ends.config.width, case.classes, bias=True), ways, _FLOAT)}
        self._logits = ends.pictures * case.classes * _FLOAT

    def hold(self, course: Course) -> None:
        """See `Head`."""

    def forward(self, walk: Walk) -> None:
        """Logits, of which their logarithmic softmax is kept."""
        walk.course.add("activations", self._logits)
        walk.course.passed("activations", self._logits)

    def backward(self, walk: Walk) -> None:
        """Gradients of both, then of the layer."""
        walk.course.passed("temporaries", 2 * self._logits)
        walk.course.add("activations", -self._logits)
        walk.made("root", self.units["root"].kept)

    def update(self, course: Course) -> None:
        """See `Head`."""


def head_of(case: Case, ends: EndShape, ways: int) -> Head:
    """The head of the case's task."""
    return ClassifyHead(case, ends, ways)
