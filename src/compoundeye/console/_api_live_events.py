"""Events of a stream that is or was watched: the newest first, counts for charts, pictures that were kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel

from compoundeye.console._live import lives_of
from compoundeye.console._live_events import Kept, Stores, crossings, kept, kinds, listed, occupancy, picture
from compoundeye.console._refusals import NotFound
from compoundeye.console._state import Console, Here
from compoundeye.records import Event

router = APIRouter(tags=["live"])
FILES: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}, "video/mp4": {}}}}
PLAIN = (str, int, float, bool)
LONGEST = 200
"""Characters of a value that a list shows."""
_HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


class EventRow(BaseModel):
    """An event as a list shows it."""

    id: str
    kind: str
    start: datetime
    end: datetime | None
    lasts: bool
    facts: dict[str, str | int | float | bool]
    """Its plain values, such as line and direction."""
    media: list[str]
    """What was kept with it: snapshot, clip."""


class EventPage(BaseModel):
    """Some events, the newest first."""

    items: list[EventRow]
    kinds: dict[str, int]
    """How many there are of each kind."""
    next: str | None
    """``after`` of the next page."""
    note: str
    """Why there are none, where they are not kept."""


class Course(BaseModel):
    """One line of a chart."""

    name: str
    at: list[float]
    """Unix s."""
    values: list[float]


class History(BaseModel):
    """How things went before ``until``."""

    until: float | None
    flow: list[Course]
    """Crossings in each minute, by line and direction."""
    occupancy: list[Course]
    """Mean of each interval that was told, by zone."""


@router.get("/live/{watch}/streams/{stream}/events")
def events(
    here: Here,
    watch: str,
    stream: str,
    kind: Annotated[str | None, Query(max_length=100)] = None,
    after: Annotated[str | None, Query(max_length=400, pattern=r"^\d{1,12}(\.\d{1,9})? .+$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 30,
) -> EventPage:
    """Events of a stream."""
    known = _kept(here, watch, stream)
    if known.store is None:
        return EventPage(items=[], kinds={}, next=None, note=known.why)
    store = here.part(Stores).open(known.store)
    place = None
    if after:
        start, _, id_ = after.partition(" ")
        place = (float(start), id_)
    found = listed(store, stream, kind, place, limit + 1)
    rows, last = [_row(one) for one in found[:limit]], found[limit - 1] if len(found) > limit else None
    following = None if last is None else f"{last.start!r} {last.id}"
    return EventPage(items=rows, kinds=kinds(store, stream), next=following, note="")


@router.get("/live/{watch}/streams/{stream}/history")
def history(here: Here, watch: str, stream: str, minutes: Annotated[int, Query(ge=1, le=1440)] = 60) -> History:
    """Flow and occupancy of the time before the newest frame."""
    known = _kept(here, watch, stream)
    state = here.part(lives_of).get(watch).states.get(stream, {})
    until = state.get("captured")
    if known.store is None or not isinstance(until, (int, float)):
        return History(until=None, flow=[], occupancy=[])
    store, until = here.part(Stores).open(known.store), float(until) + 1
    flow, filling = dict[str, dict[float, float]](), dict[str, dict[float, float]]()
    for name, at, count in crossings(store, stream, until, minutes):
        flow.setdefault(name, {})[at] = count
    for name, at, mean in occupancy(store, stream, until, minutes):
        filling.setdefault(name, {})[at] = mean
    steps = [until - 60 * (minutes - step) for step in range(minutes)]
    return History(
        until=until,
        # A minute in which nobody crossed is a fact, not a gap.
        flow=[Course(name=name[:LONGEST], at=steps, values=_filled(steps, known)) for name, known in flow.items()],
        occupancy=[
            Course(name=name[:LONGEST], at=list(known), values=list(known.values())) for name, known in filling.items()
        ],
    )


@router.get("/live/{watch}/streams/{stream}/media", response_class=FileResponse, responses=FILES)
def media(
    here: Here,
    watch: str,
    stream: str,
    id: Annotated[str, Query(max_length=400)],  # noqa: A002
    what: Annotated[str, Query(pattern=r"^[a-z_]{1,40}$")] = "snapshot",
) -> FileResponse:
    """A picture or clip that was kept with an event."""
    known = _kept(here, watch, stream)
    event = None if known.store is None or "\0" in id else here.part(Stores).open(known.store).get(id)
    if event is None or event.stream != stream:
        raise NotFound("there is no such event")
    path, kind = picture(known, event, what)
    return FileResponse(path, media_type=kind, headers=_HEADERS)


def _kept(here: Console, watch: str, stream: str) -> Kept:
    lives = here.part(lives_of)
    return kept(lives.stream(watch, stream), lives.folder / watch)


def _filled(steps: list[float], known: dict[float, float]) -> list[float]:
    whole = {round(at): value for at, value in known.items()}
    return [whole.get(round(at), 0) for at in steps]


def _row(event: Event) -> EventRow:
    facts: dict[str, Any] = {
        str(name)[:LONGEST]: value[:LONGEST] if isinstance(value, str) else value
        for name, value in event.after.items()
        if isinstance(value, PLAIN)
    }
    return EventRow(
        id=event.id,
        kind=event.kind,
        start=datetime.fromtimestamp(event.start, UTC),
        end=None if event.end is None else datetime.fromtimestamp(event.end, UTC),
        lasts=event.end is None,
        facts=facts,
        media=sorted(event.media),
    )
