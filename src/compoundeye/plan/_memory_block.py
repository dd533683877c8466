"""A transformer's block, forward and backward, as one rank holds it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from compoundeye.nets import ViTConfig
from compoundeye.plan._memory_layers import (
    Numbers,
    activation,
    added,
    dropped,
    fork,
    linear,
    norm,
    reads,
    scaled,
    summed,
    summing,
    turned,
)
from compoundeye.plan._memory_mixture import MixtureShape, mixture
from compoundeye.plan._memory_moves import gathered, moved_apart, moved_back, scattered
from compoundeye.plan._memory_tape import RECOMPUTED, TEMPORARY, Flow, Held, Profile, Tape

Checkpointing = Literal["none", "selective", "full"]


@dataclass(frozen=True, slots=True)
class BlockShape:
    """Of one rank. N pictures (or captions), tokens as they are between layers."""

    pictures: int
    tokens: int
    """Between layers: after context and tensor have cut the sequence."""
    attended: int
    """Of the whole sequence, without those that fill it up."""
    padded: bool
    """Whether there are such."""
    width: int
    each: int
    """Width of a head."""
    hidden: int
    """Units of the feed-forward layer before tensor cuts them."""
    tensor: int
    context: int
    bias: bool
    qkv_bias: bool
    norm: str
    activation: str
    qk_norm: bool
    parallel: bool
    layer_scale: bool
    drop: bool
    numbers: Numbers
    mixture: MixtureShape | None = None

    @property
    def positions(self) -> int:
        """Pictures times tokens between layers."""
        return self.pictures * self.tokens

    @property
    def size(self) -> int:
        """Bytes of what comes in and goes out."""
        return self.positions * self.width * self.numbers.size


@lru_cache(maxsize=4096)
def tower_shape(
    c: ViTConfig,
    pictures: int,
    tokens: int,
    numbers: Numbers,
    tensor: int = 1,
    context: int = 1,
    *,
    drop: bool = False,
    mixture: MixtureShape | None = None,
) -> BlockShape:
    """A block of a network.

    Args:
        tokens: of the whole sequence.
    """
    ways = tensor * context
    return BlockShape(
        pictures=pictures,
        tokens=-(-tokens // ways),
        attended=tokens,
        padded=bool(-tokens % ways),
        width=c.width,
        each=c.width // c.heads,
        hidden=c.hidden or 4 * c.width,
        tensor=tensor,
        context=context,
        bias=c.bias,
        qkv_bias=c.bias if c.qkv_bias is None else c.qkv_bias,
        norm=c.norm,
        activation=c.activation,
        qk_norm=c.qk_norm,
        parallel=c.parallel,
        layer_scale=bool(c.layer_scale),
        drop=drop,
        numbers=numbers,
        mixture=mixture,
    )


@lru_cache(maxsize=4096)
def block_profiles(
    shape: BlockShape, checkpointing: Checkpointing, *, keeps: bool = True, learns: bool = True
) -> tuple[Profile, Profile]:
    """Forward and backward of a block, what comes in (and its gradient, backward) included.

    Args:
        keeps: whether gradients of parameters stay, rather than to be added to earlier ones.
        learns: whether there is a backward pass.
    """
    tape = Tape()
    tape.keeps = keeps
    if not learns:
        tape.forgets = True
        x = tape.held(shape.size)
        y = block(tape, x, shape)
        del x
        return tape.taken(), Profile(tape.peak, tape.peak)
    x = tape.held(shape.size)
    y = recomputed(tape, x, shape, checkpointing)
    del x
    forward = tape.taken()
    del y
    tape.kind = TEMPORARY
    flow = Flow([tape.held(shape.size)])
    tape.taken()
    tape.backward(flow)
    last = tape.taken()
    return forward, replace(last, first=tape.parts[0]) if tape.parts else last


def recomputed(tape: Tape, x: Held, shape: BlockShape, checkpointing: Checkpointing) -> Held:
    """A block of which only the input, and with "selective" dear results, stay for the backward pass."""
    if checkpointing == "none":
        return block(tape, x, shape)
    outer, tape.backs = tape.backs, []
    cached: list[Held] = []
    tape.cached = cached if checkpointing == "selective" else None
    tape.forgets = True
    y = block(tape, x, shape)
    tape.forgets, tape.cached = False, None
    steps, tape.backs = tape.backs, outer
    given = [x]

    def back(flow: Flow) -> None:
        tape.kind, done = TEMPORARY, 0
        while steps[-1 - done][1] is not None:  # which need nothing that was kept
            steps[-1 - done][0](flow)
            done += 1
        tape.kind, tape.backs, tape.replay = RECOMPUTED, [], True
        tape.cached = cached if checkpointing == "selective" else None
        block(tape, given[0], shape, again=True)
        tape.cached, tape.replay = None, False
        backs = tape.backs[: len(tape.backs) - done]
        # What was not asked for goes when the first layer's node lets go of the recomputation.
        first = next(i for i, (_, kept) in enumerate(backs) if kept)
        backs[first] = (backs[first][0], (*(backs[first][1] or ()), given.pop(), *cached))
        cached.clear()
        tape.backs = backs
        del backs
        tape.backward(flow)

    tape.then(back)
    return y


def block(tape: Tape, x: Held, shape: BlockShape, *, again: bool = False) -> Held:
    """[N, L, D] to [N, L, D].

    Args:
        again: as recomputation does it: up to the last thing that the backward pass needs.
    """
    s = shape
    stops = again and not (s.layer_scale or s.drop or s.mixture)  # which need the last product
    fork(tape)
    if s.parallel:
        y = norm(tape, x, s.positions, s.width, s.norm, s.numbers)
        summing(tape)
        a = _finished(tape, attention(tape, y, s, shared=True), s, drop=False)
        reads(tape)
        m = _finished(tape, fed(tape, y, s, stops=stops), s, drop=False)
        summed(tape)
        both = added(tape, a, m)
        del a, m
        return added(tape, x, dropped(tape, both) if s.drop else both)
    a = attention(tape, norm(tape, x, s.positions, s.width, s.norm, s.numbers), s, shared=False)
    a = _finished(tape, a, s, drop=s.drop)
    x = added(tape, x, a)
    del a
    fork(tape)
    m = fed(tape, norm(tape, x, s.positions, s.width, s.norm, s.numbers), s, stops=stops)
    return added(tape, x, _finished(tape, m, s, drop=s.drop))


def _finished(tape: Tape, x: Held, s: BlockShape, *, drop: bool) -> Held:
    if s.layer_scale:
        x = scaled(tape, x, s.width, s.numbers)
    return dropped(tape, x) if drop else x


def attention(tape: Tape, x: Held, shape: BlockShape, *, shared: bool) -> Held:
    """Multi-head attention, by heads among tensor, by heads instead of tokens among context.

    Args:
        shared: another layer reads ``x`` too.
    """
    s, size = shape, shape.numbers.factor
    alone, whole = not shared, x  # what calls a layer holds its input until it returns
    if s.tensor > 1:
        if shared:
            reads(tape)
        whole, alone = gathered(tape, x, s.tensor), True
    positions, part = s.positions * s.tensor, s.width // s.tensor
    if alone:
        summing(tape)

    def projected() -> Held:
        reads(tape)
        return linear(tape, whole, positions, s.width, part, s.qkv_bias, s.numbers, strided=s.context > 1)

    q, k, v = projected(), projected(), projected()
    if alone:
        summed(tape)
    y = attend(tape, q, k, v, s)
    # So lies the memory of some, to be put in order by token.
    by_head = s.context > 1 or (s.qk_norm and not s.padded and (s.tensor == 1 or s.norm == "layer"))
    z = tape.held(positions * part * size) if by_head else y
    out = linear(tape, z, positions, part, s.width, s.bias, s.numbers)
    del z
    return scattered(tape, out, s.tensor) if s.tensor > 1 else out


def attend(tape: Tape, q: Held, k: Held, v: Held, s: BlockShape) -> Held:
    """Fused: keeps queries, keys, values, its output and the logarithm of its normaliser."""
    size = q.size
    turned(tape, 2)
    if s.qk_norm:
        q = _head_norm(tape, q, s)
    turned(tape, 2)
    if s.qk_norm:
        k = _head_norm(tape, k, s)

    def back(flow: Flow) -> None:
        three = [tape.held(size) for _ in range(3)]
        flow.stack[-1:] = three

    heads = (q, k, v)
    if s.context > 1:
        heads = (moved_apart(tape, q),) * 3
    y = tape.dear(size)
    rows = s.pictures * s.width // s.each // (s.tensor * s.context)
    normaliser = tape.dear(rows * s.attended * 4)
    tape.then(back, *heads, y, normaliser)
    del heads, normaliser
    if s.padded:
        y = tape.held(size)
    return moved_back(tape, y) if s.context > 1 else y


def _head_norm(tape: Tape, x: Held, s: BlockShape) -> Held:
    rows = s.positions * s.width // s.each  # tokens are cut by tensor, then gathered; heads are cut instead
    return norm(tape, x, rows, s.each, s.norm, s.numbers, copied=True)


def fed(tape: Tape, x: Held, s: BlockShape, *, stops: bool) -> Held:
    """The feed-forward layer, by hidden units among tensor; or a mixture of them."""
    if s.mixture is not None:
        return mixture(tape, x, s.positions, s.width, s.hidden, s.bias, s.activation, s.mixture, s.numbers)
    whole = gathered(tape, x, s.tensor) if s.tensor > 1 else x
    positions, part = s.positions * s.tensor, s.hidden // s.tensor
    h = activation(tape, linear(tape, whole, positions, s.width, part, s.bias, s.numbers), s.activation)
    out = linear(tape, h, positions, part, s.width, s.bias, s.numbers, stops=stops)
    del h
    return scattered(tape, out, s.tensor) if s.tensor > 1 else out
