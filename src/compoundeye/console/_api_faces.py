"""People of the gallery of faces: who is there, their faces, and who is who. Off unless a gallery is served."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from compoundeye.console._api_session import PRINTABLE
from compoundeye.console._faces import Cover, Number, covers, faces_of, jpeg
from compoundeye.console._refusals import NotFound
from compoundeye.console._sessions import Who
from compoundeye.console._state import Here
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from compoundeye.apps.face import Face, Person

router = APIRouter(prefix="/faces", tags=["faces"])

PersonId = Annotated[int, Path(ge=1, le=2**53)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=PRINTABLE)]
Limit = Annotated[int, Query(ge=1, le=200)]
After = Annotated[int, Query(ge=0, le=2**53, description="Those numbered above: where a page ended.")]
AT_ONCE = 1_000
PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}


class GallerySummary(BaseModel):
    """What the gallery holds."""

    people: int
    named: int
    faces: int
    alone: int
    """Faces that are nobody's."""
    embedder: str | None
    """The model that made the templates."""


class PersonRow(BaseModel):
    """Somebody; without a name: a group of faces that look like one person's."""

    id: int
    name: str | None
    faces: int
    said: int
    """Faces that somebody said to be this person's; a grouping said it of the others."""
    cover: int | None
    """The face of the best quality."""


class PeoplePage(BaseModel):
    """Some of the people: those with most faces first."""

    total: int
    offset: int
    items: list[PersonRow]


class FaceRow(BaseModel):
    """A face that is kept."""

    id: int
    person: int | None
    said: bool
    picture: str
    source: str | None
    quality: float | None
    """0 to 100."""
    consent: bool
    """Whether the person agreed."""
    purpose: str
    at: datetime
    by: str


class FacesPage(BaseModel):
    """Some of a person's faces."""

    items: list[FaceRow]
    next: int | None
    """``after`` of the next page; null: this is the last."""


class Naming(BaseModel):
    """What somebody is called."""

    model_config = ConfigDict(extra="forbid")

    name: Name


class Merging(BaseModel):
    """Who else is the same person."""

    model_config = ConfigDict(extra="forbid")

    others: list[Number] = Field(min_length=1, max_length=AT_ONCE)


class Splitting(BaseModel):
    """Which faces are somebody else's."""

    model_config = ConfigDict(extra="forbid")

    faces: list[Number] = Field(min_length=1, max_length=AT_ONCE)
    to: Name | None = None
    """Whose: a name, a new one too; null: somebody without a name."""


class NotThis(BaseModel):
    """Which faces are not this person's."""

    model_config = ConfigDict(extra="forbid")

    faces: list[Number] = Field(min_length=1, max_length=AT_ONCE)


@router.get("")
def summary(here: Here) -> GallerySummary:
    """How much the gallery holds."""
    gallery = here.part(faces_of).gallery
    people, kept = gallery.people(), covers(gallery)
    named = sum(person.name is not None for person in people)
    return GallerySummary(
        people=len(people), named=named, faces=kept.faces, alone=kept.alone, embedder=gallery.embedder()
    )


@router.get("/people")
def people(
    here: Here,
    named: Annotated[bool | None, Query(description="True: only who has a name; false: only groups without.")] = None,
    text: Annotated[str, Query(max_length=200, description="What the name holds.")] = "",
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Limit = 60,
) -> PeoplePage:
    """Everybody, those with a name first, then those with most faces."""
    gallery, words = here.part(faces_of).gallery, text.strip().casefold()
    found = [one for one in gallery.people(named=named) if not words or words in (one.name or "").casefold()]
    found.sort(key=lambda one: (one.name is None, -one.faces, one.id))
    kept = covers(gallery)
    items = [person_row(one, kept) for one in found[offset : offset + limit]]
    return PeoplePage(total=len(found), offset=offset, items=items)


@router.get("/people/{person}")
def person(here: Here, person: PersonId) -> PersonRow:
    """Somebody."""
    desk = here.part(faces_of)
    return person_row(desk.person(person), covers(desk.gallery))


@router.get("/people/{person}/faces")
def faces(here: Here, person: PersonId, after: After = 0, limit: Limit = 60) -> FacesPage:
    """The faces of somebody, as they were kept."""
    desk = here.part(faces_of)
    found = desk.gallery.faces(desk.person(person).id, after=after, limit=limit + 1)
    return FacesPage(
        items=[face_row(one) for one in found[:limit]], next=found[limit - 1].id if len(found) > limit else None
    )


@router.get("/crops/{face}", response_class=Response, responses=PICTURE)
def crop(here: Here, face: Annotated[int, Path(ge=1, le=2**53)]) -> Response:
    """A face, 112 x 112. Browsers keep none of it: who is forgotten must not stay there."""
    found = here.part(faces_of).gallery.crop(face)
    if found is None:
        raise NotFound(f"there is no face {face} in this gallery, or it was kept without a picture")
    return Response(jpeg(found), media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.post("/people/{person}/name")
def name(here: Here, who: Who, person: PersonId, asked: Naming) -> PersonRow:
    """Say what somebody is called. All faces of the group are this person's from now on."""
    desk = here.part(faces_of)
    return person_row(desk.gallery.name(desk.person(person).id, asked.name, by=who.name), covers(desk.gallery))


@router.post("/people/{person}/merge")
def merge(here: Here, who: Who, person: PersonId, asked: Merging) -> PersonRow:
    """Say that others are the same person: their faces go over, and grouping keeps them together."""
    desk = here.part(faces_of)
    others = [desk.person(one).id for one in dict.fromkeys(asked.others)]
    return person_row(desk.gallery.merge(desk.person(person).id, *others, by=who.name), covers(desk.gallery))


@router.post("/people/{person}/split")
def split(here: Here, who: Who, person: PersonId, asked: Splitting) -> PersonRow:
    """Say that faces are somebody else's; who that is now. Grouping keeps the two apart."""
    desk = here.part(faces_of)
    now = desk.gallery.split(desk.person(person).id, asked.faces, to=asked.to, by=who.name)
    return person_row(now, covers(desk.gallery))


@router.post("/people/{person}/not-this-person")
def not_this_person(here: Here, who: Who, person: PersonId, asked: NotThis) -> PersonRow:
    """Say that faces are not this person's. They are nobody's then, and grouping never gives them back."""
    desk = here.part(faces_of)
    known = desk.person(person).id
    for face in dict.fromkeys(asked.faces):
        _there(desk.gallery.face, face)
    for face in dict.fromkeys(asked.faces):
        desk.gallery.not_this_person(face, known, by=who.name)
    return person_row(desk.person(known), covers(desk.gallery))


def person_row(one: Person, kept: Cover) -> PersonRow:
    """Somebody as the API tells it."""
    return PersonRow(id=one.id, name=one.name, faces=one.faces, said=one.said, cover=kept.face.get(one.id))


def face_row(one: Face) -> FaceRow:
    """A face as the API tells it."""
    return FaceRow(
        id=one.id, person=one.person, said=one.said, picture=one.picture, source=one.source, quality=one.quality,
        consent=one.consent, purpose=one.purpose, at=datetime.fromtimestamp(one.at, UTC), by=one.by,
    )  # fmt: skip


def _there(face: Any, number: int) -> None:
    try:
        face(number)
    except EyeError as error:
        raise NotFound(str(error)) from error
