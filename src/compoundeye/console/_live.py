"""Watches as the page shows them: those that run, that ended, and those that have a site file and never ran.

What there is to know stands in ``$COMPOUNDEYE_HOME/live/NAME`` (`compoundeye.video` says what), in the jobs that began
watches here, and in ``$COMPOUNDEYE_HOME/sites/NAME.toml``, which the page writes. Names that come from a browser are
looked up in what is there, never joined to a path.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from compoundeye.console._job_state import Job
from compoundeye.console._jobs import Jobs, jobs_of
from compoundeye.console._live_site import names
from compoundeye.console._refusals import Conflict, NotFound
from compoundeye.console._state import Console
from compoundeye.models import home
from compoundeye.records import EyeError

State = Literal["running", "starting", "ended", "failed", "new"]
Health = Literal["good", "doubt", "wrong"]
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$"
"""Of watches and streams that are begun here."""
SILENT_S = 10.0
"""A stream that runs tells its state each second."""
MOST_WATCHES = 200
MOST_STATE = 1 << 20
"""Bytes of a state that is shown."""
MISSING = "watching needs {}: pip install 'compoundeye[video]'"
ERRORS = ("error", "source_error", "settings_error", "events_error", "media_error")


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch as it is now."""

    name: str
    state: State
    app: str | None
    site: Path | None
    """Its site file, where it has one that is known."""
    store: Path | None
    """The file that its events go to, where it said so."""
    streams: tuple[str, ...]
    states: Mapping[str, Mapping[str, Any]]
    """Of streams, by name, as the watch told them last; with ``age_s``, how long ago."""
    started: float | None
    pid: int | None
    job: Job | None
    """The newest job that began a watch of this name."""
    asked: Mapping[str, Any] | None
    """Who asked it to stop, and when (``by``, ``at``), if it was not begun here and runs."""
    answered: bool
    """Whether it has said that it stops."""

    @property
    def error(self) -> str | None:
        """Why it ended, if it was no good end."""
        return self.job.error if self.job is not None and self.state == "failed" else None


class Lives:
    """The watches under a home folder. Safe to use from several threads."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self.folder = home() / "live"
        self.sites = home() / "sites"

    def all(self) -> list[Watch]:
        """Those that run first, then by name."""
        about, jobs, sites = self.running(), self._of_jobs(), self._sites()
        ended = _folders(self.folder)
        known = list(dict.fromkeys([*sorted(about), *sorted({*jobs, *sites, *ended})]))[:MOST_WATCHES]
        found = [self._watch(name, about.get(name), jobs.get(name), sites.get(name)) for name in known]
        return sorted(found, key=lambda one: (one.state not in ("running", "starting"), one.name))

    def get(self, name: str) -> Watch:
        """One watch.

        Raises:
            NotFound: there is none of this name.
        """
        about, jobs, sites = self.running(), self._of_jobs(), self._sites()
        if name not in about and name not in jobs and name not in sites and name not in _folders(self.folder):
            raise NotFound("there is no such watch")
        return self._watch(name, about.get(name), jobs.get(name), sites.get(name))

    def stream(self, watch: str, stream: str) -> Watch:
        """The watch of a stream.

        Raises:
            NotFound: there is no such watch, or it has no such stream.
        """
        found = self.get(watch)
        if stream not in found.streams:
            raise NotFound("this watch has no such stream")
        return found

    def stop(self, name: str, by: str) -> Watch:
        """End a watch as Ctrl-C does, wherever it was begun: a job by its signal, others by a request in their folder.

        Raises:
            NotFound: there is none of this name.
            Conflict: it does not run, or cannot be asked.
        """
        watch = self.get(name)
        if watch.job is not None and watch.job.alive:
            self._jobs.stop(watch.job.id, by)
        else:
            try:
                video().ask_to_stop(self.folder / name, by)
            except EyeError as error:
                raise Conflict(str(error)) from error
        return self.get(name)

    def running(self) -> dict[str, dict[str, Any]]:
        """What those that run say of themselves, by name."""
        return video().running(self.folder) if self.folder.is_dir() else {}

    def _of_jobs(self) -> dict[str, Job]:
        """The newest job of each watch."""
        found = dict[str, Job]()
        for job in self._jobs.all():
            name = job.asked.get("name")
            if job.kind == "watch" and isinstance(name, str) and re.fullmatch(NAME, name):
                found.setdefault(name, job)
        return found

    def _sites(self) -> dict[str, Path]:
        return {path.stem: path for path in self.sites.glob("*.toml") if re.fullmatch(NAME, path.stem)}

    def _watch(self, name: str, about: Mapping[str, Any] | None, job: Job | None, own: Path | None) -> Watch:
        folder = self.folder / name
        # One that was killed leaves its file, which still says what it was.
        known = about if about is not None else _json(folder / "watch.json") or {}
        site = known.get("site") or (job.asked.get("site") if job is not None else None) or own
        states = _states(folder)
        streams = dict.fromkeys([*map(str, known.get("streams", ())), *states, *_streams(site)])
        return Watch(
            name=name,
            state=_state(about, job, bool(states)),
            app=known.get("app") or (job.asked.get("app") if job is not None else None),
            site=None if site is None else Path(site),
            store=Path(known["store"]) if known.get("store") else None,
            streams=tuple(streams),
            states=states,
            started=known.get("started"),
            pid=known.get("pid") if about is not None else None,
            job=job,
            asked=None if about is None else video().asked_to_stop(folder, about.get("started")),
            answered=about is not None and bool(about.get("stopping")),
        )


def lives_of(console: Console) -> Lives:
    """The server's one: ``console.part(lives_of)``."""
    return Lives(console.part(jobs_of))


def video() -> Any:
    """The room of moving pictures, which needs more than a console does.

    Raises:
        EyeError: the extra is not installed; the message says how it is.
    """
    try:
        import compoundeye.apps
        import compoundeye.video
    except ModuleNotFoundError as missing:
        raise EyeError(MISSING.format(missing.name)) from missing
    return compoundeye.video


def health(state: Mapping[str, Any] | None, running: bool) -> tuple[Health, str]:
    """How a stream is, and why."""
    if state is None:
        return "doubt", "no frame yet"
    wrong = [str(state[name]) for name in ERRORS if state.get(name)]
    if state.get("error"):
        return "wrong", wrong[0]
    if running and state["age_s"] > SILENT_S:
        return "wrong", f"nothing was heard of it for {state['age_s']:.0f} s"
    if wrong:
        return "doubt", wrong[0]
    if running and state.get("source") == "waiting":
        return "doubt", "waits for its source"
    return "good", ""


def _state(about: Mapping[str, Any] | None, job: Job | None, was: bool) -> State:
    if about is not None:
        return "running"
    if job is not None and job.alive:
        return "starting"
    if job is not None and job.error:
        return "failed"
    return "ended" if was or job is not None else "new"


def _states(folder: Path) -> dict[str, dict[str, Any]]:
    """Of streams by the names of their files: what is no state is left out."""
    found = dict[str, dict[str, Any]]()
    for path in sorted(folder.glob("*.state.json")):
        state = _json(path)
        name = path.name.removesuffix(".state.json")
        if state is None or state.get("stream") != name:
            continue
        try:
            age = max(0.0, time.time() - path.stat().st_mtime)
        except OSError:
            continue
        found[name] = state | {"age_s": age}
    return found


def _streams(site: str | Path | None) -> list[str]:
    """Streams of a site file; empty where it cannot be read."""
    return [] if site is None else names(Path(site))


def _folders(place: Path) -> set[str]:
    try:
        with os.scandir(place) as entries:
            return {one.name for one in entries if one.is_dir() and one.name.isprintable()}
    except OSError:
        return set()


def _json(path: Path) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_STATE + 1)
        value = json.loads(data, parse_constant=lambda _: None) if len(data) <= MOST_STATE else None
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def finite(value: object) -> float | None:
    """A number that JSON has a word for, or None."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
