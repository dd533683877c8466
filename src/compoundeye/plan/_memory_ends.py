"""What is held before the first block and after the last: pixels, patches, tokens joined and pooled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from compoundeye.nets import ViTConfig
from compoundeye.plan._memory_layers import Numbers, activation, added, fork, linear, norm, reads, summed, summing
from compoundeye.plan._memory_moves import gathered, repeated, together
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


@dataclass(frozen=True, slots=True)
class Leaving:
    """After the last block; what the block gave (and its gradient) included."""

    join: Profile
    """The last normalisation, and tokens of all ranks brought together."""
    pool: Profile
    """A picture's features from them."""
    pool_back: Profile
    join_back: Profile


@lru_cache(maxsize=1024)
def leaving(s: EndShape, *, learns: bool = True) -> Leaving:
    """Of a network whose features are wanted, or (with hidden patches) all tokens."""
    tape = Tape()
    tape.forgets = not learns
    x = tape.held(s.size(s.local))
    tape.taken()
    y = joined(tape, x, s)
    del x
    join = tape.taken()
    before, tape.backs = tape.backs, []
    attends = s.config.pool == "attention" and s.seen is None
    z = attention_pool(tape, y, s) if attends else None
    kept = y if s.seen is not None else None
    del y
    pool = tape.taken()
    if not learns:
        return Leaving(join, pool, pool, pool)
    tape.kind = TEMPORARY
    flow = Flow([])
    del kept
    if attends:
        assert z is not None
        flow.stack.append(tape.held(z.size))
        del z
        tape.backward(flow)
    else:
        flow.stack.append(tape.held(s.size(s.tokens)))
        if s.seen is None and s.config.pool == "mean" and s.config.extra:
            flow.stack[-1] = tape.held(s.size(s.tokens))  # spread over the patches, then put among all tokens
    pool_back = tape.taken()
    tape.backs = before
    tape.backward(flow)
    return Leaving(join, pool, pool_back, tape.taken())


def joined(tape: Tape, x: Held, s: EndShape) -> Held:
    """Normalised, and all tokens there."""
    config = s.config
    y = norm(tape, x, s.pictures * s.local, config.width, config.norm, s.numbers)
    z = together(tape, y, s.tensor) if s.tensor > 1 else y
    return gathered(tape, z, s.context) if s.context > 1 else z


def attention_pool(tape: Tape, x: Held, s: EndShape) -> Held:
    """A learnt query looks at all tokens; along tensor heads and hidden units are split."""
    c, n = s.config, s.pictures
    tokens, part = s.tokens - c.extra, c.width // s.tensor
    hidden = (c.hidden or 4 * c.width) // s.tensor
    if c.extra:
        _sliced(tape, s.size(s.tokens))
    query = tape.held(part * s.numbers.factor)
    summing(tape)
    reads(tape)
    if s.tensor > 1:
        repeated(tape)
    k = linear(tape, x, n * tokens, c.width, part, True, s.numbers)
    reads(tape)
    if s.tensor > 1:
        repeated(tape)
    v = linear(tape, x, n * tokens, c.width, part, True, s.numbers)
    summed(tape)

    def back(flow: Flow) -> None:
        three = [tape.held(n * part * s.numbers.factor), tape.held(k_size), tape.held(k_size)]
        flow.stack[-1:] = three[1:]

    k_size = k.size
    y = tape.held(n * part * s.numbers.factor)
    tape.then(back, query, k, v, y)
    y = linear(tape, y, n, part, c.width, True, s.numbers)
    fork(tape)
    z = norm(tape, y, n, c.width, c.norm, s.numbers)
    z = activation(tape, linear(tape, z, n, c.width, hidden, True, s.numbers), c.activation)
    z = linear(tape, z, n, hidden, c.width, True, s.numbers)
    return added(tape, y, z)


def _sliced(tape: Tape, size: int) -> None:
    def back(flow: Flow) -> None:
        flow.stack[-1] = tape.held(size)

    tape.then(back)
