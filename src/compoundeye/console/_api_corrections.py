"""Corrections over HTTP: say what pictures show, take it back, and the labels to choose from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from inspect import signature
from typing import Annotated, Any, get_args, get_type_hints

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from compoundeye.console._api_session import PRINTABLE
from compoundeye.console._asked import Asked
from compoundeye.console._corrections import Corrections, Outcome
from compoundeye.console._filters import Filter
from compoundeye.console._labels import Labels
from compoundeye.console._refusals import Conflict, Unprocessable
from compoundeye.console._sessions import Who
from compoundeye.console._state import Console, Here
from compoundeye.console._views import Views

router = APIRouter(prefix="/corpora/{corpus}", tags=["corrections"])

AT_ONCE = 10_000
"""Ids in one request; more are better said by a filter."""
MOST = 1_000_000
"""Pictures that one filter corrects: about 300 MB of memory while it lasts."""
LABEL_LENGTH = 200

_filter: Callable[..., Filter] = get_args(Asked)[1].dependency
_hints = get_type_hints(_filter, include_extras=True)
_fields: dict[str, Any] = {name: (_hints[name], one.default) for name, one in signature(_filter).parameters.items()}
FilterBody = create_model(
    "Filter", __config__=ConfigDict(extra="forbid"), __doc__="The same words as in the address of a list.", **_fields
)
"""One meaning everywhere: the fields are the parameters of `Asked`."""

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LABEL_LENGTH, pattern=PRINTABLE)
]
Handle = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class Correction(BaseModel):
    """What is said of which pictures: give ``ids`` or ``filter``. It is signed with the name of whoever asks."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Id] | None = Field(None, max_length=AT_ONCE)
    filter: FilterBody | None = None  # type: ignore[valid-type]  # a model made of the parameters of lists
    label: Label | None
    """The category; null takes labels away."""
    version: int | None = Field(None, ge=1, le=2**62)
    """Of the corpus, that you looked at: what others said since is kept, and told. Null replaces whatever is there."""


class Undo(BaseModel):
    """Which correction to take back."""

    model_config = ConfigDict(extra="forbid")

    undo: Handle


class Kept(BaseModel):
    """A picture that somebody else has labelled meanwhile."""

    id: str
    label: str | None
    label_by: str | None
    label_at: datetime | None


class Corrected(BaseModel):
    """What became of it."""

    changed: int
    already: int
    """Pictures that had this label: they stay as they are."""
    kept: int
    """Pictures that somebody labelled since: they stay as they are."""
    kept_pictures: list[Kept]
    """The first 100 of them."""
    undo: str | None
    """What takes it back; null if nothing changed."""
    version: int
    """Of the corpus, that holds it."""


class Made(BaseModel):
    """A correction that was made."""

    undo: str
    at: datetime
    by: str
    label: str | None
    pictures: int
    undoes: str | None
    undone: bool


class LabelRow(BaseModel):
    """A label to choose."""

    name: str
    people: int
    """Pictures that people gave it to."""
    model: int
    """Pictures that the model gave it to, or where it was its best guess."""


@router.post("/corrections")
def correct(here: Here, who: Who, corpus: str, asked: Correction) -> Corrected:
    """Say what pictures show, all of them in one step."""
    return _told(
        here.part(Corrections).correct(corpus, _ids(here, corpus, asked), asked.label, who.name, asked.version)
    )


@router.post("/corrections/undo")
def undo(here: Here, who: Who, corpus: str, asked: Undo) -> Corrected:
    """Take a correction back; what others said since is kept. The answer's ``undo`` makes it again."""
    return _told(here.part(Corrections).undo(corpus, asked.undo, who.name))


@router.get("/corrections")
def made(here: Here, corpus: str, limit: Annotated[int, Query(ge=1, le=1_000)] = 50) -> list[Made]:
    """The latest corrections made by this console, the newest first."""
    return [
        Made(undo=one.name, **{name: getattr(one, name) for name in Made.model_fields if name != "undo"})
        for one in here.part(Corrections).entries(corpus, limit)
    ]


@router.get("/labels")
def known(
    here: Here,
    corpus: str,
    text: Annotated[str, Query(max_length=LABEL_LENGTH, description="What was typed so far.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    name: Annotated[str, Query(max_length=100, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "category",
) -> list[LabelRow]:
    """Labels that hold a text: those that people gave, and those that the model knows."""
    return [
        LabelRow(name=one.name, people=one.people, model=one.model)
        for one in here.part(Labels).like(corpus, name, text, limit)
    ]


def _ids(here: Console, corpus: str, asked: Correction) -> list[bytes]:
    if asked.ids is not None and asked.filter is None:
        return [bytes.fromhex(one) for one in dict.fromkeys(asked.ids)]
    if asked.ids is not None or asked.filter is None:
        raise Unprocessable("say which pictures: by ids or by filter, one of the two")
    view = here.part(Views).view(corpus, _filter(**asked.filter.model_dump()), version=asked.version)
    if asked.version not in (None, view.version):
        raise Conflict("the version of the corpus that you looked at is not kept any more; look again, then correct")
    if view.total > MOST:
        raise Unprocessable(f"{view.total:,} pictures fit; one step corrects up to {MOST:,}: narrow the filter")
    found: list[bytes] = view.at.take(view.page(0, view.total), ["id"])["id"].to_pylist()
    return found


def _told(done: Outcome) -> Corrected:
    return Corrected(
        changed=done.changed,
        already=done.already,
        kept=done.kept,
        kept_pictures=[Kept(id=row.pop("id").hex(), **row) for row in done.kept_rows.to_pylist()],
        undo=done.undo,
        version=done.version,
    )
