"""What FSDP2 holds as units of parameters come and go (torch 2.13, distributed/fsdp/_fully_shard).

Going forward a unit's shard is copied (rounded, with bf16), gathered into one flat buffer and copied out to its whole
parameters; the buffer stays until the next unit is copied out, so that both may overlap. Going back the unit before is
gathered while one computes, its buffer goes when it is copied out. When a unit's gradients are all there its whole
parameters go, then gradients are copied in float32 (or what they are) into one buffer, which stays until the next unit
is reduced, and go; what is left is this rank's shard of them. The outermost unit stays whole between the passes.
"""

from __future__ import annotations

from dataclasses import dataclass

from compoundeye.plan._memory_course import Course
from compoundeye.plan._tally_units import Unit

_FLOAT = 4


@dataclass(frozen=True, slots=True)
class Shared:
    """A unit's bytes on one rank."""

    whole: int
    """Of its parameters together, as the layers compute with them."""
    buffer: int
    """That they are gathered in; 0 where a rank has all of them already."""
    rounded: int
    """Of the shard that goes into it, where it is another precision."""
    ordered: int
    """Of parameters cut along another dimension than the first: copied once more."""
    reduced: int
    """Of gradients while they are summed."""
    shard: int
    """Of gradients that are left."""
    learns: bool

    @classmethod
    def of(cls, unit: Unit, ways: int, size: int) -> Shared:
        """A unit that so many ranks share, whose elements are ``size`` bytes while it computes."""
        count = unit.gathered(ways)
        other = sum(one.size for one in unit.parameters if one.shape[0] == 1 and one.gathered(ways) == one.size)
        largest = max((one.size for one in unit.parameters), default=0)
        narrow = size != _FLOAT
        return cls(
            whole=count * size,
            buffer=count * size if ways > 1 else 0,
            rounded=(count // ways if ways > 1 else largest) * size if narrow else 0,
            ordered=other * size if ways > 1 else 0,
            reduced=count * _FLOAT,
            shard=count // ways * _FLOAT,
            learns=unit.learns,
        )


class Sharing:
    """Lets units come and go on a course."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._forward: int = 0
        self._reduced: int = 0

    def enter(self, unit: Shared) -> None:
        """Before a unit's forward."""
        self.fetch(unit)
        self._copied_out(unit)
        self._course.add("gathered", -self._forward)
        self._forward = unit.buffer

    def leave(self, unit: Shared) -> None:
        """After it, but for the outermost."""
        self._course.add("gathered", -unit.whole)

    def flush(self) -> None:
        """After the outermost unit's forward."""
        self._course.add("gathered", -self._forward)
        self._forward = 0

    def fetch(self, unit: Shared) -> None:
        """Gather it, maybe ahead of time."""
        course = self._course
        course.add("gathered", unit.rounded)
        course.add("gathered", unit.buffer)
        course.add("gathered", -unit.rounded)

    def enter_back(self, unit: Shared, before: Shared | None) -> None:
        """Before a unit's backward, and ``before`` is fetched for the next."""
        self._copied_out(unit)
        self._course.add("gathered", -unit.buffer)
        if before is not None:
            self.fetch(before)

    def leave_back(self, unit: Shared, gradients: int, *, more: bool) -> None:
        """After it, with so many bytes of whole gradients.

        Args:
            more: an earlier pass has left gradients already, to which these are added.
        """
        course = self._course
        course.add("gathered", -unit.whole)
        course.add("reduced", -self._reduced)
        self._reduced = 0
        if not unit.learns:
            return
        course.add("reduced", unit.reduced)
        course.add("reduced", -gradients)
        if more:
            course.passed("reduced", unit.shard)
        else:
            course.add("gradients", unit.shard)
        self._reduced = unit.reduced

    def finish(self) -> None:
        """At the end of a backward pass."""
        self._course.add("reduced", -self._reduced)
        self._reduced = 0

    def _copied_out(self, unit: Shared) -> None:
        self._course.add("gathered", unit.whole)
        self._course.passed("gathered", unit.ordered)
