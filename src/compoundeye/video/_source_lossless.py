"""Every frame, at the pace of whoever takes them: a file, standard input, a recording on a server."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from compoundeye.records import Frame
from compoundeye.video._address import Address
from compoundeye.video._closed import Closed
from compoundeye.video._decode import Decoder
from compoundeye.video._status import SourceStatus
from compoundeye.video._timeline import Timeline

SHORTFALL_S = 1.0
"""Containers round; a second is more than that."""
EARLIEST_RECORDING = 631152000.0
"""1990-01-01. Dates before it are zeros of some epoch that a camera never set."""


class LosslessSource(Closed):
    """A source that is decoded where its frames are asked for, so that nobody can fall behind."""

    def __init__(self, decoder: Decoder, address: Address, stream: str, began: float) -> None:
        self._decoder, self._began = decoder, began
        self.stream, self.shown, self.live = stream, address.shown, False
        self.width, self.height, self.rate = decoder.width, decoder.height, decoder.rate
        self._status = SourceStatus("ready", 0, 0, 0, 0, None)
        self._timeline = Timeline(self.rate)
        self._closed = threading.Event()
        self._in_use = threading.Lock()

    def frames(self) -> Iterator[Frame]:
        """Each frame once; a second call goes on where the first one stopped."""
        pictures = self._decoder.pictures()
        error = None
        while True:
            with self._in_use:
                if self._closed.is_set():
                    return
                try:
                    picture = next(pictures, None)
                except ConnectionError as failure:
                    picture, error = None, str(failure)
                self._status = replace(self._status, state="running", damaged=self._decoder.damaged)
                if picture is None:
                    break
            at = self._timeline.recorded(picture.stated_s)
            image = self._decoder.image(picture, self.width, self.height)
            index = self._status.frames
            self._status = replace(self._status, frames=index + 1)
            yield Frame(self.stream, index, at, self._began + at, image)
        self._status = replace(self._status, state="ended", error=error or self._shortfall())
        self.close()

    def _shortfall(self) -> str | None:
        """What is missing at the end."""
        there, announced = self._timeline.length_s, self._decoder.pictures_s
        if announced is not None and announced - there > SHORTFALL_S:
            return f"cut off: {there:.1f} s of {announced:.1f} s are there"
        return None

    def status(self) -> SourceStatus:
        """How it is doing, from any thread."""
        return self._status

    def close(self) -> None:
        """Stop: ``frames`` ends after the frame that it is at. From any thread, more than once."""
        self._closed.set()
        if self._status.state != "ended":
            self._status = replace(self._status, state="closed")
        if self._in_use.acquire(timeout=1):
            try:
                self._decoder.close()
            finally:
                self._in_use.release()


def recording_began(address: Address, decoder: Decoder, now: float) -> float:
    """Unix time in s of a recording's first frame: as it states it, else from when its file was finished, else now."""
    stated = decoder.metadata.get("creation_time", "")
    try:
        began = datetime.fromisoformat(stated.replace("Z", "+00:00")).timestamp() if stated else math.nan
    except ValueError:
        began = math.nan
    if EARLIEST_RECORDING <= began <= now:
        return began
    if address.kind == "file":
        return Path(address.target).stat().st_mtime - (decoder.duration_s or 0.0)
    return now
