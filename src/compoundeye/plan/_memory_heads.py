"""What a task's head holds: weights and moments of its own, what its loss keeps and makes."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from compoundeye.nets import ByteTokenizer, FileTokenizer
from compoundeye.plan._case import Case
from compoundeye.plan._memory_block import tower_shape
from compoundeye.plan._memory_course import Course
from compoundeye.plan._memory_ends import EndShape
from compoundeye.plan._memory_sharing import Shared, shared
from compoundeye.plan._memory_walk import Tower, Walk
from compoundeye.plan._tally_heads import decoder_of, text_of
from compoundeye.plan._tally_units import (
    block_parameters,
    decoder_parameters,
    linear_parameters,
    projection_parameters,
    text_parameters,
)

_FLOAT = 4
_INDEX = 8
"""Bytes of an int64."""
_LOGITS = 1 << 28
"""Bytes of logits that a margin softmax holds at once on a GPU, and fewest classes: `nets.MarginSoftmax`."""
_FEWEST = 256


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


class MarginHead:
    """An embedding and a softmax over classes that the data ranks share: logits are held a block of classes at a time.

    Its optimiser goes through a class's moments as a whole: what it makes are tensors of the shard's size.
    """

    late: tuple[str, ...] = ()
    buffers: int = 0
    looks_at_pixels: bool = False

    def __init__(self, case: Case, ends: EndShape, ways: int) -> None:
        task = case.settings.task
        d = task.dimension
        self.units = {"root": shared(linear_parameters(ends.config.width, d, bias=False), ways, _FLOAT)}
        here = -(-case.classes // case.plan.data)
        taken = here if task.sample == 1 else round(here * task.sample)
        everyone = ends.pictures * case.plan.data
        block = min(max(_LOGITS // (_FLOAT * everyone), _FEWEST), taken)
        self.own = here * d * _FLOAT
        self._name = case.settings.optimiser.name
        self._steps = here * _FLOAT
        self._sampled = task.sample < 1
        self._here = here
        self._rows = taken * d * _FLOAT
        self._index = taken * _INDEX
        self._unit = block * d * _FLOAT
        self._logits = everyone * block * _FLOAT
        self._whole = block == taken
        self._pictures = everyone * d * _FLOAT
        self._labels = everyone * 2 * _INDEX

    def hold(self, course: Course) -> None:
        """Weights and moments."""
        course.add("parameters", self.own)
        moments = self.own if self._name == "sgd" else 2 * self.own + self._steps
        course.add("optimiser", moments)

    def forward(self, walk: Walk) -> None:
        """Everyone's pictures against this rank's classes."""
        course, unit, logits = walk.course, self._unit, self._logits
        course.add("activations", self._pictures + self._labels)
        if self._sampled:
            course.passed("activations", 2 * self._here * _INDEX)
            course.passed("activations", self._here + self._index + self._rows)
            course.add("activations", self._index + self._rows)
        if self._whole:
            course.passed("activations", unit + 2 * logits)
            course.add("activations", logits)
        else:
            course.passed("activations", max(2 * unit + logits, unit + 2 * logits))

    def backward(self, walk: Walk) -> None:
        """Gradients of classes and pictures, a block at a time."""
        course, unit, logits, pictures = walk.course, self._unit, self._logits, self._pictures
        course.add("gradients", self._rows)
        course.add("temporaries", pictures)
        if self._whole:
            course.passed("temporaries", max(3 * unit + logits, unit + logits + pictures))
            course.add("activations", -logits)
        else:
            course.passed(
                "temporaries", max(3 * unit + 2 * logits, 2 * unit + 3 * logits, unit + 2 * logits + pictures)
            )
        if walk.more:
            course.add("gradients", -self._rows)
        course.add("activations", -self._pictures - self._labels)
        course.add("temporaries", -pictures)
        walk.made("root", self.units["root"].kept)

    def update(self, course: Course) -> None:
        """Copies of what takes part, if not all does; then the size of the change and the change."""
        copies = {"sgd": 1}.get(self._name, 2) if self._sampled else 0
        made = 0 if self._name == "sgd" else 3
        course.passed("temporaries", (copies + made) * self._rows)


class ContrastiveHead:
    """A tower that reads captions, two projections, and logits of this rank's pairs against everyone's."""

    late: tuple[str, ...] = ("head.text",)
    own: int = 0
    buffers: int = 0
    looks_at_pixels: bool = False

    def __init__(self, case: Case, ends: EndShape, ways: int) -> None:
        task, plan, numbers = case.settings.task, case.plan, ends.numbers
        c, length = text_of(case), task.text.length
        size = numbers.size
        sigmoid = task.pairs == "sigmoid"
        words = _vocabulary(task.tokenizer, length)
        one = shared(block_parameters(c, 1, mixture=False), ways, size)
        self.units = {f"head.text.blocks.{i}": one for i in range(c.depth)}
        self.units["head.text"] = shared(text_parameters(c, words, length), ways, size)
        projections = projection_parameters(ends.config.width, c.width, task.dimension, sigmoid=sigmoid)
        self.units["root"] = shared(projections, ways, _FLOAT)
        shape = tower_shape(c, ends.pictures, length, numbers)
        self._tower = Tower("head.text", 0, (shape,) * c.depth, plan.activation_checkpointing)
        self._text = shape.size
        self._own = self.units["head.text"].kept // _FLOAT * size
        everyone = ends.pictures * plan.data
        self._others = everyone * task.dimension * _FLOAT
        self._logits = ends.pictures * (ends.pictures if sigmoid else everyone) * _FLOAT
        self._sigmoid = sigmoid

    def hold(self, course: Course) -> None:
        """See `Head`."""

    def forward(self, walk: Walk) -> None:
        """Captions to features, and the loss."""
        course = walk.course
        walk.enter("head.text")
        course.add("activations", self._text)
        course.passed("activations", self._text)
        walk.forward(self._tower)
        course.add("activations", -self._text)
        walk.leave("head.text")
        if self._sigmoid:  # each block of logits is made again going back
            course.passed("activations", 4 * self._logits)
        else:
            for _ in range(2):  # pictures to captions and back
                course.add("activations", self._others)
                course.passed("activations", 3 * self._logits)
                course.add("activations", self._logits)

    def backward(self, walk: Walk) -> None:
        """The same, back."""
        course = walk.course
        if self._sigmoid:
            course.passed("temporaries", 5 * self._logits)
        else:
            for _ in range(2):
                course.passed("temporaries", 2 * self._logits + self._others)
                course.add("activations", -self._logits - self._others)
        walk.made("root", self.units["root"].kept)
        walk.enter_back("head.text")
        course.add("temporaries", self._text)
        walk.backward(self._tower)
        course.add("temporaries", -self._text)
        walk.made("head.text", self._own)

    def update(self, course: Course) -> None:
        """See `Head`."""


class MaskedHead:
    """A light decoder that draws hidden patches, and the mean square of what it missed."""

    late: tuple[str, ...] = ()
    own: int = 0
    looks_at_pixels: bool = True

    def __init__(self, case: Case, ends: EndShape, ways: int) -> None:
        c, numbers = ends.config, ends.numbers
        d, n, size = decoder_of(case, c), ends.pictures, numbers.size
        one = shared(block_parameters(d, 1, mixture=False), ways, size)
        self.units = {f"head.blocks.{i}": one for i in range(d.depth)}
        self.units["head"] = shared(decoder_parameters(c, d), ways, size)
        self.buffers = ends.patches * d.width * _FLOAT
        shape = tower_shape(d, n, c.extra + ends.patches, numbers)
        self._tower = Tower("head", 0, (shape,) * d.depth, case.plan.activation_checkpointing)
        self._own = self.units["head"].kept // _FLOAT * size
        self._narrow = size != _FLOAT
        self._given = ends.size(ends.tokens)
        self._entered = n * ends.tokens * d.width * size
        self._patches = n * ends.patches * d.width * size
        self._tokens = shape.size
        self._exact = ends.pixels * _FLOAT
        self._drawn = ends.pixels * size

    def hold(self, course: Course) -> None:
        """See `Head`."""

    def forward(self, walk: Walk) -> None:
        """Visible patches to all, and the loss."""
        course, exact, drawn = walk.course, self._exact, self._drawn
        if self._narrow:  # handed on as float32, and rounded again
            course.add("activations", 2 * self._given)
        walk.enter("head")
        course.add("activations", self._entered + self._patches)
        course.add("activations", self._tokens)
        course.passed("activations", self._patches)
        walk.forward(self._tower)
        course.add("activations", self._patches)
        course.add("activations", drawn)
        course.add("activations", -self._entered - self._patches)
        course.passed("activations", drawn)
        if self._narrow:
            course.add("activations", exact)
            course.add("activations", -drawn - 2 * self._given)
        walk.leave("head")
        if self._narrow:
            course.add("activations", 2 * drawn)
        walk.enter("head")
        if self._narrow:
            course.add("activations", -exact)
            course.passed("activations", 2 * exact)
        course.passed("activations", 3 * exact)
        course.add("activations", exact)  # what is wanted
        if self._narrow:
            course.add("activations", exact)
        course.add("activations", exact)  # what it is missed by
        course.add("activations", -exact if self._narrow else 0)
        course.passed("activations", exact)
        course.add("activations", -exact - (2 * drawn if self._narrow else drawn))
        walk.leave("head")

    def backward(self, walk: Walk) -> None:
        """The same, back."""
        course, exact, drawn = walk.course, self._exact, self._drawn
        walk.enter_back("head")
        course.passed("temporaries", 4 * exact)
        course.add("temporaries", exact)
        course.add("activations", -exact)
        if self._narrow:
            course.passed("temporaries", drawn)
            course.add("temporaries", drawn - exact)
        walk.leave_loss("head")
        walk.enter_back("head", earlier=1)
        course.add("temporaries", self._patches)
        course.add("temporaries", -drawn)
        course.add("activations", -self._patches - self._tokens)
        course.add("temporaries", self._patches)
        course.add("temporaries", self._tokens - 2 * self._patches)
        walk.backward(self._tower)
        course.add("temporaries", 2 * self._patches - self._tokens)
        course.add("temporaries", -2 * self._patches)
        if walk.sharing is None:
            walk.made("head", self._own)
            return
        course.add("reduced", self._own)
        walk.leave_back("head", self._own)

    def update(self, course: Course) -> None:
        """See `Head`."""


@lru_cache(maxsize=64)
def _vocabulary(file: str | None, length: int) -> int:
    return (FileTokenizer(file, length) if file else ByteTokenizer(length)).vocabulary


def head_of(case: Case, ends: EndShape, ways: int) -> Head:
    """The head of the case's task."""
    match case.settings.task.kind:
        case "margin":
            return MarginHead(case, ends, ways)
        case "contrastive":
            return ContrastiveHead(case, ends, ways)
        case "masked":
            return MaskedHead(case, ends, ways)
    return ClassifyHead(case, ends, ways)
