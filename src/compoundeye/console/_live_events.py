"""Events of a watch, read from its store: lists, counts for charts, and the pictures that were kept with them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compoundeye.console._bounded import Bounded
from compoundeye.console._live import Watch, video
from compoundeye.console._live_site import read
from compoundeye.console._refusals import NotFound
from compoundeye.console._state import Console
from compoundeye.records import Event, EyeError

STORES = ("postgresql", "postgres", "sqlite")
MEDIA = {b"\xff\xd8\xff": "image/jpeg", b"ftyp": "video/mp4"}
"""What a browser may show of what was kept, by its first bytes; of MP4, those from the fifth on."""
NOTHING = "No event was kept yet."
_KEPT = 16


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a watch keeps its events and their pictures."""

    store: str | None
    """Address of a store; None if events go elsewhere, or nothing was kept yet."""
    media: tuple[Path, ...]
    why: str = ""
    """What to say where there is no store."""


class Stores:
    """Event stores that were opened, by address. They are read, never written to."""

    def __init__(self, _: Console) -> None:
        self._open: Bounded[Any] = Bounded(_KEPT, lambda _: 1)

    def open(self, address: str) -> Any:
        """The store of an address.

        Raises:
            EyeError: it cannot be opened.
        """
        from compoundeye.events import EventStore

        known = self._open.peek(address)
        if known is None:
            known = EventStore(address, create=False)
            self._open.put(address, known)
        return known


def kept(watch: Watch, folder: Path) -> Kept:
    """Where the events of a watch are.

    Args:
        folder: its live folder.
    """
    own = folder / "events.sqlite"
    to, media = tuple[str, ...](), [folder / "media"]
    if watch.site is not None:
        try:
            site = video().site_of(read(watch.site).values, watch.site.name)
        except EyeError:
            site = None
        if site is not None:
            to = site.events.to or ()
            if site.keep.folder:
                media.append(_whole(site.keep.folder, watch))
    if watch.store is not None and watch.store.is_file():  # the command line's word goes before the site's
        return Kept(str(watch.store), tuple(media))
    for one in to:
        scheme = one.partition("://")[0] if "://" in one else ""
        if scheme in STORES[:2]:
            return Kept(one, tuple(media))
        if (scheme == "sqlite" or not scheme) and one not in ("-", "none") and not one.endswith(".jsonl"):
            path = _whole(one.removeprefix("sqlite:///"), watch)
            return Kept(str(path) if path.is_file() else None, tuple(media), NOTHING)
    if own.is_file():
        return Kept(str(own), tuple(media))
    why = (
        "Its events go to where they cannot be read back: [events] names no store." if to else "No event was kept yet."
    )
    return Kept(None, tuple(media), why)


def _whole(text: str, watch: Watch) -> Path:
    """A path that a watch was given, which means its own working folder."""
    path = Path(text).expanduser()
    if path.is_absolute():
        return path
    try:
        return Path(os.readlink(f"/proc/{watch.pid}/cwd")) / path
    except OSError:
        return (watch.site.parent if watch.site else Path("/")) / path


def listed(
    store: Any, stream: str, kind: str | None, after: tuple[float, str] | None, limit: int, until: float | None = None
) -> list[Event]:
    """The newest events of a stream first."""
    found: list[Event] = store.events(
        stream=stream, kind=kind, after=after, newest_first=True, limit=limit, until=until
    )
    return found


def kinds(store: Any, stream: str) -> dict[str, int]:
    """How many events of each kind there are."""
    found = dict[str, int]()
    for one in store.counts(stream=stream):
        found[one.kind] = found.get(one.kind, 0) + one.events
    return found


def picture(known: Kept, event: Event, what: str) -> tuple[Path, str]:
    """A file that was kept with an event, and what kind of file its bytes say that it is.

    Raises:
        NotFound: there is none, it lies elsewhere than such files do, or it is nothing that is shown.
    """
    text = event.media.get(what)
    if not isinstance(text, str) or "\0" in text:
        raise NotFound("nothing of this kind was kept with this event")
    place = os.path.realpath(text)
    allowed = [os.path.realpath(one) for one in known.media]
    try:
        if not any(os.path.commonpath([one, place]) == one for one in allowed):
            raise NotFound("what was kept with this event lies outside the folder of the watch")
        with open(place, "rb") as file:
            head = file.read(12)
    except (OSError, ValueError) as error:
        raise NotFound("what was kept with this event is not there any more") from error
    found = next((kind for mark, kind in MEDIA.items() if mark in (head[:3], head[4:8])), None)
    if found is None:
        raise NotFound("what was kept with this event is no picture")
    return Path(place), found


def crossings(store: Any, stream: str, until: float, minutes: int) -> list[tuple[str, float, int]]:
    """How many crossed each line in each minute before a moment: line and direction, Unix s, count."""
    since = until - 60 * minutes
    counts: Sequence[Any] = store.counts(
        every=60, origin=since, by=("line", "direction"), stream=stream, kind="crossing", since=since, until=until
    )
    return [(" ".join(filter(None, one.values)), one.start, one.events) for one in counts]


def occupancy(store: Any, stream: str, until: float, minutes: int, most: int = 500) -> list[tuple[str, float, float]]:
    """Mean occupancy of each zone over each interval that was told: zone, Unix s of its end, people."""
    found = list[tuple[str, float, float]]()
    for one in store.events(
        stream=stream, kind="occupancy", since=until - 60 * minutes, until=until, newest_first=True, limit=most
    ):
        after: Mapping[str, Any] = one.after
        if isinstance(after.get("mean"), (int, float)) and one.end is not None:
            found.append((str(after.get("zone", "")), one.end, float(after["mean"])))
    return found[::-1]
