"""Tokens that go to other ranks within a layer, and what that holds on the way.

A functional collective gives one tensor when it begins and another when it is waited for: the dry run's fake tensors
count both while both are referred to. Real ones are one tensor, so that a GPU holds less for that moment.
"""

from __future__ import annotations

from compoundeye.plan._memory_tape import Flow, Held, Tape


def gathered(tape: Tape, x: Held, ways: int) -> Held:
    """Tokens of a tensor group brought together: an all-gather along the batch, then put in order."""

    def back(flow: Flow) -> None:
        flow.stack[-1] = _scattered(tape, flow.stack[-1], ways)

    tape.then(back)
    return _gathered(tape, x, ways)


def scattered(tape: Tape, x: Held, ways: int) -> Held:
    """Partial sums of a tensor group added up, each rank with some of the tokens."""

    def back(flow: Flow) -> None:
        flow.stack[-1] = _gathered(tape, flow.stack[-1], ways)

    y = _scattered(tape, x, ways)
    tape.then(back)
    return y


def together(tape: Tape, y: Held, ways: int) -> Held:
    """Tokens of a tensor group for all of it, which has one gradient then: going back each rank takes its part."""
    size = y.size

    def back(flow: Flow) -> None:
        flow.stack[-1] = tape.held(size)

    whole = _gathered(tape, y, ways)
    tape.then(back)
    return whole


def repeated(tape: Tape) -> None:
    """What all of a tensor group read whole: going back, its gradient is summed over them."""

    def back(flow: Flow) -> None:
        began = tape.held(flow.stack[-1].size)
        flow.stack[-1] = tape.held(began.size)
        del began

    tape.then(back)


def moved_apart(tape: Tape, q: Held) -> Held:
    """Queries, keys and values of some tokens to those of some heads, as one tensor (DeepSpeed Ulysses)."""
    size = 3 * q.size

    def back(flow: Flow) -> None:
        stacked = tape.held(size)
        del flow.stack[-3:]
        whole = _exchanged(tape, size)
        del stacked
        moved = tape.held(size)
        del whole
        flow.stack += [moved] * 3

    stacked = tape.held(size)
    parts = tape.held(size)
    done = _exchanged_from(tape, parts)
    del parts
    moved = tape.held(size)
    del done, stacked
    tape.then(back)
    return moved


def moved_back(tape: Tape, y: Held) -> Held:
    """What attention gave for some heads back to some tokens."""
    size = y.size

    def back(flow: Flow) -> None:
        whole = _exchanged(tape, size)
        flow.stack.pop()
        moved = tape.held(size)
        del whole
        flow.stack.append(moved)

    parts = tape.held(size)
    done = _exchanged_from(tape, parts)
    moved = tape.held(size)
    del done, parts
    tape.then(back)
    return moved


def _exchanged(tape: Tape, size: int) -> Held:
    """All-to-all of a copy, going back."""
    copied = tape.held(size)
    began = tape.held(size)
    del copied
    done = tape.held(size)
    del began
    return done


def _exchanged_from(tape: Tape, parts: Held) -> Held:
    began = tape.dear(parts.size)
    done = tape.held(parts.size)
    del began
    return done


def _gathered(tape: Tape, x: Held, ways: int) -> Held:
    began = tape.held(x.size * ways)
    done = tape.held(x.size * ways)
    y = tape.held(x.size * ways)
    del began, done
    return y


def _scattered(tape: Tape, x: Held, ways: int) -> Held:
    ordered = tape.held(x.size)
    began = tape.dear(x.size // ways)
    y = tape.held(x.size // ways)
    del ordered, began
    return y
