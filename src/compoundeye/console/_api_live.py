"""Watches: what runs, how its streams are, the newest frame of each; stopping. Starting is a job's (``/jobs``)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from compoundeye.console._live import Health, Lives, State, Watch, finite, health, lives_of
from compoundeye.console._live_picture import frame, view
from compoundeye.console._sessions import Who
from compoundeye.console._state import Here
from compoundeye.records import EyeError

router = APIRouter(tags=["live"])
ANSWERS_WITHIN_S = 10.0
"""A watch looks each second whether it is to stop; one that opens its sources or loads a model takes longer."""
VIEW = "application/octet-stream"
PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}


class Latency(BaseModel):
    """Of the last minute, in ms; null where nothing was measured."""

    p50: float | None
    p90: float | None
    p99: float | None
    since: str
    """capture, or decoding for recordings."""


class StreamRow(BaseModel):
    """A stream as the watch told it last."""

    stream: str
    health: Health
    why: str
    """What is wrong, or empty."""
    source: str
    live: bool | None
    fps: float | None
    looked: int
    frames: int
    dropped: int
    damaged: int
    reconnects: int
    events: int
    latency: Latency
    width: int | None
    height: int | None
    captured: float | None
    """When its newest frame was, Unix s."""
    app: dict[str, Any]
    """The application's own state: counters, occupancy, warnings."""


class WatchRow(BaseModel):
    """A watch and its streams."""

    name: str
    state: State
    app: str | None
    started: datetime | None
    error: str | None
    job: str | None
    """The job that it is, or was at last; null if it was begun at a terminal."""
    stopping: str | None
    """Who asked it to stop, and whether it has answered; null if nobody has."""
    can_stop: bool
    can_start: bool
    can_draw: bool
    """Whether it has a site file that its lines and zones are kept in."""
    streams: list[StreamRow]


class LiveList(BaseModel):
    """All watches."""

    watches: list[WatchRow]
    missing: str | None
    """Why nothing can be watched here: the extra that is not installed."""


@router.get("/live")
def watches(here: Here) -> LiveList:
    """Watches that run, that ended, and those that have a site file."""
    try:
        found = here.part(lives_of).all()
    except EyeError as error:
        return LiveList(watches=[], missing=str(error))
    return LiveList(watches=[row_of(one) for one in found], missing=None)


@router.get("/live/{watch}")
def one(here: Here, watch: str) -> WatchRow:
    """One watch."""
    return row_of(here.part(lives_of).get(watch))


@router.post("/live/{watch}/stop")
def stop(here: Here, who: Who, watch: str) -> WatchRow:
    """End a watch as Ctrl-C does, also one that was begun at a terminal: it is asked, and answers within a second."""
    return row_of(here.part(lives_of).stop(watch, who.name))


@router.get(
    "/live/{watch}/streams/{stream}/view",
    response_class=Response,
    responses={200: {"content": {VIEW: {}}}, 204: {"description": "no newer frame"}},
)
def newest(
    here: Here,
    watch: str,
    stream: str,
    after: Annotated[int | None, Query(ge=0, lt=1 << 62)] = None,
    width: Annotated[int | None, Query(ge=16, le=4096)] = None,
) -> Response:
    """The newest frame with what is drawn over it: 8 bytes (little-endian, how long the JSON is), JSON, JPEG.

    Ask again within 5 s: a watch shows nothing that nobody looks at.
    """
    lives = here.part(lives_of)
    lives.stream(watch, stream)
    found = view(lives, watch, stream, after, width)
    return Response(status_code=204) if found is None else Response(found, media_type=VIEW)


@router.get("/live/{watch}/streams/{stream}/frame", response_class=Response, responses=PICTURE)
def still(here: Here, watch: str, stream: str) -> Response:
    """A frame to draw on, also of a source that nobody watches; the header Frame-Size has its own size."""
    lives: Lives = here.part(lives_of)
    found = frame(lives, watch, stream, here.served.roots)
    headers = {"Frame-Size": f"{found.width}x{found.height}"}
    return Response(found.jpeg, media_type="image/jpeg", headers=headers)


def row_of(watch: Watch) -> WatchRow:
    """A watch as the API tells it."""
    running, job = watch.state == "running", watch.job
    begun_here = job is not None and job.alive
    return WatchRow(
        name=watch.name,
        state=watch.state,
        app=watch.app,
        started=None if watch.started is None else datetime.fromtimestamp(watch.started, UTC),
        error=watch.error,
        job=job.id if job is not None and (begun_here or not running) else None,
        stopping=_stopping(watch),
        can_stop=(running or begun_here) and not _stopping(watch),
        can_start=not running and not begun_here and watch.site is not None,
        can_draw=watch.site is not None,
        streams=[stream_row(name, watch) for name in watch.streams],
    )


def stream_row(name: str, watch: Watch) -> StreamRow:
    """A stream of it."""
    told = watch.states.get(name)
    how, why = health(told, watch.state == "running")
    state: dict[str, Any] = dict(told or {})
    latency = state.get("latency_ms") or {}
    p50, p90, p99 = (finite(latency.get(key)) for key in ("p50", "p90", "p99"))
    counts = {key: int(finite(state.get(key)) or 0) for key in COUNTS}
    return StreamRow(
        stream=name,
        health=how,
        why=why,
        source=str(state.get("source", "")) if watch.state == "running" else "",
        live=state.get("live") if isinstance(state.get("live"), bool) else None,
        fps=finite(state.get("fps")) if watch.state == "running" else None,
        **counts,
        latency=Latency(p50=p50, p90=p90, p99=p99, since=str(state.get("latency_from", "capture"))),
        width=int(finite(state.get("width")) or 0) or None,
        height=int(finite(state.get("height")) or 0) or None,
        captured=finite(state.get("captured")),
        app=state["app"] if isinstance(state.get("app"), dict) else {},
    )


def _stopping(watch: Watch) -> str | None:
    if watch.job is not None and watch.job.state == "stopping":
        return "stopping"
    if watch.asked is None:
        return None
    ago = time.time() - (finite(watch.asked.get("at")) or 0.0)
    by = str(watch.asked["by"])[:200]
    if watch.answered or ago < ANSWERS_WITHIN_S:
        return f"stopping: {by} asked for it"
    return f"{by} asked it to stop {ago:.0f} s ago and it has not answered: end it at its terminal"


COUNTS = ("looked", "frames", "dropped", "damaged", "reconnects", "events")
