"""What was done with faces, by whom and why; who is looked for; and forgetting somebody."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from compoundeye.console._api_faces import Limit, PersonId
from compoundeye.console._api_session import PRINTABLE
from compoundeye.console._faces import FaceDesk, covers, faces_of
from compoundeye.console._sessions import Who
from compoundeye.console._state import Here

if TYPE_CHECKING:
    from compoundeye.apps.face import AuditEntry

router = APIRouter(prefix="/faces", tags=["faces"])

Reason = Annotated[str, StringConstraints(max_length=1_000, pattern=PRINTABLE.replace("+", "*"))]


class About(BaseModel):
    """Whom an entry is about."""

    id: int
    name: str | None
    there: bool
    """False: merged with somebody, or forgotten."""


class EntryRow(BaseModel):
    """One thing that somebody did."""

    number: int
    at: datetime
    by: str
    verb: str
    people: list[About]
    detail: dict[str, Any]
    why: str | None
    """Null: taken out, for it named somebody who was forgotten."""


class AuditPage(BaseModel):
    """Some of the log, the newest first."""

    items: list[EntryRow]
    next: int | None
    """``before`` of the next page; null: this is the last."""


class Chain(BaseModel):
    """Whether the log is whole."""

    whole: bool
    error: str | None
    """What was changed."""
    entries: int | None
    end: str | None
    """Keep it elsewhere: given to a later check, it proves that nothing was taken away."""
    reasons_removed: list[int]


class WatchedRow(BaseModel):
    """Somebody whom cameras may look for: everybody who has a name."""

    id: int
    name: str
    cover: int | None
    faces: int
    agreed: int
    """Faces that the person agreed to be kept."""
    purposes: list[str]
    since: datetime | None
    by: list[str]


class WatchPage(BaseModel):
    """Some of them, by name."""

    total: int
    offset: int
    items: list[WatchedRow]


class Forgetting(BaseModel):
    """How somebody is forgotten."""

    model_config = ConfigDict(extra="forbid")

    why: Reason = ""
    pictures: bool = Field(False, description="Remove the picture files that the faces were found in, too.")


class KeptFile(BaseModel):
    """A picture file that is still there."""

    file: str
    reason: str


class Forgotten(BaseModel):
    """What was erased."""

    people: list[int]
    faces: int
    crops: int
    keys: int
    pictures_removed: list[str]
    pictures_kept: list[KeptFile]
    shared_pictures: int
    """Pictures in which faces of other people were found, too."""
    reasons_removed: int
    """Audit entries whose reason named the person."""
    looked_for: int
    """Sealed things that were looked for in the files afterwards, byte for byte."""
    traces: int
    """How many of them were found."""


@router.get("/audit")
def audit(
    here: Here,
    before: Annotated[
        int | None, Query(ge=1, le=2**53, description="Those numbered below: where a page ended.")
    ] = None,
    person: Annotated[int | None, Query(ge=1, le=2**53, description="Only those about this person.")] = None,
    limit: Limit = 100,
) -> AuditPage:
    """The log, the newest entry first."""
    desk = here.part(faces_of)
    found = _entries(desk, before, person, limit + 1)
    names = {one.id: one.name for one in desk.gallery.people()}
    more = len(found) > limit
    return AuditPage(items=[_row(one, names) for one in found[:limit]], next=found[limit - 1].number if more else None)


@router.get("/audit/check")
def check(
    here: Here,
    end: Annotated[
        str | None, Query(pattern=r"^[0-9a-f]{64}$", description="The end that an earlier check gave.")
    ] = None,
) -> Chain:
    """Go through all of the log: was an entry changed, removed or put elsewhere?"""
    from compoundeye.apps.face import DamagedError

    try:
        held = here.part(faces_of).gallery.check_audit(end)
    except DamagedError as error:
        return Chain(whole=False, error=str(error), entries=None, end=None, reasons_removed=[])
    return Chain(whole=True, error=None, entries=held.entries, end=held.end, reasons_removed=list(held.reasons_removed))


@router.get("/watch")
def watched(here: Here, offset: Annotated[int, Query(ge=0, le=2**53)] = 0, limit: Limit = 50) -> WatchPage:
    """The watch list: everybody who has a name, with what their faces are kept for and whether they agreed."""
    desk = here.part(faces_of)
    people = sorted(desk.gallery.people(named=True), key=lambda one: ((one.name or "").casefold(), one.id))
    kept, rows = covers(desk.gallery), list[WatchedRow]()
    for one in people[offset : offset + limit]:
        faces = desk.gallery.faces(one.id)
        rows.append(
            WatchedRow(
                id=one.id,
                name=one.name or "",
                cover=kept.face.get(one.id),
                faces=len(faces),
                agreed=sum(face.consent for face in faces),
                purposes=sorted({face.purpose for face in faces}),
                since=min((datetime.fromtimestamp(face.at, UTC) for face in faces), default=None),
                by=sorted({face.by for face in faces}),
            )
        )
    return WatchPage(total=len(people), offset=offset, items=rows)


@router.post("/people/{person}/forget")
def forget(here: Here, who: Who, person: PersonId, asked: Forgetting) -> Forgotten:
    """Erase somebody: keys, templates, crops, name and all that was said; and look for what is left."""
    desk = here.part(faces_of)
    done = desk.gallery.forget(desk.person(person).id, by=who.name, why=asked.why, pictures=asked.pictures)
    told = asdict(done)
    told["pictures_kept"] = [KeptFile(file=file, reason=reason) for file, reason in done.pictures_kept]
    return Forgotten(**{name: told[name] for name in Forgotten.model_fields})


def _entries(desk: FaceDesk, before: int | None, person: int | None, most: int) -> list[AuditEntry]:
    if before is None:
        return desk.gallery.audit(person=person, newest_first=True, limit=most)
    if person is None:  # numbers have no gaps: those before are found without reading the newer ones
        first = max(0, before - 1 - most)
        return desk.gallery.audit(after=first, limit=before - 1 - first)[::-1]
    found = desk.gallery.audit(person=person, newest_first=True)
    return [one for one in found if one.number < before][:most]


def _row(entry: AuditEntry, names: dict[int, str | None]) -> EntryRow:
    about = [About(id=one, name=names.get(one), there=one in names) for one in entry.people]
    return EntryRow(
        number=entry.number, at=datetime.fromtimestamp(entry.at, UTC), by=entry.by, verb=entry.verb, people=about,
        detail=dict(entry.detail), why=entry.why,
    )  # fmt: skip
