"""Pictures over HTTP: lists by filter and order or by likeness, one picture's details, and the bytes themselves."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, UploadFile
from pydantic import BaseModel

from compoundeye.console._asked import Asked, PictureId, Row, Version
from compoundeye.console._cursor import Cursor
from compoundeye.console._details import Details, History, details, history
from compoundeye.console._found import MOST, Finder
from compoundeye.console._media import image as image_response
from compoundeye.console._media import thumbnail as thumbnail_response
from compoundeye.console._media import unchanged
from compoundeye.console._pictures import Picture, pictures, told
from compoundeye.console._refusals import Unprocessable
from compoundeye.console._state import Here
from compoundeye.console._views import INGESTED, View, Views, ordered_by

router = APIRouter(prefix="/corpora/{corpus}", tags=["pictures"])

UPLOAD = 32 << 20
"""Bytes of a picture to search by."""
PAGE = 500
BATCH = 500
BYTES: dict[int | str, dict[str, Any]] = {200: {"content": {"image/*": {}, "application/octet-stream": {}}}}
"""For descriptions: what is no picture that browsers show comes as a download."""

Limit = Annotated[int, Query(ge=1, le=PAGE)]
Like = Annotated[str | None, Query(max_length=64, description="A picture's id, or what POST .../search gave.")]


class Page(BaseModel):
    """Some pictures of all that were asked for."""

    version: int
    """Of the corpus, that the whole list is of."""
    newest: int
    """The corpus's own by now: greater, if something was written since."""
    total: int
    offset: int
    items: list[Picture]
    next: str | None
    """``after`` of the next page; null at the end."""


class Alike(BaseModel):
    """Pictures most like one, best first."""

    version: int
    items: list[Picture]


class Sent(BaseModel):
    """A picture that was sent to search by."""

    like: str
    """What to ask for: ``pictures?like=...``."""


@router.get("/pictures")
def listed(
    here: Here,
    corpus: str,
    asked: Asked,
    like: Like = None,
    meaning: Annotated[str | None, Query(max_length=1_000, description="What is to be seen, in words.")] = None,
    sort: Annotated[
        str | None,
        Query(max_length=100, description="ingested, category, confidence, pixels, duplicates, or a column."),
    ] = None,
    descending: bool = False,
    offset: Annotated[int, Query(ge=0, lt=2**32)] = 0,
    after: Annotated[str | None, Query(max_length=120, description="`next` of the page before.")] = None,
    limit: Limit = 100,
    version: Version = None,
) -> Page:
    """Pictures that fit, in order; by ``like`` or ``meaning`` the best 500, best first unless ``sort`` is given."""
    cursor = Cursor.read(after) if after else None
    version = cursor.version if cursor else version
    views, why, similarity = here.part(Views), None, None
    if like or meaning:
        found = here.part(Finder).find(corpus, asked, like or None, meaning or None, version)
        view = View(found.at, asked, sort or "similarity", descending, found.rows)
        if sort:
            view = ordered_by(views.looking(corpus), view)
        known = dict(zip(found.rows.tolist(), zip(found.why, found.similarity, strict=True), strict=True))
    else:
        view, known = views.view(corpus, asked, sort or INGESTED, descending, version), {}
    start = cursor.offset(view) if cursor else offset
    rows = view.page(start, limit)
    if known:
        why = [known[row][0] for row in rows.tolist()]
        similarity = [known[row][1] for row in rows.tolist()]
    elif asked.text and len(rows):
        why = list(told(view.at, rows, asked.condition(view.at.corpus)))
    items = pictures(corpus, view.at, rows, asked.name, why=why, similarity=similarity)
    end = start + len(items)
    more = str(Cursor(view.version, end, bytes.fromhex(items[-1].id))) if items and end < view.total else None
    newest = views.newest(corpus).version
    return Page(version=view.version, newest=newest, total=view.total, offset=start, items=items, next=more)


@router.post("/search", max_body_size=UPLOAD)
def sent(here: Here, corpus: str, picture: UploadFile) -> Sent:
    """Send a picture to search by. It is kept for a while, and never becomes part of the corpus."""
    here.part(Views).newest(corpus)
    return Sent(like=here.part(Finder).keep(picture.file.read()))


@router.get("/thumbnails", response_class=Response, responses={200: {"content": {"application/octet-stream": {}}}})
def thumbnails(
    here: Here,
    corpus: str,
    rows: Annotated[str, Query(max_length=11 * BATCH, pattern=r"^\d{1,10}(,\d{1,10})*$", examples=["0,7,12"])],
    version: Version = None,
) -> Response:
    """Thumbnails of many rows of one version in one answer, which costs a tenth of asking for each.

    For each row, as asked: 16 bytes of id, 4 bytes of length (big-endian), and the JPEG.
    """
    at = here.part(Views).looking(corpus).snapshots.at(version)
    asked = [int(one) for one in rows.split(",")]
    if len(asked) > BATCH or max(asked) >= at.rows:
        raise Unprocessable(f"rows: give up to {BATCH} numbers below {at.rows}")
    found = at.take(asked, ["id", "thumbnail"])
    parts = [
        part
        for identity, data in zip(found["id"].to_pylist(), found["thumbnail"].to_pylist(), strict=True)
        for part in (identity, len(data).to_bytes(4, "big"), data)
    ]
    # A version's rows never change, but the version may be removed: kept by the page, not by the browser.
    return Response(b"".join(parts), media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


@router.get("/pictures/{id}")
def one(here: Here, corpus: str, id: PictureId, row: Row = None) -> Details:  # noqa: A002  # its name in addresses
    """All that is known of a picture."""
    at = here.part(Views).newest(corpus)
    return details(corpus, at, at.row_of(bytes.fromhex(id), row))


@router.get("/pictures/{id}/account")
def account(here: Here, corpus: str, id: PictureId, row: Row = None) -> History:  # noqa: A002
    """Where a picture came from, and who said what of it when."""
    at = here.part(Views).newest(corpus)
    return history(at, at.row_of(bytes.fromhex(id), row))


@router.get("/pictures/{id}/similar")
def similar(
    here: Here,
    corpus: str,
    id: PictureId,  # noqa: A002
    asked: Asked,
    k: Annotated[int, Query(ge=1, le=MOST - 1)] = 12,
) -> Alike:
    """The pictures most like one, without itself."""
    here.part(Views).newest(corpus).row_of(bytes.fromhex(id))
    found = here.part(Finder).find(corpus, asked, id, None, None, k + 1)
    items = pictures(corpus, found.at, found.rows, asked.name, why=found.why, similarity=found.similarity)
    return Alike(version=found.at.version, items=[item for item in items if item.id != id][:k])


@router.get("/pictures/{id}/thumbnail", response_class=Response, responses=BYTES)
def thumbnail(request: Request, here: Here, corpus: str, id: PictureId, row: Row = None) -> Response:  # noqa: A002
    """Its thumbnail: JPEG, upright, 240 pixels."""
    return unchanged(request, id, "thumbnail") or thumbnail_response(_bytes(here, corpus, id, row, "thumbnail"), id)


@router.get("/pictures/{id}/image", response_class=Response, responses=BYTES)
def image(
    request: Request,
    here: Here,
    corpus: str,
    id: PictureId,  # noqa: A002
    row: Row = None,
    original: bool = False,
) -> Response:
    """The picture itself, as JPEG where browsers do not know its format; ``original`` is its very bytes, to keep."""
    kept = unchanged(request, id, "original" if original else "image")
    return kept or image_response(_bytes(here, corpus, id, row, "image"), id, original=original)


def _bytes(here: Here, corpus: str, identity: str, row: int | None, column: str) -> bytes:
    at, wanted = here.part(Views).newest(corpus), bytes.fromhex(identity)
    if row is not None and row < at.rows:
        found = at.take([row], ["id", column])
        if found["id"][0].as_py() == wanted:
            return bytes(found[column][0].as_py())
    return bytes(at.take([at.row_of(wanted)], [column])[column][0].as_py())
