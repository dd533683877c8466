"""How a source is doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ready", "running", "waiting", "ended", "closed"]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source is doing. Its counts go on over reconnections."""

    state: State
    """ready: opened, nobody asked yet. waiting: a live source is gone, and tried again. ended: there is no more."""
    frames: int
    """Frames given out."""
    dropped: int
    """Frames that came and were not given out; 0 for lossless sources."""
    damaged: int
    """Packets or pictures that could not be decoded, and frames given out though the decoder had to fill in parts."""
    reconnects: int
    """Times that a live source came back."""
    error: str | None
    """Why it waits, or why it ended before its end; without passwords."""
