"""How long tensors live in eager PyTorch, played through with sizes instead of numbers.

A tensor's memory is given back when nothing refers to it any more: neither a variable of the code that runs nor what
autograd keeps for the backward pass. The same is true of `Held` here, so code that is written as the real layers are
holds what they hold, moment by moment. What autograd keeps of each operation is in PyTorch's derivatives.yaml; a
backward function here keeps it until it has run, as the engine drops saved tensors after each node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

ACTIVATION, TEMPORARY, RECOMPUTED, GRADIENT = range(4)
"""What a tensor counts as: made going forward, going backward, or forward again; or gradient of a parameter."""
Sizes = tuple[int, int, int, int]
"""Bytes of each."""


class Held:
    """A tensor's memory."""

    __slots__ = ("_counted", "_kind", "_live", "size")

    def __init__(self, live: list[int], size: int, kind: int, counted: int) -> None:
        self.size = size
        self._live = live
        self._kind = kind
        self._counted = counted

    def __del__(self) -> None:
        self._live[self._kind] -= self._counted


@dataclass(slots=True)
class Flow:
    """Gradients on their way back."""

    stack: list[Held]
    sums: list[Held | None] = field(default_factory=list)
    """Of tensors that several layers read: what has come back so far."""


Back = Callable[[Flow], None]
"""Takes the gradient of what came out from the stack's end and puts that of what went in there."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A stretch of a step: bytes at its highest and at its end, since the tape began."""

    peak: Sizes
    end: Sizes
    first: Profile | None = None
    """The part of it, going back, until a mixture's experts are through."""


class Tape:
    """Bytes that are held now, and the most that there were, with what they were; and what is to be done backward."""

    __slots__ = (
        "backs",
        "cached",
        "forgets",
        "gradients",
        "keeps",
        "kind",
        "live",
        "most",
        "parts",
        "peak",
        "replay",
        "stopped",
    )

    def __init__(self) -> None:
        self.live = [0, 0, 0, 0]
        self.kind = ACTIVATION
        """Of what is made now."""
        self.most = 0
        self.peak: Sizes = (0, 0, 0, 0)
        self.backs: list[tuple[Back, tuple[Held | None, ...] | None]] = []
        """With what each keeps; None: what it was to keep has to be made again."""
        self.forgets = False
        """Whether nothing is kept for the backward pass."""
        self.gradients: list[Held] = []
        self.keeps = True
        """Whether gradients of parameters stay; else they are added to earlier ones and go."""
        self.cached: list[Held] | None = None
        """Results that selective recomputation keeps, first one first."""
        self.replay = False
        """Whether those are taken again instead of being made."""
        self.parts: list[Profile] = []
        """Stretches that something else comes between."""
        self.stopped = False
        """Whether nothing is made any more: recomputation ends with the last thing that is needed."""

    def held(self, size: int) -> Held:
        """A tensor of so many bytes, until nobody refers to it."""
        return self._add(size, self.kind)

    def dear(self, size: int) -> Held:
        """The same, of an operation that selective recomputation does not do twice."""
        if self.cached is None or self.stopped:
            return self._add(size, self.kind)
        if self.replay:
            return self.cached.pop(0)
        made = self._add(size, self.kind)
        self.cached.append(made)
        return made

    def gradient(self, size: int) -> None:
        """A parameter's gradient, which stays, or is added to the one that is there."""
        made = self._add(size, GRADIENT)
        if self.keeps:
            self.gradients.append(made)

    def then(self, back: Back, *kept: Held | None) -> None:
        """What is done going back for the step just taken, and what is kept until then."""
        self.backs.append((back, None if kept and self.forgets else kept))

    def backward(self, flow: Flow) -> None:
        """Go back through all steps; each is let go of, with what it keeps, before the next."""
        backs, self.backs = self.backs, []
        self.kind, self.stopped = TEMPORARY, False
        while backs:
            back, kept = backs.pop()
            back(flow)
            del back, kept

    def taken(self) -> Profile:
        """The peak since the last time, and what there is now."""
        live = self.live
        found = Profile(self.peak, (live[0], live[1], live[2], live[3]))
        self.most, self.peak = sum(live), found.end
        return found

    def _add(self, size: int, kind: int) -> Held:
        if self.stopped:
            return Held(self.live, size, kind, 0)
        live = self.live
        live[kind] += size
        total = live[0] + live[1] + live[2] + live[3]
        if total > self.most:
            self.most, self.peak = total, (live[0], live[1], live[2], live[3])
        return Held(live, size, kind, size)
