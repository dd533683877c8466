"""A frame as people are shown it: with people hidden if the site says so, and with what the app draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from compoundeye.video._canvas_pixels import PixelCanvas
from compoundeye.video._privacy import How, hide
from compoundeye.video._stream_run import Seen

UInt8 = npt.NDArray[np.uint8]


def shown_size(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """Width and height at which a frame is shown: even, as video wants it, and no side longer than ``longest``."""
    scale = min(1.0, longest / max(width, height)) if longest else 1.0
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


def hidden(seen: Seen, width: int, height: int, privacy: str) -> UInt8:
    """[height, width, 3] RGB in memory of its own, with people hidden by ``privacy``; "none" hides nobody."""
    pixels = np.array(seen.frame.image.rgb(width, height))  # a copy: others may look at the frame too
    if privacy != "none":
        how: How = privacy  # type: ignore[assignment]  # the settings allow these words only
        hide(pixels, seen.outcome.people, how, width / seen.frame.image.width)
    return pixels


def drawn(seen: Seen, width: int, height: int, privacy: str) -> UInt8:
    """The same, with what the app draws. Call it while the viewer has the frame: the app goes on after that."""
    pixels = hidden(seen, width, height, privacy)
    seen.app.draw(PixelCanvas(pixels, width / seen.frame.image.width))
    return pixels
