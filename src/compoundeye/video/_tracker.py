"""What a tracker is, and which there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from compoundeye.records import Detections, EyeError, Frame, Tracks
from compoundeye.video._bytetrack import ByteTrack, ByteTrackSettings
from compoundeye.video._follow import TrackerSettings
from compoundeye.video._ocsort import OcSort, OcSortSettings
from compoundeye.video._settings import checked
from compoundeye.video._sort import Sort, SortSettings


class Tracker(Protocol):
    """Follows what one stream shows. It remembers, so each stream needs one of its own; one thread at a time."""

    def update(self, found: Detections, time_s: float, frame: Frame | None = None) -> Tracks:
        """What a frame shows, and when: whom the tracker follows now.

        Time, not a count of frames, moves the boxes on, so dropped frames do no harm. The frame itself is looked at
        only by a tracker that compensates for a moving camera.

        Raises:
            ValueError: time does not go forward, or the names of classes are not those of the frames before.
        """


@dataclass(frozen=True, slots=True)
class TrackerKind:
    """One algorithm of the table."""

    about: str
    settings: type[TrackerSettings]
    make: Callable[[Any], Tracker]


TRACKERS: Mapping[str, TrackerKind] = {
    "bytetrack": TrackerKind("sure detections first, then faint ones", ByteTrackSettings, ByteTrack),
    "ocsort": TrackerKind("what was seen counts for more than what is predicted", OcSortSettings, OcSort),
    "sort": TrackerKind("overlap with the predicted box, and nothing else", SortSettings, Sort),
}


def tracker(name: str = "bytetrack", settings: TrackerSettings | Mapping[str, Any] | None = None) -> Tracker:
    """A new tracker, for one stream.

    Args:
        name: one of ``TRACKERS``.
        settings: of that tracker, as its model or as plain values; its defaults if not given.

    Raises:
        EyeError: no such tracker, or a setting that it does not have or allow; the message names it.
    """
    kind = TRACKERS.get(name)
    if kind is None:
        raise EyeError(f"no tracker is called {name!r}; there are {', '.join(TRACKERS)}")
    if settings is None or isinstance(settings, Mapping):
        settings = checked(kind.settings, settings or {}, f"tracker {name}")
    elif not isinstance(settings, kind.settings):
        raise EyeError(f"tracker {name} takes {kind.settings.__name__}, not {type(settings).__name__}")
    return kind.make(settings)
