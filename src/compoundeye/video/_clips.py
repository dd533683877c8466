"""A short video of each event that has a place: from before it began to after it ended, with people hidden."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Final

import simplejpeg

from compoundeye.records import Event, EyeError
from compoundeye.video._drawn import hidden, shown_size
from compoundeye.video._snapshots import media_path
from compoundeye.video._stream_run import Seen
from compoundeye.video._video_files import VideoFile

LONGEST: Final = 960
"""Pixels of the longer side."""
QUALITY: Final = 85
MOST_S: Final = 60.0
"""Of what lasts longer, the clip shows the beginning."""
MOST_AT_ONCE: Final = 16
"""Clips of one stream that grow, or wait to be written; beyond that, events have none, and ``error`` says so."""


@dataclass(frozen=True, slots=True)
class _Kept:
    time_s: float
    captured: float
    jpeg: bytes
    size: tuple[int, int]


@dataclass(slots=True)
class _Clip:
    path: Path
    frames: list[_Kept]
    until: float
    """Capture time of its last frame, Unix s."""


@dataclass(slots=True)
class _Stream:
    """What is in memory of one stream: its last seconds, and the clips that grow. Frames are shared, not copied."""

    last: deque[_Kept] = field(default_factory=deque)
    growing: dict[str, _Clip] = field(default_factory=dict)
    writing: set[Future[None]] = field(default_factory=set)


class Clips:
    """Adds ``media["clip"]`` to the messages of events: FOLDER/STREAM/DAY/ID.mp4, which is there when it is whole.

    A viewer too: it has to see all frames. Costs a JPEG a frame, and memory for the last seconds of each stream and
    those of clips that grow. Clips are written by one thread beside the streams. People are hidden before a frame is
    kept in memory. A full disk costs clips, never events.
    """

    def __init__(
        self,
        folder: Path,
        *,
        privacy: str = "none",
        kinds: Collection[str] | None = None,
        before_s: float = 5.0,
        after_s: float = 5.0,
    ) -> None:
        """
        Args:
            folder: is made when the first clip is.
            privacy: how people are hidden.
            kinds: of events; all that have a place if not given.
            before_s, after_s: seconds of capture time before an event begins, and after it ends.
        """
        self._folder, self._privacy, self._kinds = folder.absolute(), privacy, kinds
        self._before_s, self._after_s = before_s, after_s
        self._streams = dict[str, _Stream]()
        self._paths = dict[str, str]()
        self._lock = Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="clips")
        self._closed = False
        self._failed: str | None = None
        self._refused: str | None = None

    @property
    def error(self) -> str | None:
        """Why clips are missing."""
        return self._failed or self._refused

    def illustrate(self, seen: Seen | None, events: Sequence[Event]) -> list[Event]:
        """The messages of one frame, or of a stream's end, with the clips of their events. From any thread."""
        with self._lock:
            return [self._illustrated(seen, event) for event in events]

    def see(self, seen: Seen) -> None:
        """Keep a frame for the clips that want it."""
        frame = seen.frame
        size = shown_size(frame.image.width, frame.image.height, LONGEST)
        jpeg = simplejpeg.encode_jpeg(hidden(seen, *size, self._privacy), quality=QUALITY, colorspace="RGB")
        kept = _Kept(frame.time_s, frame.captured, jpeg, size)
        with self._lock:
            if self._closed:
                return
            stream = self._streams.setdefault(seen.stream.name, _Stream())
            stream.last.append(kept)
            while stream.last[0].captured < frame.captured - self._before_s:
                stream.last.popleft()
            for id_, clip in list(stream.growing.items()):
                if frame.captured <= clip.until:
                    clip.frames.append(kept)
                else:
                    self._write(stream, id_)

    def close(self) -> None:
        """Write the clips that still grow, and wait until all are whole."""
        with self._lock:
            self._closed = True
            for stream in self._streams.values():
                for id_ in list(stream.growing):
                    self._write(stream, id_)
        self._writer.shutdown()

    def _illustrated(self, seen: Seen | None, event: Event) -> Event:
        stream = self._streams.setdefault(event.stream, _Stream())
        if event.type == "new" and seen is not None:
            self._begin(stream, event)
        path = self._paths.get(event.id)
        if event.end is not None:
            self._paths.pop(event.id, None)
            clip = stream.growing.get(event.id)
            if clip is not None:
                clip.until = min(clip.until, event.captured + self._after_s)
        return event if path is None else replace(event, media={**event.media, "clip": path})

    def _begin(self, stream: _Stream, event: Event) -> None:
        if event.box is None or (self._kinds is not None and event.kind not in self._kinds):
            return
        if len(stream.growing) + len(stream.writing) >= MOST_AT_ONCE:
            self._refused = f"{event.stream}: more than {MOST_AT_ONCE} clips at once, {event.kind} {event.id} has none"
            return
        path = media_path(self._folder, event, ".mp4")
        before = [kept for kept in stream.last if kept.captured >= event.captured - self._before_s]
        stream.growing[event.id] = _Clip(path, before, event.captured + MOST_S)
        self._paths[event.id] = str(path)

    def _write(self, stream: _Stream, id_: str) -> None:
        task = self._writer.submit(self._written, stream.growing.pop(id_))
        stream.writing.add(task)
        task.add_done_callback(stream.writing.discard)

    def _written(self, clip: _Clip) -> None:
        if not clip.frames:
            return
        try:
            clip.path.parent.mkdir(parents=True, exist_ok=True)
            size = clip.frames[0].size
            file = VideoFile(clip.path, *size)
            try:
                for kept in clip.frames:
                    file.write(simplejpeg.decode_jpeg(kept.jpeg, colorspace="RGB"), kept.time_s - clip.frames[0].time_s)
            finally:
                file.close()
        except (EyeError, OSError) as error:
            self._failed = f"a clip cannot be kept: {error}"
        else:
            self._failed = None
