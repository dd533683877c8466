"""Memory over a step: what is held by part, from moment to moment, and the most of each."""

from __future__ import annotations

from compoundeye.plan._executed import Moment
from compoundeye.plan._memory_tape import Profile

_KINDS = ("activations", "temporaries", "recomputed")


class Course:
    """Adds up bytes by part as a step goes on."""

    def __init__(self, gradients: str) -> None:
        """Args:
        gradients: part that gradients of parameters count as until a unit is done.
        """
        self.now: dict[str, int] = {}
        self.moments: list[Moment] = []
        self._kinds = (*_KINDS, gradients)
        self._total = self._most = 0
        self._highest: dict[str, int] = {}

    def add(self, part: str, size: int) -> None:
        """So many bytes more, or less."""
        self.now[part] = self.now.get(part, 0) + size
        self._total += size
        if size > 0:
            self._look()

    def passed(self, part: str, size: int) -> None:
        """Bytes that are held for a moment only."""
        self.add(part, size)
        self.add(part, -size)

    def play(self, profile: Profile, before: tuple[int, int, int, int]) -> None:
        """A stretch that was played on a tape, on which there was so much before, part of what is held here."""
        for kind, size, was in zip(self._kinds, profile.peak, before, strict=True):
            self.now[kind] = self.now.get(kind, 0) + size - was
            self._total += size - was
        self._look()
        for kind, size, end in zip(self._kinds, profile.peak, profile.end, strict=True):
            self.now[kind] += end - size
            self._total += end - size

    def mark(self, name: str) -> None:
        """A moment ends here."""
        self.moments.append(Moment(name, {part: size for part, size in sorted(self._highest.items()) if size}))
        self._most, self._highest = self._total, dict(self.now)

    def _look(self) -> None:
        if self._total > self._most:
            self._most, self._highest = self._total, dict(self.now)
