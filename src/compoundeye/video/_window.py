"""What is watched in a window, one for each stream: FFmpeg's player shows it."""

from __future__ import annotations

import shutil
import subprocess
from threading import Event as Flag

from compoundeye.records import EyeError
from compoundeye.video._drawn import drawn, shown_size
from compoundeye.video._stream_run import Seen

LONGEST = 1280
"""Pixels of the longer side of a window's picture."""
FASTEST = 100
"""Frames a second that a player of a live stream may show: more than any camera sends, so that it never holds it up."""


class Windows:
    """Shows each stream in a window. A file is shown at its own pace; whoever closes a window ends the watch."""

    def __init__(self, stop: Flag, *, privacy: str = "none", player: str = "ffplay") -> None:
        """
        Args:
            stop: is set when a window is closed.
            player: FFmpeg's, or what takes its options.

        Raises:
            EyeError: it is not installed.
        """
        found = shutil.which(player)
        if found is None:
            raise EyeError(
                f"--show needs {player}, which comes with FFmpeg: install ffmpeg, or use -o or `eye console`"
            )
        self._player, self._stop, self._privacy = found, stop, privacy
        self._open = dict[str, subprocess.Popen[bytes]]()

    def see(self, seen: Seen) -> None:
        """Show one frame."""
        if self._stop.is_set():
            return
        width, height = shown_size(seen.stream.width, seen.stream.height, LONGEST)
        window = self._open.get(seen.stream.name) or self._opened(seen, width, height)
        assert window.stdin is not None
        try:
            pixels = memoryview(drawn(seen, width, height, self._privacy).tobytes())
            while pixels and not self._stop.is_set():
                pixels = pixels[window.stdin.write(pixels) :]
        except (BrokenPipeError, ConnectionResetError, ValueError):  # closed, by somebody or by us
            self._stop.set()

    def close(self) -> None:
        """Close the windows, after what they still have to show."""
        for window in self._open.values():
            assert window.stdin is not None
            if self._stop.is_set():
                window.kill()  # a stream may wait for it: it may be paused
            window.stdin.close()
            window.wait()

    def _opened(self, seen: Seen, width: int, height: int) -> subprocess.Popen[bytes]:
        rate = FASTEST if seen.live else seen.stream.rate or 25
        words = [self._player, "-loglevel", "error", "-autoexit", "-window_title", f"{seen.stream.name}: CompoundEye"]
        words += ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{height}"]
        words += ["-framerate", str(rate), "-fflags", "nobuffer", "-i", "-"]
        # In a session of its own, for Ctrl-C is for us to hear.
        window = subprocess.Popen(words, stdin=subprocess.PIPE, bufsize=0, start_new_session=True)
        self._open[seen.stream.name] = window
        return window
