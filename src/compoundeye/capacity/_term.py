"""One number of a plan, with how it came about: what `--explain` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["computed", "measured", "published", "datasheet", "assumed"]


@dataclass(frozen=True, slots=True)
class Term:
    """A figure that can be traced."""

    key: str
    """Dotted, unique in a plan: ``memory.parameters``."""
    value: float
    unit: str
    """SI or a plain word: bytes, s, FLOP/s, pictures/s, 1."""
    formula: str
    """How it follows from other figures, in words and signs; empty for a figure that is given."""
    kind: Kind
    source: str
    """Where a given figure is from (paper and table, data sheet, command that measured it), or the method's source."""
