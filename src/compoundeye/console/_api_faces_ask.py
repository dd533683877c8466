"""Uploads against each other and against the gallery: compared, looked for, enrolled. No upload is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Form, UploadFile
from pydantic import BaseModel

from compoundeye.console._api_faces import Name, PersonRow, person_row
from compoundeye.console._api_session import PRINTABLE
from compoundeye.console._faces import MOST_FACES, chosen, covers, faces_of, shown
from compoundeye.console._limits import MOST
from compoundeye.console._refusals import Unprocessable
from compoundeye.console._sessions import Who
from compoundeye.console._state import Here

if TYPE_CHECKING:
    from compoundeye.apps.face import OperatingPoint, Sightings

router = APIRouter(prefix="/faces", tags=["faces"])

PICTURE = 32 << 20
NO_FACE = "no face was found in this picture; take one in which it is larger and seen from the front"

Why = Annotated[str, Form(min_length=1, max_length=1_000, pattern=PRINTABLE, description="For the audit log.")]
Purpose = Annotated[str, Form(min_length=1, max_length=1_000, pattern=PRINTABLE)]
Score = Annotated[float | None, Form(ge=-1, le=1, description="Cosine from which two faces count as one person.")]


class Seen(BaseModel):
    """A face of an upload."""

    box: list[float]
    """Left, top, right, bottom in pixels of the picture as shown."""
    score: float
    """The detector's, 0 to 1."""
    quality: float
    """0 to 100."""
    crop: str
    """The face as a picture in an address (``data:image/jpeg;base64,``): the upload is not kept."""


class Point(BaseModel):
    """From which score two faces count as one person."""

    value: float
    source: str
    """given, published, or the share of errors that it was chosen for on the gallery's people."""
    warning: str | None
    """What is not known of it."""


class Found(BaseModel):
    """The faces of an upload, the surest first."""

    faces: list[Seen]


class Compared(BaseModel):
    """The faces of two uploads."""

    one: list[Seen]
    two: list[Seen]
    scores: list[list[float]]
    """Cosine of each face of the first (rows) with each of the second."""
    threshold: Point


class CandidateRow(BaseModel):
    """Somebody whom a face may be."""

    person: int
    name: str | None
    face: int
    """The person's face that is most alike."""
    score: float
    """Cosine, -1 to 1."""


class Asked(BaseModel):
    """A face that was looked for, and who it may be: the most alike first."""

    seen: Seen
    candidates: list[CandidateRow]


class Identified(BaseModel):
    """Who the faces of an upload may be."""

    faces: list[Asked]
    threshold: Point


@router.post("/find", max_body_size=PICTURE)
def find(here: Here, picture: UploadFile) -> Found:
    """The faces of a picture: which one is to be enrolled? Nobody is looked for."""
    return Found(faces=_seen(here.part(faces_of).look(picture.file.read())))


@router.post("/compare", max_body_size=MOST)
def compare(here: Here, who: Who, one: UploadFile, two: UploadFile, why: Why, threshold: Score = None) -> Compared:
    """Whether two pictures show one person. It is in the audit log before it is answered."""
    desk = here.part(faces_of)
    found = [desk.look(each.file.read()) for each in (one, two)]
    for which, each in zip(("first", "second"), found, strict=True):
        if not len(each):
            raise Unprocessable(f"the {which} picture: {NO_FACE}")
    point = desk.compared_from(threshold)
    counts = {"faces": [len(each) for each in found], "threshold": float(point.value)}
    desk.gallery.searched("compare", by=who.name, why=why, detail=counts)
    scores = (found[0].templates @ found[1].templates.T).tolist()
    return Compared(one=_seen(found[0]), two=_seen(found[1]), scores=scores, threshold=_point(point))


@router.post("/identify", max_body_size=PICTURE)
def identify(
    here: Here,
    who: Who,
    picture: UploadFile,
    why: Why,
    threshold: Score = None,
    named: Annotated[bool, Form(description="Only people with a name.")] = False,
    most: Annotated[int, Form(ge=1, le=50, description="People a face at most.")] = 5,
) -> Identified:
    """Who of the gallery the faces of a picture may be. It is in the audit log before it is answered."""
    desk = here.part(faces_of)
    seen = desk.look(picture.file.read())
    if not len(seen):
        raise Unprocessable(NO_FACE)
    point = desk.looked_for_from(threshold, named=named)
    found = desk.gallery.identify(seen.templates, threshold=point.value, k=most, named=named, by=who.name, why=why)
    rows = [
        [CandidateRow(person=each.person, name=each.name, face=each.face, score=each.score) for each in candidates]
        for candidates in found
    ]
    faces = [Asked(seen=one, candidates=row) for one, row in zip(_seen(seen), rows, strict=True)]
    return Identified(faces=faces, threshold=_point(point))


@router.post("/people", max_body_size=PICTURE)
def enrol(
    here: Here,
    who: Who,
    picture: UploadFile,
    name: Annotated[Name, Form(description="A new name is a new person.")],
    purpose: Purpose,
    consent: Annotated[bool, Form(description="Whether the person agreed; kept with the face.")],
    face: Annotated[
        int | None, Form(ge=0, lt=MOST_FACES, description="Which, where there are several: from 0.")
    ] = None,
) -> PersonRow:
    """Keep a face of a picture as somebody's. The picture itself is not kept."""
    desk = here.part(faces_of)
    one = chosen(desk.look(picture.file.read()), face)
    person = desk.gallery.enrol(name, one, consent=consent, purpose=purpose, by=who.name)
    return person_row(person, covers(desk.gallery))


def _seen(found: Sightings) -> list[Seen]:
    assert found.crops is not None
    assert found.quality is not None
    return [
        Seen(
            box=found.faces.boxes[row].tolist(),
            score=float(found.faces.scores[row]),
            quality=float(found.quality[row]),
            crop=shown(found.crops[row]),
        )
        for row in range(len(found))
    ]


def _point(point: OperatingPoint) -> Point:
    return Point(value=point.value, source=point.source, warning=point.warning)
