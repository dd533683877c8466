"""What a page shows, read from nowhere yet: plain values between the corpus and the HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from compoundeye.records import Account


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture with what is known about it."""

    id: str
    source: str
    thumbnail: bytes
    """JPEG."""
    format: str
    width: int
    height: int
    bytes: int
    taken_at: datetime | None = None
    camera: str | None = None
    caption: str | None = None
    state: str | None = None
    """What categorising came to: done, abstained, failed; None where it has not been tried."""
    category: str | None = None
    confidence: float | None = None
    best: str | None = None
    best_confidence: float | None = None
    reason: str | None = None
    by: str | None = None
    label: str | None = None
    """What a person said."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A search by picture: what was asked for and what came, nearest first."""

    query: str
    found: Sequence[tuple[Tile, float]]
    """With the similarity, cosine in -1 to 1."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything on one page."""

    title: str
    version: int
    total: int
    """Pictures that the question fits; ``tiles`` may be fewer."""
    tiles: Sequence[Tile]
    account: Account
    groups: Sequence[Sequence[Tile]] = field(default_factory=tuple)
    """Near-duplicates, the best copy first in each."""
    alike: Alike | None = None
    failures: Sequence[tuple[str, str]] = field(default_factory=tuple)
    """Inputs that are no picture: source and reason."""
