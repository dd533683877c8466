"""What a running watch shows to other processes: a folder with its state, and the newest frame when somebody looks."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event as Flag
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg

from compoundeye.records import EyeError
from compoundeye.video._canvas_shapes import ShapesCanvas
from compoundeye.video._drawn import hidden, shown_size
from compoundeye.video._live_view import STOP, asked_to_stop
from compoundeye.video._stream_run import Seen

WIDEST = 960
"""Pixels of the longer side of a frame that is shown."""
MOST_A_SECOND = 12
WANTED_S = 5.0
"""A page that shows a stream touches its file ``NAME.wanted`` more often than this."""
QUALITY = 80


class LiveFolder:
    """``watch.json``, and for each stream ``NAME.state.json`` and ``NAME.view``: each whole or not at all.

    A view is 8 bytes (little-endian, how long the JSON is), JSON ``{"frame", "shapes", "app"}``, and a JPEG in which
    people are hidden if the site says so. One process holds the folder at a time; others may ask it to end
    (`ask_to_stop`).
    """

    def __init__(
        self, folder: Path, about: Mapping[str, Any], *, privacy: str = "none", stop: Flag | None = None
    ) -> None:
        """Take the folder and say who we are.

        Args:
            stop: is set when somebody asks the watch to stop.

        Raises:
            EyeError: another process holds it, or it cannot be written.
        """
        self.folder, self._privacy = folder, privacy
        self._stop = stop
        self._shown = dict[str, float]()
        self.stopped_by: str | None = None
        """Who asked the watch to stop."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._held = open(folder / "watch.lock", "w")  # noqa: SIM115  it is held as long as the watch lasts
        except OSError as error:
            raise EyeError(f"cannot write {folder}: {error}; set COMPOUNDEYE_HOME to another folder") from None
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._held.close()
            raise EyeError(f"{folder.name} is being watched already; --name gives another name") from None
        self._clear()
        self._about = {"pid": os.getpid(), "started": time.time()} | dict(about)
        _write(folder / "watch.json", _json(self._about))

    def tell(self, stream: str, state: Mapping[str, Any]) -> None:
        """Replace a stream's state, and hear what is asked of the watch."""
        _write(self.folder / f"{stream}.state.json", _json(state))
        self._hear()

    def see(self, seen: Seen) -> None:
        """Replace a stream's view, if somebody looks and the last one is old enough."""
        name, now = seen.stream.name, time.monotonic()
        if now - self._shown.get(name, -1.0) < 1 / MOST_A_SECOND or not self._wanted(name):
            return
        self._shown[name] = now
        _write(self.folder / f"{name}.view", view(seen, self._privacy))

    def close(self) -> None:
        """Let go of the folder: what stays says how it ended."""
        for name in ("watch.json", STOP):
            (self.folder / name).unlink(missing_ok=True)
        for path in self.folder.glob("*.view"):
            path.unlink(missing_ok=True)
        self._held.close()

    def _hear(self) -> None:
        if self._stop is None or self.stopped_by is not None:
            return
        asked = asked_to_stop(self.folder, self._about["started"])
        if asked is not None:
            self.stopped_by = str(asked["by"])
            _write(self.folder / "watch.json", _json(self._about | {"stopping": True}))
            self._stop.set()

    def _wanted(self, name: str) -> bool:
        try:
            return time.time() - (self.folder / f"{name}.wanted").stat().st_mtime < WANTED_S
        except OSError:
            return False

    def _clear(self) -> None:
        """What a process left that was killed."""
        for pattern in ("*.view", "*.state.json", "*.part", STOP):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)


def view(seen: Seen, privacy: str) -> bytes:
    """The newest frame as one file: see `LiveFolder`."""
    image = seen.frame.image
    pixels = hidden(seen, *shown_size(image.width, image.height, WIDEST), privacy)
    canvas = ShapesCanvas()
    seen.app.draw(canvas)
    frame = {
        "stream": seen.stream.name,
        "index": seen.frame.index,
        "time_s": seen.frame.time_s,
        "captured": seen.frame.captured,
        "dropped": seen.frame.dropped,
        "width": image.width,
        "height": image.height,
    }
    facts = _json({"frame": frame, "shapes": canvas.shapes, "app": dict(seen.app.state())})
    return len(facts).to_bytes(8, "little") + facts + _jpeg(pixels)


def _jpeg(pixels: npt.NDArray[np.uint8]) -> bytes:
    encoded: bytes = simplejpeg.encode_jpeg(pixels, quality=QUALITY, colorspace="RGB", colorsubsampling="420")
    return encoded


def _json(value: Mapping[str, Any]) -> bytes:
    def plain(one: Any) -> Any:
        if hasattr(one, "tolist"):
            return one.tolist()
        raise TypeError(f"an app's state holds a {type(one).__name__}, which is no plain value")

    return json.dumps(value, default=plain, separators=(",", ":")).encode()


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
