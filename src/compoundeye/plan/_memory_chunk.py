"""Consecutive blocks of a rank with the ends that are theirs: one forward pass, one backward pass."""

from __future__ import annotations

from compoundeye.plan._memory_ends import EndShape, leaving
from compoundeye.plan._memory_heads import Head
from compoundeye.plan._memory_walk import Tower, Walk

_FLOAT = 4


class Chunk:
    """What a rank computes at a stretch: all of the network, or a stage of a pipeline."""

    def __init__(
        self,
        walk: Walk,
        ends: EndShape,
        tower: Tower,
        *,
        first: bool,
        last: bool,
        head: Head | None,
        own: int,
        learns: bool,
    ) -> None:
        """Args:
        own: bytes of whole gradients of what is outside of the blocks.
        learns: whether the backbone does.
        """
        self._learns = learns
        self.walk, self.ends, self.tower = walk, ends, tower
        self.first, self.last, self.head = first, last, head
        self._own = own
        self._sent = 0
        c, size = ends.config, ends.numbers.size
        # Going back through patches: their layer's weights once more in order, and positions among those of no patch.
        self._ends_back = (c.channels * c.patch**2 + ends.patches + 1) * c.width * size
        self._narrow = ends.numbers.size != _FLOAT
        self._local = ends.size(ends.local)
        self._pixels = ends.pixels * (2 if self._narrow or ends.numbers.autocast else _FLOAT)

    def forward(self) -> None:
        """One pass, or one of a microbatch."""
        walk, course, ends = self.walk, self.walk.course, self.ends
        walk.enter("root")
        exact = ends.pixels * _FLOAT
        extra = 0
        if self.first:  # bytes to floats, a difference, a quotient
            course.add("activations", exact)
            course.passed("activations", exact)
            if self._pixels != exact:
                course.add("activations", self._pixels)
        walk.enter("backbone")
        if self.first:
            extra = self._embed()
        walk.forward(self.tower, extra, learns=self._learns)
        if self.last:
            left = leaving(ends, learns=self._learns)
            course.play(left.join, (self._local, 0, 0, 0))
            walk.enter("backbone.pool")
            course.play(left.pool, left.join.end)
            walk.leave("backbone.pool")
        walk.leave("backbone")
        if not self.last and self._narrow:  # handed on as float32, sent as what it was
            course.add("activations", 2 * self._local)
            course.passed("activations", self._local)
            course.add("activations", -2 * self._local)
        whole_picture = self.head is not None and self.head.looks_at_pixels
        apart = self.first and (self._pixels != exact or not self._learns)
        if apart and not whole_picture:
            course.add("activations", -exact)
        if self.head is not None:
            self.head.forward(walk)
        if apart and whole_picture:
            course.add("activations", -exact)
        walk.flush()

    def backward(self) -> None:
        """The same, back."""
        walk, course = self.walk, self.walk.course
        self._let_go()
        given = 0
        if self.head is not None:
            walk.begin_back()
            self.head.backward(walk)
        elif self._narrow:
            course.passed("temporaries", 2 * self._local)
            course.add("temporaries", self._local)
        else:
            given = self._local  # the gradient lies where it was received
        if not self._learns:
            walk.end_back(["root", *(self.head.late if self.head else ())])
            return
        walk.enter_back("backbone")
        if self.last:
            left = leaving(self.ends)
            walk.enter_back("backbone.pool")
            course.play(left.pool_back, left.pool.end)
            walk.leave_back("backbone.pool", left.pool_back.end[3])
            course.play(left.join_back, left.pool_back.end)
        walk.backward(self.tower)
        course.add("temporaries", given)
        walk.made("backbone", self._own)
        if self.first:
            course.passed("temporaries", self._ends_back)
            course.add("temporaries", -self._local)
            course.add("activations", -self._pixels - self._outside())
        else:
            course.add("activations", self._local)  # where it was received
            self._sent = self._local
        if not self.last:
            course.add("activations", -self._local)
        walk.end_back(["root", "backbone", *(self.head.late if self.head else ())])
        walk.waited()

    def reduce(self) -> None:
        """After the last microbatch."""
        late = self.head.late if self.head else ()
        self.walk.reduce(["root", "backbone", *self.tower.units, "backbone.pool", *late])
        self._let_go()

    def _let_go(self) -> None:
        self.walk.course.add("temporaries", -self._sent)
        self._sent = 0

    def _embed(self) -> int:
        """Pixels to this rank's tokens; returns bytes of all tokens, which stay until the first block is through."""
        course, ends = self.walk.course, self.ends
        patches = ends.patches * ends.config.width * ends.pictures * ends.numbers.size
        course.add("activations", patches)
        course.passed("activations", patches // (2 if ends.numbers.autocast else 1))
        whole = ends.size(ends.tokens)
        if ends.seen is not None or ends.config.extra:
            course.add("activations", whole)
            # Choosing patches keeps all of them: `gather` looks at their shape going back.
            course.add("activations", 0 if ends.seen is not None and self._learns else -patches)
        if ends.config.norm_in and self._learns:
            course.add("activations", whole)
        if not self._learns and self._pixels != ends.pixels * _FLOAT:
            course.add(
                "activations", -self._pixels - (self.ends.size(self.ends.tokens) if self.ends.config.norm_in else 0)
            )
        if ends.tensor * ends.context == 1:
            return 0
        course.add("activations", self._local)
        return whole

    def _outside(self) -> int:
        """Bytes kept besides pixels before the first block."""
        ends = self.ends
        kept = ends.size(ends.tokens) if ends.config.norm_in else 0
        return kept + (ends.size(ends.patches) if ends.seen is not None else 0)
