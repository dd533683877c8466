"""What FSDP2 holds as units of parameters come and go (torch 2.13, distributed/fsdp/_fully_shard).

Going forward a unit's shard is copied (rounded, with bf16), gathered into one flat buffer and copied out to its whole
parameters; the buffer stays until the next unit is copied out, so that both may overlap. Going back the unit before is
gathered while one computes; its buffer goes when it is copied out. When a unit's gradients are all there its whole
parameters go, then gradients are copied in float32 into one buffer, which stays until the next unit is reduced, and go;
what is left is this rank's shard of them. The outermost unit stays whole between the passes.

In a pipeline gradients wait, whole and in float32, until all microbatches are through, and so do whole parameters from
a backward pass to the next forward one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from compoundeye.plan._memory_course import Course
from compoundeye.plan._tally_units import Parameter

_FLOAT = 4
_MATRIX = 2


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
    """Of gradients that are left, and of the parameters."""
    kept: int
    """Of whole gradients that wait, in float32."""
    largest: int
    """Of its largest parameter's shard, in float32."""
    matrices: int
    """Of the shards of its matrices, in float32."""
    narrow: bool
    """Whether gradients come in another precision than they are summed in."""
    learns: bool = True
    divided: int = 0
    """Of gradients that nobody shares and that are divided: experts' where each rank has its own."""


@lru_cache(maxsize=4096)
def shared(
    parameters: tuple[Parameter, ...], ways: int, size: int, *, learns: bool = True, mean: bool = False
) -> Shared:
    """A unit that so many ranks share, whose elements are ``size`` bytes while it computes.

    Args:
        mean: whether gradients are divided by a number of their own.
    """
    count = sum(one.gathered(ways) for one in parameters)
    numbers = sum(one.size for one in parameters)
    other = sum(one.size for one in parameters if len(one.shape) > 1 and one.shape[0] == 1 and not one.shape[-1] % ways)
    other += sum(one.size for one in parameters if one.last)
    largest = max((one.size for one in parameters), default=0)
    narrow = size != _FLOAT
    return Shared(
        whole=count * size,
        buffer=count * size if ways > 1 else 0,
        rounded=(count // ways if ways > 1 else largest) * size if narrow else 0,
        ordered=other * size if ways > 1 else 0,
        reduced=count * _FLOAT,
        shard=count // ways * _FLOAT,
        kept=numbers * _FLOAT,
        largest=max((one.gathered(ways) // ways for one in parameters), default=0) * _FLOAT,
        matrices=sum(one.gathered(ways) // ways for one in parameters if len(one.shape) == _MATRIX and not one.bias)
        * _FLOAT,
        narrow=narrow,
        learns=learns,
        divided=count * _FLOAT if mean and ways == 1 else 0,
    )


class Sharing:
    """Lets units come and go on a course; each has a key."""

    def __init__(self, course: Course, units: dict[str, Shared]) -> None:
        self._course = course
        self._units = units
        self._whole = set[str]()
        self._fetched = set[str]()
        self._kept = set[str]()
        self._forward = 0
        self._reduced = 0
        self._summed = 0

    def enter(self, key: str) -> None:
        """Before a unit's forward."""
        if key in self._whole:
            return
        self.fetch(key)
        self._copied_out(key)
        self._course.add("gathered", -self._forward)
        self._forward = self._units[key].buffer

    def leave(self, key: str) -> None:
        """After it, but for the outermost."""
        self._drop(key)

    def flush(self) -> None:
        """After the outermost unit's forward."""
        self._course.add("gathered", -self._forward)
        self._forward = 0

    def fetch(self, key: str) -> None:
        """Gather it, maybe ahead of time."""
        if key in self._whole or key in self._fetched:
            return
        self._fetched.add(key)
        course, unit = self._course, self._units[key]
        course.add("gathered", unit.rounded)
        course.add("gathered", unit.buffer)
        course.add("gathered", -unit.rounded)

    def enter_back(self, key: str, before: str | None) -> None:
        """Before a unit's backward, and ``before`` is fetched for the next."""
        if key not in self._whole:
            self.fetch(key)
            self._copied_out(key)
            self._course.add("gathered", -self._units[key].buffer)
        if before is not None:
            self.fetch(before)

    def leave_back(self, key: str, gradients: int, *, more: bool, gradients_there: bool = True) -> None:
        """After it, with so many bytes of whole gradients, which are reduced.

        Args:
            more: an earlier pass has left gradients already, to which these are added.
            gradients_there: whether there are any to reduce.
        """
        course, unit = self._course, self._units[key]
        self._drop(key)
        course.add("reduced", -self._reduced)
        self._reduced = 0
        if not (unit.learns and gradients_there):
            return
        course.add("reduced", unit.reduced)
        course.passed("reduced", unit.ordered)
        course.add("reduced", -gradients)
        if more:  # FSDP holds what it summed over copies until the pass ends, though it has been added already
            course.add("reduced", unit.shard)
            self._summed += unit.shard
        else:
            course.add("gradients", unit.shard)
        course.passed("reduced", unit.divided)
        self._reduced = unit.reduced

    def adds(self, key: str) -> bool:
        """Whether gradients of a unit are added where earlier ones wait, as they are in the same precision."""
        return key in self._kept and not self._units[key].narrow

    def wait_back(self, key: str, gradients: int) -> None:
        """After a microbatch that is not the last: whole gradients are added to those that wait."""
        course, unit = self._course, self._units[key]
        first = key not in self._kept
        self._kept.add(key)
        if first and unit.narrow:
            course.add("reduced", unit.kept)
        if unit.narrow or not first:
            course.add("reduced", -gradients)

    def reduce(self, key: str, *, more: bool) -> None:
        """After the last microbatch."""
        self._kept.discard(key)
        self.leave_back(key, self._units[key].kept, more=more)

    def finish(self) -> None:
        """At the end of a backward pass."""
        self._course.add("reduced", -self._reduced - self._summed)
        self._reduced = self._summed = 0

    def _copied_out(self, key: str) -> None:
        unit = self._units[key]
        self._fetched.discard(key)
        self._whole.add(key)
        self._course.add("gathered", unit.whole)
        self._course.passed("gathered", unit.ordered)

    def _drop(self, key: str) -> None:
        if key in self._whole:
            self._whole.discard(key)
            self._course.add("gathered", -self._units[key].whole)
