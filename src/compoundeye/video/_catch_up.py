"""Which packets of a live stream are worth decoding when the machine has fallen behind it."""

from __future__ import annotations

import time
from typing import Any

# Further behind than this, and what is next decoded is a picture that stands alone and is no older.
FURTHEST_BEHIND_S = 1.0
# Reading that takes longer than this has waited for the camera, so nothing else is queued. A thread that waits for
# its turn in Python gets it within 5 ms.
WAITED_S = 0.015
# Share of the delay that is taken for the camera's clock, each packet; clocks differ by 100 millionths.
SLEW = 0.0001
QUEUED_IN_A_ROW = 8
"""So many packets at once, of a stream without times, and only each eighth is decoded until it has to be waited for."""


class Everything:
    """All packets are worth it."""

    def waits(self) -> None:
        """The next packet is going to be read."""

    def takes(self, packet: Any, time_s: float | None) -> bool:  # noqa: ARG002
        """Whether to decode the packet of this time by the stream's clock, in s."""
        return True


class CatchUp(Everything):
    """Those that are not too old; else none until a picture that needs no other one."""

    def __init__(self, *, paced: bool) -> None:
        """``paced`` for a recording that is played as if it were live: it is always there to be read."""
        self._paced = paced
        self._asked = 0.0
        self._usual: float | None = None
        self._queued = 0
        self._skips = False

    def waits(self) -> None:
        """The next packet is going to be read."""
        self._asked = time.monotonic()

    def takes(self, packet: Any, time_s: float | None) -> bool:
        """Whether to decode the packet of this time by the stream's clock, in s."""
        now = time.monotonic()
        waited = not self._paced and now - self._asked > WAITED_S
        if time_s is None:
            return self._takes_untimed(waited)
        delay = now - time_s
        if self._usual is None or waited:
            self._usual = delay
        self._usual = min(self._usual + SLEW * (delay - self._usual), delay)
        behind = delay - self._usual
        if behind > FURTHEST_BEHIND_S:
            self._skips = True
        elif packet.is_keyframe:
            self._skips = False
        return not self._skips

    def _takes_untimed(self, waited: bool) -> bool:
        self._queued = 0 if waited else self._queued + 1
        return self._queued < QUEUED_IN_A_ROW or self._queued % QUEUED_IN_A_ROW == 0
