"""A picture of each event that has a place: taken when it begins, with people hidden if the site says so."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import simplejpeg

from compoundeye.records import Event
from compoundeye.video._canvas_pixels import PixelCanvas
from compoundeye.video._drawn import hidden, shown_size
from compoundeye.video._stream_run import Seen

LONGEST = 1280
"""Pixels of the longer side."""
QUALITY = 85
COLOUR = (230, 159, 0)
"""Orange that the colour-blind see too. Okabe and Ito, "Color Universal Design", 2008."""


class Snapshots:
    """Adds ``media["snapshot"]`` to the messages of events, the path of a JPEG file: FOLDER/STREAM/DAY/ID.jpg.

    Days are those of UTC. A full disk costs pictures, never events: ``error`` says so.
    """

    def __init__(self, folder: Path, *, privacy: str = "none", kinds: Collection[str] | None = None) -> None:
        """
        Args:
            folder: is made when the first picture is.
            privacy: how people are hidden.
            kinds: of events; all that have a place if not given.
        """
        self._folder, self._privacy, self._kinds = folder.absolute(), privacy, kinds
        self._lasting = dict[str, str]()
        self._lock = Lock()
        self.error: str | None = None

    def illustrate(self, seen: Seen | None, events: Sequence[Event]) -> list[Event]:
        """The messages of one frame, or of a stream's end, with the pictures of their events. From any thread."""
        return [self._illustrated(seen, event) for event in events]

    def _illustrated(self, seen: Seen | None, event: Event) -> Event:
        path = self._taken(seen, event) if seen is not None and event.type == "new" else None
        with self._lock:
            if path is not None and event.end is None:
                self._lasting[event.id] = path
            path = path or self._lasting.get(event.id)
            if event.type == "end":
                self._lasting.pop(event.id, None)
        return event if path is None else replace(event, media={**event.media, "snapshot": path})

    def _taken(self, seen: Seen, event: Event) -> str | None:
        if event.box is None or (self._kinds is not None and event.kind not in self._kinds):
            return None
        image = seen.frame.image
        width, height = shown_size(image.width, image.height, LONGEST)
        pixels = hidden(seen, width, height, self._privacy)
        PixelCanvas(pixels, width / image.width).box(event.box, COLOUR, event.kind)
        path = media_path(self._folder, event, ".jpg")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(simplejpeg.encode_jpeg(pixels, quality=QUALITY, colorspace="RGB"))
        except OSError as error:
            self.error = f"a snapshot cannot be kept: {error}"
            return None
        self.error = None
        return str(path)


def media_path(folder: Path, event: Event, ending: str) -> Path:
    """Where a file of an event is: FOLDER/STREAM/DAY/ID and the ending; days are those of UTC."""
    day = datetime.fromtimestamp(event.captured, UTC).date().isoformat()
    return folder / event.stream / day / (re.sub(r"[^A-Za-z0-9._-]+", "-", event.id) + ending)
