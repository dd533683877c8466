"""One picture among others, over HTTP: its place in a list, and its near-duplicates."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from compoundeye.console._around import Beside, Listing, around, same
from compoundeye.console._asked import Asked, PictureId, Row, Version
from compoundeye.console._pictures import Picture, pictures
from compoundeye.console._state import Here
from compoundeye.console._views import Views

router = APIRouter(prefix="/corpora/{corpus}/pictures/{id}", tags=["around"])


class Neighbour(BaseModel):
    """A picture beside another in a list."""

    id: str
    place: int


class Place(BaseModel):
    """Where a picture stands in a list."""

    version: int
    """Of the corpus, that the list is of."""
    total: int
    place: int | None
    """From 0; null where it is not in the list (any more)."""
    before: Neighbour | None
    after: Neighbour | None


class Copies(BaseModel):
    """Pictures that show the same as one."""

    version: int
    total: int
    items: list[Picture]
    """The largest."""


def _listing(
    asked: Asked,
    like: Annotated[str | None, Query(max_length=64)] = None,
    meaning: Annotated[str | None, Query(max_length=1_000)] = None,
    sort: Annotated[str | None, Query(max_length=100)] = None,
    descending: bool = False,
    version: Version = None,
) -> Listing:
    return Listing(asked, like or None, meaning or None, sort or None, descending, version)


Listed = Annotated[Listing, Depends(_listing)]
"""Parameter of a handler that is about a list: the words of the list of pictures."""
At = Annotated[int | None, Query(ge=0, lt=2**32, description="The place that it had when the list was opened.")]


@router.get("/around")
def place(
    here: Here,
    corpus: str,
    id: PictureId,  # noqa: A002  # its name in addresses
    listing: Listed,
    at: At = None,
) -> Place:
    """The pictures before and after one in a list, in the words of the list of pictures."""
    found = around(here, corpus, bytes.fromhex(id), listing, at)
    before, after = (_told(end) for end in (found.before, found.after))
    return Place(version=found.version, total=found.total, place=found.place, before=before, after=after)


def _told(end: Beside | None) -> Neighbour | None:
    return None if end is None else Neighbour(id=end.id, place=end.place)


@router.get("/duplicates")
def copies(
    here: Here,
    corpus: str,
    id: PictureId,  # noqa: A002
    row: Row = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
) -> Copies:
    """Near-duplicates of a picture, the largest first; 409 while they are looked for."""
    at = here.part(Views).newest(corpus)
    total, rows = same(here, corpus, at, at.row_of(bytes.fromhex(id), row), limit)
    return Copies(version=at.version, total=total, items=pictures(corpus, at, rows, "category"))
