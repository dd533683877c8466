"""Nothing is lost silently: seen = done + duplicate + abstained + failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from compoundeye.records._error import EyeError


class AccountError(EyeError):
    """The sums of an account do not agree: something was lost or counted twice."""


@dataclass(slots=True)
class Account:
    """What became of every input of a job; ``done`` is "stored" for ingest and "labelled" for categorise."""

    seen: int = 0
    done: int = 0
    duplicate: int = 0
    abstained: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """How many failed, by reason."""

    def __add__(self, other: Account) -> Account:
        return Account(
            self.seen + other.seen,
            self.done + other.done,
            self.duplicate + other.duplicate,
            self.abstained + other.abstained,
            self.failed + other.failed,
            self.reasons + other.reasons,
        )

    def check(self) -> Self:
        """Return self if the sums agree.

        Raises:
            AccountError: an input has no outcome or two, or a failure has no reason.
        """
        ended = self.done + self.duplicate + self.abstained + self.failed
        if ended != self.seen:
            raise AccountError(f"account does not balance: {self.seen} seen but {ended} ended; please report this")
        if self.reasons.total() != self.failed:
            raise AccountError(f"account does not balance: {self.failed} failed, {self.reasons.total()} with a reason")
        return self

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "seen": self.seen,
            "done": self.done,
            "duplicate": self.duplicate,
            "abstained": self.abstained,
            "failed": self.failed,
            "reasons": dict(sorted(self.reasons.items())),
        }
