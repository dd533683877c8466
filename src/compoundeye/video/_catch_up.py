"""Which packets of a live stream are worth decoding when the machine has fallen behind it."""

from __future__ import annotations

import time
from typing import Any

# Further behind than this, and what is next decoded is a picture that stands alone and is no older.
FURTHEST_BEHIND_S = 1.0
# Reading that takes longer than this has waited for the camera, so nothing else is queued. A thread that waits for
# its turn in Python gets it within 5 ms.
WAITED_S = 0.015
# Share of a longer delay that is taken for the usual one, each packet: a little always, since clocks differ by 100
# millionths; more where the packet had to be waited for, so that a network that has become slower is believed.
SLEW, SLEW_WAITED = 0.0001, 0.05
DECODED_OF = 8
"""Of a stream without times that did not have to be waited for that long, each eighth packet is decoded."""


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
        self._queued, self._waited = 0, time.monotonic()
        self._skips = False

    def waits(self) -> None:
        """The next packet is going to be read."""
        self._asked = time.monotonic()

    def takes(self, packet: Any, time_s: float | None) -> bool:
        """Whether to decode the packet of this time by the stream's clock, in s."""
        now = time.monotonic()
        waited = not self._paced and now - self._asked > WAITED_S
        if time_s is None:
            return self._takes_untimed(waited, now)
        delay = now - time_s
        usual = delay if self._usual is None else self._usual
        self._usual = min(usual + (SLEW_WAITED if waited else SLEW) * (delay - usual), delay)
        behind = delay - self._usual
        if behind > FURTHEST_BEHIND_S:
            self._skips = True
        elif packet.is_keyframe:
            self._skips = False
        return not self._skips

    def _takes_untimed(self, waited: bool, now: float) -> bool:
        if waited or self._paced:
            self._queued, self._waited = 0, now
        self._queued += 1
        return now - self._waited < FURTHEST_BEHIND_S or self._queued % DECODED_OF == 0
