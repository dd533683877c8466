"""From what was asked on the command line to a watch."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from threading import current_thread, main_thread
from typing import Any
from urllib.parse import urlsplit

from compoundeye.apps import APPLICATIONS, application
from compoundeye.events import EventStore, Housekeeper, Retention, interrupted, is_store, open_sinks
from compoundeye.models import home
from compoundeye.records import Event, EyeError
from compoundeye.video import (
    Clips,
    LiveFolder,
    Site,
    SiteFile,
    SiteOf,
    Snapshots,
    VideoFiles,
    Viewer,
    Watched,
    Windows,
    merged,
    read_site,
    site_of,
    watch,
)

NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; None where nothing was said."""

    sources: tuple[str, ...]
    app: str | None
    config: Path | None
    output: Path | None
    show: bool
    live: bool | None
    events: tuple[str, ...] | None
    detector: str | None
    every: int | None
    name: str | None
    device: str
    threads: int


def start(
    request: Request,
    *,
    viewers: Sequence[Viewer],
    tell: Callable[[Sequence[dict[str, Any]]], None],
    say: Callable[[str], None],
) -> Watched:
    """Watch, until the streams end, Ctrl-C or SIGTERM.

    Raises:
        EyeError: a mistake in what was asked, in the site, or in a source.
    """
    site = read_site(request.config) if request.config else site_of({})
    chosen = request.app or site.app
    if chosen is None:
        raise EyeError(f"say what watches: --app {'|'.join(APPLICATIONS)}, or app = ... in the site file")
    of = application(chosen)
    file = SiteFile(request.config, of, lambda one: adapted(one, request)) if request.config else None
    settings = SiteOf(adapted(site, request), of) if file is None else file.site
    name = request.name or (request.config.stem if request.config else "-".join(settings.streams) or "watch")[:60]
    place = home() / "live" / name
    to = request.events or settings.site.events.to or (str(place / "events.sqlite"),)
    to = tuple(address for address in to if address != "none")
    stop = Flag()
    folder = LiveFolder(
        place,
        {
            "name": name,
            "app": chosen,
            "site": None if request.config is None else str(request.config.absolute()),
            "streams": list(settings.streams),
            # For the console. An address may hold a password, a file's path does not.
            "store": next((str(Path(one).absolute()) for one in to if is_store(one) and "://" not in one), None),
        },
        privacy=settings.site.privacy.hide,
        stop=stop,
    )
    with ExitStack() as ends, _terminated_as_interrupted():
        ends.callback(folder.close)
        hide = settings.site.privacy.hide
        if request.output:
            several = len(settings.streams) > 1
            viewers = [*viewers, VideoFiles(request.output, several=several, privacy=hide)]
        if request.show:
            viewers = [*viewers, Windows(stop, privacy=hide)]
        sink = open_sinks(to) if to else None
        if sink is not None:
            ends.callback(sink.close)
            say(f"events: {sink.status().address}")
            sink.send(_left_open(to, settings.streams, chosen))
        keep = settings.site.keep
        pictures = Path(keep.folder) if keep.folder else folder.folder / "media"
        snapshots = [Snapshots(pictures, privacy=hide, kinds=keep.kinds)] if keep.snapshots else []
        clips = [Clips(pictures, privacy=hide, kinds=keep.kinds)] if keep.clips else []
        kept = Retention(keep.days, media_bytes=round(keep.gigabytes * 1e9))
        ends.pop_all()  # what was opened is closed by the watch
        with Housekeeper(to, kept, pictures):
            watched = watch(
                settings,
                sink=sink,
                viewers=[*viewers, *clips],
                folder=folder,
                media=[*snapshots, *clips],
                site_file=file,
                tell=tell,
                stop=stop,
                device=request.device,
                threads=request.threads,
            )
        if folder.stopped_by is not None:
            say(f"stopped: {folder.stopped_by} asked for it in the console")
        return watched


def _left_open(addresses: Sequence[str], streams: Iterable[str], app: str) -> list[Event]:
    """Messages that end what a watch of the same streams began and could not end, for it was killed."""
    for address in addresses:
        if is_store(address):
            with EventStore(address) as store:
                return interrupted(store, streams, app)
    return []


def adapted(site: Site, request: Request) -> Site:
    """A site with what the command line changes in it.

    Raises:
        EyeError: a source names no stream of the site, or two of them have one name.
    """
    values = site.model_dump(exclude_unset=True)
    tables, where = values.pop("tables", {}), values.pop("where", "settings")
    streams: dict[str, Any] = values.get("streams", {})
    if request.sources:
        streams = _chosen(request.sources, streams)
    over = {key: value for key, value in (("live", request.live), ("every", request.every)) if value is not None}
    values["streams"] = {name: {**one, **over} for name, one in streams.items()}
    if request.detector:
        tables = merged(tables, {"detector": {"name": request.detector}})
    return site_of(values | tables, where)


def _chosen(sources: Sequence[str], streams: dict[str, Any]) -> dict[str, Any]:
    """Only what is named: streams of the site, those with another source, and new ones."""
    found = dict[str, Any]()
    for source in sources:
        named = None if Path(source).exists() else NAMED.fullmatch(source)
        if named:
            name, one = named[1], {**streams.get(named[1], {}), "source": named[2]}
        elif source in streams and not Path(source).exists():
            name, one = source, streams[source]
        else:
            name, one = _name_of(source, {*found, *streams}), {"source": source}
        if name in found:
            raise EyeError(f"two streams are named {name}: give one another name, NAME=SOURCE")
        found[name] = one
    return found


def _name_of(source: str, taken: set[str]) -> str:
    """A stream's name from its address: the file's, or the host's."""
    if "://" in source:
        parts = urlsplit(source)
        base = f"{parts.hostname or ''}-{parts.path.strip('/')}"
    else:
        base = "stdin" if source == "-" else Path(source).stem or Path(source).absolute().name
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", base).strip("-._")[:60] or "stream"
    return next(name for name in (base, *(f"{base}-{number}" for number in range(2, 10_000))) if name not in taken)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Services are stopped by SIGTERM: the end is the same as that of Ctrl-C."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
