"""A folder of frames: pictures with numbers in their names, in the order of those numbers."""

from __future__ import annotations

import configparser
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from compoundeye.pixels import PictureError, decode, probe
from compoundeye.records import EyeError, Frame
from compoundeye.video._closed import Closed
from compoundeye.video._image import ArrayImage, scaled
from compoundeye.video._status import SourceStatus

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"}
# Where a MOTChallenge sequence keeps its rate: beside the folder img1. https://arxiv.org/abs/1603.00831
SEQUENCE_FILE = "seqinfo.ini"
RATE = 25.0
"""Frames a second where nothing says otherwise."""


class FolderSource(Closed):
    """Every picture of a folder is a frame; one that is damaged is left out, and counted as dropped."""

    live = False

    def __init__(self, folder: Path, stream: str, *, rate: float | None, began: float | None) -> None:
        """
        Args:
            folder: only pictures right in it count.
            stream: its name.
            rate: frames a second; None for what a ``seqinfo.ini`` in or above the folder says, else 25.
            began: Unix time of the first frame; None for when its file was written.

        Raises:
            EyeError: no picture is there that can be read.
        """
        self.stream, self.shown = stream, str(folder)
        self._files = sorted((file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES), key=_by_number)
        self.width, self.height = _first_size(self._files, folder)
        self.rate = rate or _stated_rate(folder) or RATE
        self._began = self._files[0].stat().st_mtime if began is None else began
        self._next = 0
        self._status = SourceStatus("ready", 0, 0, 0, 0, None)
        self._closed = threading.Event()

    def frames(self) -> Iterator[Frame]:
        """Each once, stretched to the size of the first one; a second call goes on where the first one stopped."""
        self._say(state="running")
        while self._next < len(self._files) and not self._closed.is_set():
            index, file = self._next, self._files[self._next]
            self._next += 1
            try:
                pixels = scaled(decode(file.read_bytes()), self.width, self.height)
            except (OSError, PictureError) as error:
                lost = self._status.damaged + 1
                self._say(damaged=lost, dropped=lost, error=f"{file.name}: {error}")
                continue
            at = index / self.rate
            self._say(frames=self._status.frames + 1)
            yield Frame(self.stream, index, at, self._began + at, ArrayImage(pixels), self._status.dropped)
        if not self._closed.is_set():
            self._say(state="ended")

    def status(self) -> SourceStatus:
        """How it is doing, from any thread."""
        return self._status

    def close(self) -> None:
        """Stop: ``frames`` ends after the frame that it is at. From any thread, more than once."""
        if not self._closed.is_set() and self._status.state != "ended":
            self._say(state="closed")
        self._closed.set()

    def _say(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]


def _by_number(file: Path) -> tuple[list[int], str]:
    """frame2 before frame10, with or without zeros in front."""
    return [int(digits) for digits in re.findall(r"\d+", file.stem)], file.name


def _first_size(files: list[Path], folder: Path) -> tuple[int, int]:
    for file in files:
        try:
            header = probe(file.read_bytes())
        except (OSError, PictureError):
            continue
        return header.width, header.height
    raise EyeError(f"{folder} holds no frames: no picture that can be read ends in {', '.join(sorted(SUFFIXES))}")


def _stated_rate(folder: Path) -> float | None:
    for place in (folder, folder.parent):
        settings = configparser.ConfigParser()
        try:
            settings.read(place / SEQUENCE_FILE)
            rate = settings.getfloat("Sequence", "frameRate", fallback=0.0)
        except (configparser.Error, ValueError, UnicodeDecodeError):
            continue
        if rate > 0:
            return rate
    return None
