"""From an opened address to decoded pictures with their stated times: damage is survived and counted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from typing import Any, NamedTuple

import av

from compoundeye.records import EyeError
from compoundeye.video._address import Address
from compoundeye.video._catch_up import Everything
from compoundeye.video._hardware import accelerated
from compoundeye.video._image import DecodedImage, Turn, turn_of
from compoundeye.video._standard_input import StandardInput

# Formats that carry no times of their own; FFmpeg makes some up.
TIMELESS = {"mpjpeg", "mjpeg", "mjpeg_2000", "jpeg_pipe", "png_pipe", "image2pipe", "h264", "hevc", "mpegvideo"}
# Formats of FFmpeg's that paint letters: any text file would be a film.
TEXT = {"tty", "bin", "xbin", "adf", "idf"}
MAX_PIXELS = 2**26
"""8192 x 8192, twice what 8K is. Decoders keep several pictures."""
STANDARD_INPUT = 0
"""Its descriptor."""
NO_VIDEO = "this is no video that FFmpeg reads, or it was cut off before its index was written"
HIGHEST_RATE = 1000.0
"""A stream that announces more frames a second than this announces its clock."""
MAX_FAILURES = 100
"""So many packets in a row that cannot even be read, and the rest is given up."""
# rtsp: TCP, so that nothing is lost on the way and firewalls let it through; only pictures, no sound.
NETWORK_OPTIONS = {"rtsp_transport": "tcp", "allowed_media_types": "video"}
# Microseconds of a live stream that are looked at before it begins; FFmpeg takes up to five seconds. What was looked
# at is shown too ("nobuffer" would throw it away, and with it the only picture that stands alone for a while).
LIVE_OPTIONS = {"analyzeduration": "1000000"}


@dataclass(frozen=True, slots=True)
class Opening:
    """How to open what an address names."""

    address: Address
    live: bool | None = None
    """Whether to decode without delay; None where what is found there decides."""
    hardware: str | None = None
    threads: int = 0
    """0 for as many as FFmpeg thinks best."""
    timeout_s: float = 10.0
    """Of a network: for opening, and for each packet."""
    options: Mapping[str, str] = field(default_factory=dict)
    """More of FFmpeg's own."""
    rate: float | None = None
    """Frames a second of a stream that states no times."""


class Picture(NamedTuple):
    """One decoded picture."""

    frame: av.VideoFrame
    stated_s: float | None
    """Presentation time as the stream states it, in s; None where it does not."""
    arrived: float
    """Monotonic time in s at which its packet had been read."""
    skipped: int
    """Packets skipped so far, to catch up."""


class Decoder:
    """An opened stream of pictures. Not for several threads at once."""

    def __init__(self, opening: Opening) -> None:
        """Opens it and decodes the first picture, so that its size as shown is known.

        Raises:
            EyeError: it cannot be opened or holds no pictures.
        """
        self.shown, self.damaged, self.skipped = opening.address.shown, 0, 0
        self.fault: str | None = None
        self._container = _opened(opening)
        try:
            self._prepare(opening)
        except BaseException:
            self.close()
            raise

    def _prepare(self, opening: Opening) -> None:
        container = self._container
        stream = container.streams.best("video")
        if container.format.name in TEXT:
            raise EyeError(f"{self.shown} cannot be opened: {NO_VIDEO}")
        if stream is None:
            raise EyeError(f"{self.shown} holds no pictures")
        self._stream: Any = stream
        self.timeless = container.format.name in TIMELESS
        self.duration_s = None if container.duration is None else container.duration / av.time_base
        self.pictures_s = _length(stream, self.duration_s)
        self.metadata = dict(container.metadata)
        self.live = self.duration_s is None if opening.live is None else opening.live
        self.rate = opening.rate if self.timeless else _rate(stream)
        codec = stream.codec_context
        _bounded(codec.width, codec.height, self.shown)
        codec.options = {**codec.options, "max_pixels": str(MAX_PIXELS)}
        codec.thread_count = opening.threads
        # Threads that share a picture delay nothing; threads that each have their own delay a picture each.
        codec.thread_type = "SLICE" if self.live else "AUTO"
        if not self.live:  # a file loses no frame, not even one that refers to what is missing
            codec.flags |= av.codec.context.Flags.output_corrupt
        codec.copy_opaque = True
        self._pace = Everything()
        coming = self._decode()
        first = next(coming, None)
        if first is None:
            why = f": {self.fault}" if self.fault else ""
            raise EyeError(f"{self.shown} holds no picture that can be decoded{why}")
        self._pictures = chain([first], coming)  # a packet may hold several
        self.width, self.height = _size_as_shown(first.frame)
        self._turned: Turn | None = None

    def pictures(self, pace: Everything | None = None) -> Iterator[Picture]:
        """All of them, in order of presentation; a second call goes on where the first one stopped.

        Ends where the stream ends.

        Raises:
            ConnectionError: the network or the device failed.
        """
        self._pace = pace or self._pace
        return self._pictures

    def image(self, picture: Picture, width: int, height: int) -> DecodedImage:
        """The picture as the source shows it, at the size that the source announced, in pixels."""
        if picture.frame.key_frame:  # a telephone that is turned begins a new one
            self._turned = turn_of(picture.frame)
        return DecodedImage(picture.frame, width, height, self._turned)

    def close(self) -> None:
        """Let go of it. Not while another thread is reading."""
        self._container.close()

    def _decode(self) -> Iterator[Picture]:
        base = self._stream.time_base or Fraction(1, 1000)
        for packet in self._packets():
            stamp = packet.pts if packet.pts is not None else packet.dts
            if not self._pace.takes(packet, None if stamp is None or self.timeless else float(stamp * base)):
                self.skipped += 1
                continue
            packet.opaque = time.monotonic()
            self.damaged += packet.is_corrupt
            for frame in self._frames(packet):
                stated = None if self.timeless or frame.pts is None else float(frame.pts * (frame.time_base or base))
                arrived = packet.opaque if frame.opaque is None else frame.opaque
                yield Picture(frame, stated, arrived, self.skipped)

    def _frames(self, packet: Any) -> list[Any]:
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            self.damaged += 1
            self.fault = self.fault or error.strerror
            return []
        self.damaged += sum(bool(frame.is_corrupt) for frame in frames)
        return list(frames)

    def _packets(self) -> Iterator[Any]:
        """As they come; what cannot be read is passed over, a few times."""
        failures, packets = 0, self._container.demux(self._stream)
        while failures < MAX_FAILURES:
            try:
                self._pace.waits()
                packet = next(packets)
                failures = 0
            except (StopIteration, av.EOFError):
                return
            except (OSError, av.error.ExitError) as error:
                raise ConnectionError(_reason(error)) from error
            except av.FFmpegError as error:
                failures, self.fault = failures + 1, error.strerror
                self.damaged += 1
                packets = self._container.demux(self._stream)
                continue
            yield packet
        raise ConnectionError(f"{MAX_FAILURES} packets in a row cannot be read: {self.fault}")


def _opened(opening: Opening) -> Any:
    address = opening.address
    options = dict(NETWORK_OPTIONS if address.target.startswith("rtsp") else {})
    if opening.live or (opening.live is None and address.kind == "network"):
        options |= LIVE_OPTIONS
    try:
        return av.open(
            StandardInput(STANDARD_INPUT) if address.kind == "stdin" else address.target,
            format=address.format,
            options={**options, **opening.options},
            timeout=opening.timeout_s if address.kind == "network" else None,
            hwaccel=accelerated(opening.hardware),
        )
    except (av.FFmpegError, OSError) as error:
        raise EyeError(f"{address.shown} cannot be opened: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """What went wrong, in words, without the address: it may hold a password."""
    if isinstance(error, av.error.InvalidDataError):
        return NO_VIDEO
    if isinstance(error, av.error.ExitError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or type(error).__name__)


def _bounded(width: int, height: int, shown: str) -> None:
    if width * height > MAX_PIXELS:
        raise EyeError(f"{shown} announces pictures of {width} x {height} pixels; at most {MAX_PIXELS:,} are taken")


def _length(stream: Any, whole_s: float | None) -> float | None:
    """Seconds of pictures that are announced; sound may be longer, so that the whole counts only without any."""
    if stream.duration is not None and stream.time_base:
        return float(stream.duration * stream.time_base)
    return whole_s if len(stream.container.streams) == 1 else None


def _rate(stream: Any) -> float | None:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= HIGHEST_RATE:
            return float(rate)
    return None


def _size_as_shown(frame: av.VideoFrame) -> tuple[int, int]:
    turn = turn_of(frame)
    return (frame.height, frame.width) if turn is not None and turn.quarters % 2 else (frame.width, frame.height)
