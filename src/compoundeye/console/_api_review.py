"""Queues of pictures to review over HTTP, each with the labels that it most likely has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel

from compoundeye.console._asked import Asked
from compoundeye.console._cursor import Cursor
from compoundeye.console._pictures import Picture, pictures
from compoundeye.console._review import Queue, Review
from compoundeye.console._state import Here
from compoundeye.console._views import Views

router = APIRouter(prefix="/corpora/{corpus}/review", tags=["review"])

QueueName = Literal["least-certain", "abstained", "disagree"]
"""The keys of `QUEUES`."""


class Suggestion(BaseModel):
    """A label that the picture may have."""

    label: str
    why: str
    """Who says so, and how surely."""


class Item(BaseModel):
    """A picture to review."""

    picture: Picture
    why: str
    """What is doubtful about it."""
    suggestions: list[Suggestion]
    """The likeliest first."""


class QueuePage(BaseModel):
    """Some pictures of a queue."""

    queue: str
    version: int
    """Of the corpus, that the pictures are told of: what a correction was decided by."""
    total: int
    """Pictures that nobody has labelled."""
    items: list[Item]
    next: str | None
    """``after`` of the next ones; null at the end."""
    computing: float | None
    """How far a comparison with neighbours is, 0 to 1; null while none is under way."""
    compared: int | None
    """The version that neighbours were compared in."""
    stale: bool
    """Whether embeddings or categories have changed since: POST has them compared again."""


class Begun(BaseModel):
    """A comparison that is under way."""

    queue: str


@router.get("/{queue}")
def listed(
    here: Here,
    corpus: str,
    queue: QueueName,
    asked: Asked,
    after: Annotated[str | None, Query(max_length=120, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> QueuePage:
    """Pictures worth a look that nobody has labelled, the most doubtful first."""
    found = here.part(Review).queue(corpus, queue, asked, limit, Cursor.read(after) if after else None)
    at = here.part(Views).newest(corpus)
    rows = at.rows_of(found.ids)
    places = found.places or [0] * len(found.ids)
    there = [(rows[one], place) for place, one in zip(places, found.ids, strict=True) if one in rows]
    shown = pictures(corpus, at, np.array([row for row, _ in there], np.uint32), asked.name)
    items = [
        _item(queue, picture, found, place)
        for picture, (_, place) in zip(shown, there, strict=True)
        if picture.label is None  # by now
    ]
    return QueuePage(
        queue=queue,
        version=at.version,
        total=found.total,
        items=items,
        next=found.after,
        computing=found.computing,
        compared=None if found.compared is None else found.compared.at.version,
        stale=found.stale,
    )


@router.post("/disagree")
def compare(here: Here, corpus: str, asked: Asked) -> Begun:
    """Have all pictures compared with their neighbours again."""
    here.part(Review).compare(corpus, asked.name)
    return Begun(queue="disagree")


def _item(queue: str, picture: Picture, found: Queue, place: int) -> Item:
    theirs = None
    why = picture.reason or "the model abstained"
    if queue == "disagree" and found.compared is not None:
        theirs = found.compared.found.theirs[place]
        why = f"the model said {picture.said}, its neighbours are {theirs}"
    elif queue == "least-certain":
        why = f"the model said {picture.said}" + (f", {picture.confidence:.0%} sure" if picture.confidence else "")
    return Item(picture=picture, why=why, suggestions=_distinct(_suggestions(picture, theirs)))


def _suggestions(picture: Picture, theirs: str | None) -> Iterator[Suggestion]:
    if theirs is not None:
        yield Suggestion(label=theirs, why="its neighbours")
    for label, sure in ((picture.said, picture.confidence), (picture.best, picture.best_confidence)):
        if label:
            yield Suggestion(label=label, why="the model" if sure is None else f"the model, {sure:.0%}")


def _distinct(found: Iterator[Suggestion]) -> list[Suggestion]:
    first = dict[str, Suggestion]()
    for one in found:
        first.setdefault(one.label, one)
    return list(first.values())
