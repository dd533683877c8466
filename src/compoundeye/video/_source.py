"""What a source is, and which kind an address opens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from compoundeye.records import EyeError, Frame
from compoundeye.video._address import read_address
from compoundeye.video._decode import Decoder, Opening
from compoundeye.video._source_folder import FolderSource
from compoundeye.video._source_live import LiveSource
from compoundeye.video._source_lossless import LosslessSource, recording_began
from compoundeye.video._status import SourceStatus

ENDLESS = {"camera", "network"}
"""Kinds that are gone only for a while."""


class Source(Protocol):
    """Frames of one stream. All have the size that it announces; what comes in another one is stretched to it."""

    @property
    def stream(self) -> str:
        """Its name."""

    @property
    def shown(self) -> str:
        """Its address, for people: without a password."""

    @property
    def width(self) -> int:
        """Pixels, as shown: after rotation."""

    @property
    def height(self) -> int:
        """Pixels, as shown: after rotation."""

    @property
    def rate(self) -> float | None:
        """Frames a second that it announces; None where it does not."""

    @property
    def live(self) -> bool:
        """Whether the newest frame wins; else every frame is given out."""

    def frames(self) -> Iterator[Frame]:
        """Its frames, in order of time. For one thread at a time."""

    def status(self) -> SourceStatus:
        """How it is doing, from any thread."""

    def close(self) -> None:
        """Stop: ``frames`` ends. From any thread, more than once."""

    def __enter__(self) -> Self:
        """Itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""


def open_source(
    address: str | Path,
    *,
    stream: str,
    live: bool | None = None,
    rate: float | None = None,
    began: float | None = None,
    hardware: str | None = None,
    threads: int = 0,
    timeout_s: float = 10.0,
    options: Mapping[str, str] | None = None,
) -> Source:
    """Open a file, a folder of frames, a camera, a stream on the network, or standard input.

    Args:
        address: a path; ``/dev/video0``; ``rtsp://``, ``http://`` and the like; ``-`` for standard input;
            ``lavfi:testsrc2`` for pictures that FFmpeg makes.
        stream: a name, which every frame carries.
        live: True for the newest frame (drops are counted, a lost connection is opened again for ever; a file plays at
            its own pace), False for every frame at the pace of whoever takes them, None for what suits the address.
        rate: frames a second of a folder, and of a file that states no times.
        began: Unix time in s of a recording's first frame; None for what it states, or when its file was written.
        hardware: None to decode in software, "auto" for a graphics processor where there is one, or a device of FFmpeg.
        threads: that decode; 0 for as many as FFmpeg thinks best.
        timeout_s: how long a network may be silent.
        options: more for FFmpeg's demuxer or device, such as ``{"video_size": "1280x720", "framerate": "30"}``.

    Raises:
        EyeError: it cannot be opened, holds no pictures, or is too large.
    """
    found = read_address(address)
    if found.kind == "folder":
        if live:
            raise EyeError(f"{found.shown} is a folder of frames, which cannot be live; leave live out")
        return FolderSource(Path(found.target), stream, rate=rate, began=began)
    live = found.live if live is None else live
    opening = Opening(found, live, hardware, threads, timeout_s, dict(options or {}), rate)
    decoder = Decoder(opening)
    if not decoder.live:
        start = recording_began(found, decoder, time.time()) if began is None else began
        return LosslessSource(decoder, found, stream, start)
    again = replace(opening, live=True)
    return LiveSource(decoder, lambda: Decoder(again), stream, endless=found.kind in ENDLESS)
