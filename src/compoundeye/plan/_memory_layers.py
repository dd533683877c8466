"""What each layer of a network makes, keeps for its backward pass and makes there, in bytes.

Played on a `Tape` as PyTorch's eager operations run: one call here is one layer, and pushes what is done going back.
Shapes are of one rank, cut as the plan cuts them.
"""

from __future__ import annotations

from dataclasses import dataclass

from compoundeye.plan._memory_tape import Flow, Held, Tape

_FLOAT = 4
"""Bytes of float32."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """How numbers are kept."""

    size: int
    """Bytes of an element between layers."""
    autocast: bool = False
    """Whether factors of products are rounded to bfloat16 there and then: a process alone with bf16."""

    @property
    def factor(self) -> int:
        """Bytes of an element of a product's result."""
        return 2 if self.autocast else self.size


def linear(
    tape: Tape,
    x: Held,
    positions: int,
    inputs: int,
    outputs: int,
    bias: bool,
    numbers: Numbers,
    *,
    strided: bool = False,
    stops: bool = False,
) -> Held:
    """[positions, inputs] to [positions, outputs]; keeps its input (autocast: rounded copies of it and the weight).

    Args:
        strided: the gradient of what comes out is part of a larger tensor, and copied before it is multiplied.
        stops: the last thing that a recomputation does is to keep what goes in here.
    """
    if numbers.autocast:
        return _rounded_linear(tape, x, positions, inputs, outputs, bias, stops)
    size = numbers.size

    def back(flow: Flow) -> None:
        if strided:
            flow.stack[-1] = tape.held(positions * outputs * size)
        of_input = tape.held(positions * inputs * size)
        tape.gradient(inputs * outputs * size)
        if bias:
            tape.gradient(outputs * size)
        flow.stack[-1] = of_input

    tape.then(back, x)
    tape.stopped = stops
    return tape.dear(positions * outputs * size)


def _rounded_linear(tape: Tape, x: Held, positions: int, inputs: int, outputs: int, bias: bool, stops: bool) -> Held:
    weight = tape.held(inputs * outputs * 2)
    exact = x.size == positions * inputs * _FLOAT
    if exact:
        x = tape.held(positions * inputs * 2)

    def back(flow: Flow) -> None:
        of_input = tape.held(positions * inputs * 2)
        of_weight = tape.held(inputs * outputs * 2)
        flow.stack[-1] = of_input
        tape.gradient(inputs * outputs * _FLOAT)
        if bias:
            tape.gradient(outputs * _FLOAT)
        del of_weight
        if exact:
            flow.stack[-1] = tape.held(positions * inputs * _FLOAT)

    tape.then(back, x, weight)
    tape.stopped = stops
    return tape.dear(positions * outputs * 2)


def norm(tape: Tape, x: Held, rows: int, width: int, kind: str, numbers: Numbers, *, copied: bool = False) -> Held:
    """Over ``width``, ``rows`` times; keeps its input and what it divided by.

    Args:
        kind: "layer" or "rms". The latter is several operations on a processor, in float32.
        copied: rows are no neighbours in memory.
    """
    if kind == "rms":
        return _rms(tape, x, rows, width, numbers, copied=copied)
    size = rows * width * numbers.size
    y = tape.held(size)
    statistics = tape.held(2 * rows * numbers.size)

    def back(flow: Flow) -> None:
        of_input = tape.held(size)
        tape.gradient(2 * width * numbers.size)
        flow.stack[-1] = of_input

    tape.then(back, x, statistics)
    return y


def _rms(tape: Tape, x: Held, rows: int, width: int, numbers: Numbers, *, copied: bool) -> Held:
    whole, size = rows * width * _FLOAT, rows * width * numbers.size
    narrow = numbers.size != _FLOAT

    def cast_back(flow: Flow) -> None:
        flow.stack[-1] = tape.held(size)

    def square_back(flow: Flow) -> None:  # of_mean lies on top of the gradient of x
        power = tape.held(whole)
        doubled = tape.held(whole)
        of_square = tape.held(whole)
        del power, doubled
        flow.stack[-1] = of_square

    def mean_back(flow: Flow) -> None:
        flow.stack.append(tape.held(whole))

    def unit_back(flow: Flow) -> None:
        of_exact = tape.held(whole)
        of_scale = tape.held(whole)
        del of_scale
        flow.stack[-1] = of_exact

    def weight_back(flow: Flow) -> None:
        of_unit = tape.held(whole)
        of_weight = tape.held(whole)
        tape.gradient(width * numbers.size)
        del of_weight
        flow.stack[-1] = of_unit

    def exact_back(flow: Flow) -> None:
        flow.stack[-1] = tape.held(whole)

    exact = x
    if narrow:
        exact = tape.held(whole)
        tape.then(cast_back)
    fork(tape)
    square = tape.held(whole)
    tape.then(square_back, exact)
    scale = tape.held(rows * _FLOAT)
    tape.then(mean_back)
    del square
    y = unit = tape.held(whole)
    tape.then(unit_back, exact, scale)
    y = tape.held(whole)
    tape.then(weight_back, unit)
    del unit
    if copied:
        y = tape.held(whole)
    if narrow:
        y = tape.held(size)
        tape.then(exact_back)
    return y


def activation(tape: Tape, x: Held, kind: str) -> Held:
    """GELU keeps its input; the quick one also its sigmoid."""
    size = x.size

    def back(flow: Flow) -> None:
        flow.stack[-1] = tape.held(size)

    def product_back(flow: Flow) -> None:
        direct, of_gate = tape.held(size), tape.held(size)
        flow.stack[-1] = direct
        flow.stack.append(of_gate)

    if kind != "quick_gelu":
        y = tape.held(size)
        tape.then(back, x)
        return y
    fork(tape)
    before = tape.held(size)
    tape.then(back)
    gate = tape.held(size)
    tape.then(back, gate)
    del before
    y = tape.held(size)
    tape.then(product_back, x, gate)
    return y


def scaled(tape: Tape, x: Held, width: int, numbers: Numbers) -> Held:
    """A factor for each channel: keeps its input."""
    size = x.size
    y = tape.held(size)

    def back(flow: Flow) -> None:
        of_input = tape.held(size)
        of_factor = tape.held(size)
        del of_factor
        tape.gradient(width * numbers.size)
        flow.stack[-1] = of_input

    tape.then(back, x)
    return y


def dropped(tape: Tape, x: Held) -> Held:
    """Stochastic depth: a product and a quotient, of which only the mask is kept."""
    size = x.size

    def back(flow: Flow) -> None:
        flow.stack[-1] = tape.held(size)

    product = tape.held(size)
    tape.then(back)
    y = tape.held(size)
    tape.then(back)
    del product
    return y


def turned(tape: Tape, over: int) -> None:
    """Going back, the gradient on top goes below so many others."""

    def back(flow: Flow) -> None:
        flow.stack.insert(len(flow.stack) - 1 - over, flow.stack.pop())

    tape.then(back)


def fork(tape: Tape) -> None:
    """A tensor goes two ways: called where it is read first; going back, both gradients are added."""

    def back(flow: Flow) -> None:
        total = tape.held(flow.stack[-1].size)
        flow.stack[-2:] = [total]

    tape.then(back)


def added(tape: Tape, x: Held, y: Held) -> Held:
    """x + y; going back, one gradient serves both: it waits for x while that of y goes on."""

    def back(flow: Flow) -> None:
        flow.stack.append(flow.stack[-1])

    z = tape.held(max(x.size, y.size))
    tape.then(back)
    return z


def summing(tape: Tape) -> None:
    """From here on (going back: until here) a tensor is read by several layers; each calls `reads` first."""

    def back(flow: Flow) -> None:
        total = flow.sums.pop()
        assert total is not None
        flow.stack.append(total)

    tape.then(back)


def reads(tape: Tape) -> None:
    """One of several layers reads a tensor: going back, its gradient joins the sum."""

    def back(flow: Flow) -> None:
        before = flow.sums[-1]
        if before is not None:
            total = tape.held(before.size)
            flow.stack.pop()
            flow.sums[-1] = total
        else:
            flow.sums[-1] = flow.stack.pop()

    tape.then(back)


def summed(tape: Tape) -> None:
    """All layers have read it: going back, the sum begins."""

    def back(flow: Flow) -> None:
        flow.sums.append(None)

    tape.then(back)
