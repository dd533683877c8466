"""Watching a site: its streams side by side, one model for all, until they end or somebody stops it."""

from __future__ import annotations

import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from threading import Event as Flag
from threading import Thread
from typing import Any

from compoundeye.events import EventSink
from compoundeye.records import EyeError
from compoundeye.video._app import Look
from compoundeye.video._batcher import Batcher
from compoundeye.video._live_folder import LiveFolder
from compoundeye.video._outbox import Outbox
from compoundeye.video._site import SiteOf
from compoundeye.video._site_file import SiteFile
from compoundeye.video._source import Source, open_source
from compoundeye.video._stream_run import Media, StreamRun, Viewer

TICK_S = 1.0
"""States are told, and settings read again, so often."""
AHEAD = 4
"""Batches for each look that a lossless stream asks for before it waits."""
MOST_LOOKS = 4
"""Copies of a model in memory."""
GRACE_S = 5.0
"""Streams have so long to end before those who watch are closed under them."""
RATE_TICKS = 5
"""Ticks that a rate is of."""
MAY_COME = re.compile(r"(?!file:)[a-zA-Z][a-zA-Z0-9+.-]*://|/dev/video")
"""Sources that may be there later: those on the network, and cameras that are plugged in."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What there was, when it is over."""

    streams: tuple[dict[str, Any], ...]
    """Of each: stream, frames, looked, dropped, reconnects, events, latency_ms, latency_from, error, app."""
    seconds: float
    stopped: bool
    """Somebody stopped it before the streams ended."""


def watch(
    site: SiteOf[Any],
    *,
    sink: EventSink | None = None,
    viewers: Sequence[Viewer] = (),
    folder: LiveFolder | None = None,
    media: Sequence[Media] = (),
    site_file: SiteFile | None = None,
    tell: Callable[[Sequence[dict[str, Any]]], None] | None = None,
    stop: Flag | None = None,
    device: str = "cpu",
    threads: int = 1,
    opens: Callable[..., Source] = open_source,
) -> Watched:
    """Watch all streams of a site until they end, ``stop`` is set, or Ctrl-C.

    Whatever lasts is ended before it returns: each event that began has its end. A stream that fails leaves the others
    alone; its mistake is raised when they have ended. Closes what it is given, but ``site_file``.

    Args:
        site: settings, as the application takes them.
        sink: where events go.
        viewers: who sees each frame.
        folder: where other processes look.
        media: adds files to events, such as `Snapshots`.
        site_file: is read again when it changes.
        tell: is called each second with the state of each stream.
        stop: ends the watch from another thread.
        device: what the model runs on: "cpu", "cuda".
        threads: for the model.
        opens: as `open_source`, which see.

    Raises:
        EyeError: no stream, a source or a model that cannot be had, events that could not be kept.
    """
    everyone = (*viewers, *(() if folder is None else (folder,)))
    with ExitStack() as ends:
        for one in everyone:
            ends.callback(one.close)
        outbox = Outbox(sink)
        ends.callback(outbox.close)
        if not site.streams:
            raise EyeError(f"{site.site.where}: there is no stream to watch; name a source, or add [streams.NAME]")
        looks = _looks(site, device, threads)
        batcher = Batcher(looks)
        ends.callback(batcher.close)
        runs = _runs(site, looks, everyone, outbox, media, opens)
        watching = _Watching(site, runs, batcher, outbox, viewers, folder, site_file, tell)
        ends.callback(watching.end)
        _open(runs, [site.site.streams[run.name].source for run in runs], patient=site_file is not None)
        began = time.monotonic()
        watching.start()
        stopped = watching.wait(stop or Flag())
        watching.end()
        watching.tick()
        seconds = time.monotonic() - began
    for run in runs:
        if run.error is not None:
            raise run.error
    return Watched(tuple(run.summary() for run in runs), seconds, stopped)


def _looks(site: SiteOf[Any], device: str, threads: int) -> list[Look[Any]]:
    """One that has all threads, where a single camera wants its answer soon; else several that share them.

    Two looks of one thread see more frames a second than one of two threads, which wait for each other at every layer
    (``benchmarks/video_pipeline.py``); but a single frame takes longer.
    """
    streams = site.site.streams.values()
    soon = len(streams) == 1 and all(one.live or (one.live is None and MAY_COME.match(one.source)) for one in streams)
    workers = 1 if soon or device != "cpu" else max(1, min(threads, MOST_LOOKS))
    return [
        site.application.look(site.shared, device=device, threads=max(1, threads // workers)) for _ in range(workers)
    ]


def _runs(
    site: SiteOf[Any],
    looks: Sequence[Look[Any]],
    viewers: Sequence[Viewer],
    outbox: Outbox,
    media: Sequence[Media],
    opens: Callable[..., Source],
) -> list[StreamRun[Any]]:
    token = secrets.token_hex(4)
    return [
        StreamRun(
            name,
            settings,
            looks[0],
            partial(
                opens, of.source, stream=name, live=of.live, rate=of.rate, hardware=of.hardware, options=of.options
            ),
            site.application.open,
            token=token,
            every=of.every,
            # While some are looked at, the next are decoded; several, for threads of Python wait for each other.
            ahead=AHEAD * len(looks) * max(1, looks[0].batch),
            viewers=viewers,
            deliver=outbox.send,
            media=media,
        )
        for (name, settings), of in zip(site.streams.items(), site.site.streams.values(), strict=True)
    ]


def _open(runs: Sequence[StreamRun[Any]], sources: Sequence[str], *, patient: bool) -> None:
    """Open all at once. A mistake is told at once; a camera of several, or of a site file, is waited for."""
    with ThreadPoolExecutor(len(runs), thread_name_prefix="open") as pool:
        opening = [pool.submit(run.open) for run in runs]
    failures = [future.exception() for future in opening]
    patient = patient or not all(failures)
    for run, source, failure in zip(runs, sources, failures, strict=True):
        if failure is None:
            continue
        if not (patient and isinstance(failure, EyeError) and MAY_COME.match(source)):
            raise failure
        run.complaint = str(failure)


class _Watching:
    """The threads of the streams, and what happens each second beside them."""

    def __init__(
        self,
        site: SiteOf[Any],
        runs: Sequence[StreamRun[Any]],
        batcher: Batcher[Any],
        outbox: Outbox,
        viewers: Sequence[Viewer],
        folder: LiveFolder | None,
        site_file: SiteFile | None,
        tell: Callable[[Sequence[dict[str, Any]]], None] | None,
    ) -> None:
        self._site, self._runs, self._batcher, self._outbox = site, runs, batcher, outbox
        self._viewers, self._folder, self._file, self._tell = viewers, folder, site_file, tell
        self._one_ended = Flag()
        self._counts: deque[tuple[float, list[int]]] = deque(maxlen=RATE_TICKS + 1)
        self._threads = [Thread(target=self._run, args=(run,), daemon=True, name=run.name) for run in runs]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def wait(self, stop: Flag) -> bool:
        """Until all have ended (False), or somebody stops it (True)."""
        try:
            while any(thread.is_alive() for thread in self._threads):
                if stop.is_set():
                    return True
                self._one_ended.wait(TICK_S)
                self._one_ended.clear()
                self.tick()
                self._outbox.send(())
                if any(run.error is not None and not isinstance(run.error, EyeError) for run in self._runs):
                    return True  # a defect of ours: going on would hide it
        except KeyboardInterrupt:
            stop.set()
            return True
        return False

    def end(self) -> None:
        """Close the sources, and let the streams come to their end."""
        for run in self._runs:
            run.close()
        started = [thread for thread in self._threads if thread.ident is not None]
        for thread in started:
            thread.join(GRACE_S)
        if any(thread.is_alive() for thread in started):
            for viewer in self._viewers:  # a stream may wait for one of them, such as a window that is paused
                viewer.close()
        for thread in started:
            thread.join()

    def tick(self) -> None:
        """Read the settings again, and say how things are."""
        if self._file is not None:
            self._reconfigure(self._file)
        states = [run.state() for run in self._runs]
        now = time.monotonic()
        self._counts.append((now, [state["looked"] for state in states]))
        then, before = self._counts[0]
        for state, count in zip(states, before, strict=True):
            state["fps"] = (state["looked"] - count) / (now - then) if now > then else 0.0
            state["events_error"] = self._outbox.error
            if self._folder is not None:
                self._folder.tell(state["stream"], state)
        if self._tell is not None:
            self._tell(states)

    def _run(self, run: StreamRun[Any]) -> None:
        with self._batcher.lane() as lane:
            run.run(lane)
        self._one_ended.set()

    def _reconfigure(self, file: SiteFile) -> None:
        changed = file.changed()
        if isinstance(changed, str):
            for run in self._runs:
                run.complaint = changed
        elif changed is not None:
            for run in self._runs:
                name = run.name
                settings = changed.streams.get(name, changed.shared)
                if settings != self._site.streams[name] or run.complaint:
                    run.configure(settings)
            self._site = changed
