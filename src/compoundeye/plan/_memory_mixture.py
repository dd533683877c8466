"""A mixture of experts in a block: tokens copied, ordered by expert, maybe sent to other ranks, and back.

Experts are taken to have equally many tokens. Their products are done one expert after the other, as where no grouped
product is to be had: results of all of them are there twice while they are put together.
"""

from __future__ import annotations

from dataclasses import dataclass

from compoundeye.plan._memory_layers import Numbers, activation, linear, reads, summed, summing
from compoundeye.plan._memory_tape import Flow, Held, Tape

_FLOAT, _INDEX = 4, 8


@dataclass(frozen=True, slots=True)
class MixtureShape:
    """Of one rank."""

    experts: int
    """Of all ranks."""
    each: int
    """Experts of a token."""
    expert: int
    """Ranks that share experts out."""


def mixture(
    tape: Tape,
    x: Held,
    positions: int,
    width: int,
    hidden: int,
    bias: bool,
    kind: str,
    m: MixtureShape,
    numbers: Numbers,
) -> Held:
    """[positions, width] to the same."""
    size, rows, local = numbers.factor, positions * m.each, m.experts // m.expert
    whole = rows * width * size

    def again(flow: Flow) -> None:
        flow.stack[-1] = tape.held(whole)

    def moved(flow: Flow) -> None:
        began = tape.held(whole)
        flow.stack[-1] = tape.held(whole)
        del began

    def gathered(flow: Flow) -> None:
        flow.stack[-1] = tape.held(x_size)

    def weighed(flow: Flow) -> None:
        of_rows, of_share = tape.held(whole), tape.held(whole)
        del of_share
        flow.stack[-1] = of_rows

    def through(flow: Flow) -> None:
        del flow
        tape.parts.append(tape.taken())

    x_size = x.size
    chosen = _routed(tape, x, positions, width, m, numbers)
    copies = tape.held(whole) if m.each > 1 else x
    tape.then(gathered)
    y = tape.held(whole)
    tape.then(again)
    first = y  # whoever calls the exchange holds it until that returns
    if m.expert > 1:
        began = tape.dear(whole)
        y = tape.held(whole)
        tape.then(moved)
        del began
        y = tape.held(whole)
        tape.then(again)
    tape.then(through)
    cached, tape.cached = tape.cached, (None if m.expert > 1 else tape.cached)
    y = _stacked(tape, y, rows, width, hidden, local, bias, numbers)
    y = activation(tape, y, kind)
    y = _stacked(tape, y, rows, hidden, width, local, bias, numbers)
    tape.cached = cached
    if m.expert > 1:
        y = tape.held(whole)
        tape.then(again)
        began = tape.dear(whole)
        y = tape.held(whole)
        tape.then(moved)
        del began
    del first
    y = tape.held(whole)
    tape.then(again)
    product = tape.held(whole)
    tape.then(weighed, y, chosen)
    z = tape.held(positions * width * size)
    summed(tape)
    del product, copies
    return z


def _routed(tape: Tape, x: Held, positions: int, width: int, m: MixtureShape, numbers: Numbers) -> Held:
    """Scores in float32, and which expert each token goes to; going back, gradients of both ways are added."""
    size = x.size

    def rounded(flow: Flow) -> None:
        flow.stack[-1] = tape.held(size)

    def scored(flow: Flow) -> None:
        flow.stack.append(tape.held(positions * m.experts * _FLOAT))

    summing(tape)
    reads(tape)
    exact = x
    if numbers.size != _FLOAT:
        exact = tape.held(positions * width * _FLOAT)
        tape.then(rounded)
    scores = linear(tape, exact, positions, width, m.experts, False, Numbers(_FLOAT))
    shares = tape.held(scores.size)
    tape.then(scored, shares)
    order = tape.held(positions * m.each * 4 * _INDEX)
    reads(tape)
    return order


def _stacked(
    tape: Tape, x: Held, rows: int, inputs: int, outputs: int, experts: int, bias: bool, numbers: Numbers
) -> Held:
    size = numbers.factor
    weight = experts * (inputs + bias) * outputs * size

    def apart(flow: Flow) -> None:
        flow.stack[-1:] = [tape.held(rows * inputs * size), tape.held(weight)]

    def joined(flow: Flow) -> None:
        tape.gradient(weight)
        flow.stack.pop()
        flow.stack[-1] = tape.held(rows * inputs * size)

    tape.then(joined)
    parts = tape.dear(rows * outputs * size)
    tape.then(apart, x)
    y = tape.held(rows * outputs * size)
    del parts
    return y
