"""What is watched as a video file, one for each stream: frames at their own times, with what the app draws."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

from compoundeye.records import EyeError
from compoundeye.video._drawn import drawn, shown_size
from compoundeye.video._stream_run import Seen

UInt8 = npt.NDArray[np.uint8]
TICKS = 90_000
"""A second in time stamps: MPEG's clock (ISO/IEC 13818-1, 2.4.2)."""
# The first that FFmpeg was built with. H.264 is what browsers play; MPEG-4 Part 2 every FFmpeg can write.
ENCODERS: dict[str, dict[str, str]] = {
    "libx264": {"preset": "veryfast", "crf": "23"},
    "libopenh264": {},
    "mpeg4": {"qscale": "4"},
}
# In pieces of a second that each play without what follows; when the file is ended they become one, with its table, as
# players and browsers like it best. Matroska is in pieces by itself.
PIECES = {"movflags": "hybrid_fragmented+frag_keyframe+delay_moov", "frag_duration": "1000000"}
CONTAINERS: dict[str, tuple[str, dict[str, str]]] = {
    ".mp4": ("mp4", PIECES),
    ".mov": ("mov", PIECES),
    ".mkv": ("matroska", {"cluster_time_limit": "1000"}),
}
BT709, LIMITED = 1, 1
"""Colours as the file says they are (ITU-T H.273, tables 2 to 4; video_full_range_flag 0): players need not guess."""


class VideoFiles:
    """Writes each stream to a file, which is there when it is whole. Until then it is called ``NAME.part``.

    Of a watch that is killed it plays, all but its last seconds.
    """

    def __init__(self, path: Path, *, several: bool = False, privacy: str = "none") -> None:
        """
        Args:
            path: an .mp4 or .mkv file; of several streams, each has its name put after the file's: ``out-door.mp4``.
            privacy: how people are hidden.

        Raises:
            EyeError: another kind of file, or no folder for it.
        """
        if path.suffix.lower() not in CONTAINERS:
            raise EyeError(f"{path}: an annotated video is written to .mp4, .mov or .mkv")
        if not path.absolute().parent.is_dir():
            raise EyeError(f"{path}: there is no folder {path.parent}")
        self._path, self._several, self._privacy = path, several, privacy
        self._files = dict[str, VideoFile]()
        self._lock = Lock()

    def path(self, stream: str) -> Path:
        """Where a stream's video is."""
        return self._path.with_stem(f"{self._path.stem}-{stream}") if self._several else self._path

    def see(self, seen: Seen) -> None:
        """Write one frame.

        Raises:
            EyeError: the disk is full, or the file cannot be made.
        """
        name = seen.stream.name
        with self._lock:
            file = self._files.get(name)
            if file is None:
                file = self._files[name] = VideoFile(self.path(name), *shown_size(*_size(seen), None))
        file.write(drawn(seen, file.width, file.height, self._privacy), seen.frame.time_s)

    def close(self) -> None:
        """End all files, and give them their names."""
        for file in self._files.values():
            file.close()


def _size(seen: Seen) -> tuple[int, int]:
    return seen.stream.width, seen.stream.height


class VideoFile:
    """One file, and its encoder. Safe to call from several threads.

    Args:
        path: where it is when it is whole; an .mp4, .mov or .mkv file.
        width, height: of its frames, even numbers.

    Raises:
        EyeError: it cannot be written.
    """

    def __init__(self, path: Path, width: int, height: int) -> None:
        self._path, self._part = path, path.with_name(path.name + ".part")
        self.width, self.height = width, height
        encoder = next(name for name in ENCODERS if name in av.codecs_available)
        try:
            kind, options = CONTAINERS[path.suffix.lower()]
            # Flushed, for what waits in memory is lost with the process.
            self._container: Any = av.open(str(self._part), "w", format=kind, options={**options, "flush_packets": "1"})
        except (FFmpegError, OSError) as error:
            raise EyeError(f"cannot write {path}: {error}") from error
        self._stream = self._container.add_stream(encoder, options=ENCODERS[encoder])
        self._stream.width, self._stream.height, self._stream.pix_fmt = self.width, self.height, "yuv420p"
        codec = self._stream.codec_context
        codec.time_base = Fraction(1, TICKS)
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        codec.color_range = LIMITED
        self._last = -1
        self._closed = False
        self._lock = Lock()

    def write(self, pixels: UInt8, time_s: float) -> None:
        """A frame [height, width, 3] in RGB that is shown at a time, which goes forward.

        Raises:
            EyeError: the disk is full.
        """
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        self._last = max(self._last + 1, round(time_s * TICKS))
        frame.pts, frame.time_base = self._last, Fraction(1, TICKS)
        with self._lock:
            if not self._closed:
                self._mux(frame)

    def close(self) -> None:
        """End the file, and give it its name."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._mux(None)
            self._container.close()
            self._part.replace(self._path)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (FFmpegError, OSError) as error:
            raise EyeError(f"cannot write {self._path}: {error}") from error
