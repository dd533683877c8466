"""Pictures in motion: what a camera saw, what a model found in it, whom a tracker followed, and what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:  # who only needs an error or an account does without numpy
    import numpy as np
    import numpy.typing as npt

    UInt8 = npt.NDArray[np.uint8]
    Float32 = npt.NDArray[np.float32]
    Int32 = npt.NDArray[np.int32]
    Int64 = npt.NDArray[np.int64]


class Image(Protocol):
    """Pixels that become RGB only when somebody looks, at the size that is looked at."""

    @property
    def width(self) -> int:
        """Pixels, as shown: after rotation."""

    @property
    def height(self) -> int:
        """Pixels, as shown: after rotation."""

    def rgb(self, width: int | None = None, height: int | None = None) -> UInt8:
        """[height, width, 3] RGB, scaled and converted in one pass; the picture's own size if not given."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of one stream. Its identity is (stream, time_s)."""

    stream: str
    index: int
    """Number in its stream from 0, with the dropped ones counted; never goes back, not after a reconnection either."""
    time_s: float
    """Presentation time in s since the stream began; strictly increasing, across reconnections too."""
    captured: float
    """Unix time in s at which it was captured: arrival of a live frame; for a file, its beginning plus ``time_s``."""
    image: Image
    dropped: int = 0
    """Frames of this stream that were dropped before this one, since the beginning."""


@dataclass(frozen=True, slots=True)
class Detections:
    """What one frame shows, as a structure of arrays. N may be 0."""

    boxes: Float32
    """[N, 4] left, top, right, bottom in pixels of the frame as shown; may reach over its edge by a little."""
    scores: Float32
    """[N] in 0..1."""
    classes: Int32
    """[N] places in ``names``."""
    names: tuple[str, ...]
    """Names of the classes, as COCO spells them where it has them."""

    @classmethod
    def none(cls, names: Sequence[str] = ()) -> Detections:
        """Nothing found."""
        import numpy as np

        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32), tuple(names))

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, which: Any) -> Detections:
        """Those that a mask, a slice or an array of places chooses."""
        return Detections(self.boxes[which], self.scores[which], self.classes[which], self.names)


@dataclass(frozen=True, slots=True)
class Tracks:
    """Whom a tracker follows in one frame, as a structure of arrays. N may be 0."""

    ids: Int64
    """[N] unique in their stream, from 1, never used again."""
    boxes: Float32
    """[N, 4] left, top, right, bottom in pixels of the frame as shown."""
    scores: Float32
    """[N] of the detection; of the last one where ``seen`` is false."""
    classes: Int32
    """[N] places in ``names``; of the whole track, not of one frame."""
    names: tuple[str, ...]
    seen: npt.NDArray[np.bool_]
    """[N] whether a detection of this very frame confirms it; else the box is predicted."""

    @classmethod
    def none(cls, names: Sequence[str] = ()) -> Tracks:
        """Nobody is followed."""
        import numpy as np

        empty = Detections.none(names)
        return cls(np.empty(0, np.int64), empty.boxes, empty.scores, empty.classes, empty.names, np.empty(0, np.bool_))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, which: Any) -> Tracks:
        """Those that a mask, a slice or an array of places chooses."""
        return Tracks(
            self.ids[which],
            self.boxes[which],
            self.scores[which],
            self.classes[which],
            self.names,
            self.seen[which],
        )


@dataclass(frozen=True, slots=True)
class Event:
    """One message about something that happened. What happens over a while has several, under one id.

    Whatever happens at once is one message: ``new`` with ``end`` set. Messages are told apart by (id, revision), so
    that one which was delivered twice can be recognised.
    """

    id: str
    """Stable and unique over all streams and runs."""
    revision: int
    """0 for ``new``, then one more each message."""
    type: Literal["new", "update", "end"]
    app: str
    kind: str
    """What kind of thing happened, such as "crossing" or "loitering"."""
    stream: str
    time_s: float
    """Presentation time of the frame that this message is about, in s."""
    captured: float
    """Capture time of that frame, Unix s."""
    start: float
    """Capture time at which it began, Unix s."""
    end: float | None
    """Capture time at which it ended; None while it lasts."""
    dropped: int
    """Frames of the stream dropped before that frame."""
    after: Mapping[str, Any]
    """What is so now: plain values, with units in names."""
    before: Mapping[str, Any] | None = None
    """What the last message said; None for ``new``."""
    box: tuple[float, float, float, float] | None = None
    """Where in the frame: left, top, right, bottom in pixels."""
    media: Mapping[str, str] = field(default_factory=dict)
    """Files that show it: "snapshot", "clip"."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "id": self.id,
            "revision": self.revision,
            "type": self.type,
            "app": self.app,
            "kind": self.kind,
            "stream": self.stream,
            "time_s": self.time_s,
            "captured": self.captured,
            "start": self.start,
            "end": self.end,
            "dropped": self.dropped,
            "after": dict(self.after),
            "before": None if self.before is None else dict(self.before),
            "box": None if self.box is None else list(self.box),
            "media": dict(self.media),
        }
