"""How long events and their files are kept: by age and by size, the oldest go first."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Signal
from threading import Thread

from compoundeye.events._engine import POSTGRESQL
from compoundeye.events._json_lines import JSON_LINES
from compoundeye.events._store import EventStore
from compoundeye.records import Event, EyeError

DAY_S = 86_400.0
HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept. None: everything."""

    days: float | None = None
    """Events whose last message is older are removed, with their files; those that never ended too."""
    store_bytes: int | None = None
    """Of a store."""
    media_bytes: int | None = None
    """Of the files of all events. Beyond that the oldest files go, and their events stay."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What went."""

    events: int = 0
    files: int = 0
    bytes: int = 0
    """Of the files."""

    def __add__(self, other: Removed) -> Removed:
        return Removed(self.events + other.events, self.files + other.files, self.bytes + other.bytes)


def retain(store: EventStore, keep: Retention, folder: Path | None = None, *, now: float | None = None) -> Removed:
    """Remove what need not be kept.

    Only files that an event names and that lie in the folder are ever removed: whatever else is there stays.

    Args:
        folder: where files of events are; names that are not absolute begin there. None: no file is touched.
        now: Unix s.

    Raises:
        EyeError: the store cannot be written, or a file cannot be removed.
    """
    gone = Removed()
    if keep.days is not None:
        before = (time.time() if now is None else now) - keep.days * DAY_S
        while batch := store.remove_oldest(before=before):
            gone += Removed(len(batch)) + _unlink(batch, folder)
    if keep.store_bytes is not None:
        while store.size() > keep.store_bytes and (batch := store.remove_oldest()):
            gone += Removed(len(batch)) + _unlink(batch, folder)
    if gone.events:
        store.shrink()
    if keep.media_bytes is not None and folder is not None:
        gone += _fit(store, keep.media_bytes, folder)
    return gone


def _fit(store: EventStore, most: int, folder: Path) -> Removed:
    """Remove the oldest files until the rest fits."""
    having = store.with_media()
    sizes = [sum(path.stat().st_size for path in _files([event], folder)) for event in having]
    over, leaving = sum(sizes) - most, list[Event]()
    for event, size in zip(having, sizes, strict=True):
        if over <= 0:
            break
        leaving.append(event)
        over -= size
    # First the files: were it the other way round, nobody would know of them if this process died in between.
    gone = _unlink(leaving, folder)
    store.forget_media([event.id for event in leaving])
    return gone


def _files(events: Iterable[Event], folder: Path) -> list[Path]:
    """Files of events that are there and that lie in the folder, whatever links lead to."""
    home = folder.expanduser().resolve()
    named = {(home / name).resolve() for event in events for name in event.media.values()}
    return sorted(path for path in named if path.is_relative_to(home) and path.is_file())


def _unlink(events: Sequence[Event], folder: Path | None) -> Removed:
    gone = Removed()
    for path in _files(events, folder) if folder is not None else ():
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise EyeError(f"{path} cannot be removed: {error.strerror}") from error
        gone += Removed(files=1, bytes=size)
    return gone


class Housekeeper:
    """Does so at once and then every hour, in a thread, for all stores among some addresses.

    Example: ``with Housekeeper(site.events.to, Retention(days=30), folder): watch(...)``
    """

    def __init__(
        self, stores: Iterable[str], keep: Retention, folder: Path | None = None, *, every_s: float = HOUR_S
    ) -> None:
        """Begin.

        Args:
            stores: addresses of event stores; addresses of anything else are passed over.
        """
        self.error: str | None = None
        """Why the last round failed."""
        self.removed = Removed()
        self.rounds = 0
        self._stores = [address for address in stores if is_store(address)]
        self._keep, self._folder, self._every = keep, folder, every_s
        self._over = Signal()
        self._thread = Thread(target=self._work, name="housekeeping of events", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._over.is_set():
            self.error = None
            for address in self._stores:
                try:
                    with EventStore(address, create=False) as store:
                        self.removed += retain(store, self._keep, self._folder)
                except EyeError as error:
                    self.error = str(error)
            self.rounds += 1
            self._over.wait(self._every)

    def close(self) -> None:
        """End, after the round that is under way."""
        self._over.set()
        self._thread.join()

    def __enter__(self) -> Housekeeper:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_store(address: str) -> bool:
    """Whether an address is one of an event store, that can be asked."""
    scheme, marked, _ = address.partition("://")
    if marked:
        return scheme == "sqlite" or scheme in POSTGRESQL
    return address != "-" and not address.endswith(JSON_LINES)
