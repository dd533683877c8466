"""What is held before the first block and after the last: pixels, patches, tokens joined and pooled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from compoundeye.nets import ViTConfig
from compoundeye.plan._memory_layers import Numbers, norm
from compoundeye.plan._memory_moves import gathered
from compoundeye.plan._memory_tape import TEMPORARY, Flow, Held, Profile, Tape

_FLOAT = 4


@dataclass(frozen=True, slots=True)
class EndShape:
    """Of one rank's first and last layers."""

    config: ViTConfig
    pictures: int
    seen: int | None
    """Patches that are not hidden, if some are."""
    tensor: int
    context: int
    numbers: Numbers

    @property
    def patches(self) -> int:
        """Of a picture."""
        return (self.config.image // self.config.patch) ** 2

    @property
    def tokens(self) -> int:
        """That go into the blocks, before they are cut."""
        return self.config.extra + (self.patches if self.seen is None else self.seen)

    @property
    def local(self) -> int:
        """Of them on this rank, with those that fill up."""
        return -(-self.tokens // (self.tensor * self.context))

    @property
    def pixels(self) -> int:
        """Numbers of a batch."""
        return self.pictures * self.config.channels * self.config.image**2

    def size(self, tokens: int) -> int:
        """Bytes of so many tokens of each picture."""
        return self.pictures * tokens * self.config.width * self.numbers.size


@lru_cache(maxsize=1024)
def leaving(s: EndShape, pooled: bool) -> tuple[Profile, Profile]:
    """After the last block, forward and backward; what the block gave (and its gradient) included.

    The last normalisation, tokens of all ranks brought together, and a picture's features from them.
    """
    tape = Tape()
    x = tape.held(s.size(s.local))
    tape.taken()
    y = joined(tape, x, s)
    del x
    kept = y if s.config.pool == "attention" and pooled else None
    del y
    forward = tape.taken()
    tape.kind = TEMPORARY
    flow = Flow([_of_pool(tape, s, pooled)])
    del kept
    tape.backward(flow)
    return forward, tape.taken()


def joined(tape: Tape, x: Held, s: EndShape) -> Held:
    """Normalised, and all tokens there."""
    config = s.config
    y = norm(tape, x, s.pictures * s.local, config.width, config.norm, s.numbers)
    if s.tensor > 1:
        y = _together(tape, y, s.tensor)
    if s.context > 1:
        y = gathered(tape, y, s.context)
    return y


def _together(tape: Tape, y: Held, ways: int) -> Held:
    """Along tensor, where each rank takes its part of the gradient, which is the same on all."""
    size = y.size

    def back(flow: Flow) -> None:
        flow.stack[-1] = tape.held(size)

    began = tape.held(size * ways)
    done = tape.held(size * ways)
    whole = tape.held(size * ways)
    del began, done
    tape.then(back)
    return whole


def _of_pool(tape: Tape, s: EndShape, pooled: bool) -> Held:
    """Gradient of all tokens from that of the features."""
    whole = tape.held(s.size(s.tokens))
    if pooled and s.config.pool == "mean" and s.config.extra:
        whole = tape.held(s.size(s.tokens))  # spread over the patches, then put among all tokens
    return whole
