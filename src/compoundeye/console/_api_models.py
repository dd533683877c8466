"""The catalogue of models over HTTP: what each does, how well by whose protocol, and whether it is here."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, JsonValue, TypeAdapter

from compoundeye.console._state import NotFound
from compoundeye.models import Card, CatalogueRow, card, catalogue_rows

router = APIRouter(tags=["models"])

_PLAIN: TypeAdapter[Any] = TypeAdapter(Any)


class File(BaseModel):
    """One file of a model, and what decides whether it is the right one."""

    name: str
    bytes: int
    sha256: str


class Model(BaseModel):
    """A model of the catalogue."""

    name: str
    version: str
    task: str
    """"classify" (categories and an embedding), "embed" (an embedding alone) or "detect" (boxes)."""
    metric: str
    """The published figure."""
    protocol: str
    """How it was obtained, and by whom."""
    licence: str
    sha256: str
    """Of the weights: what every prediction is signed with."""
    bytes: int
    """Of all files."""
    present: bool
    """All files are on the server; else they are fetched when the model is first used."""
    yours: bool
    """Registered on the server, for instance a training's export; not published."""
    labels: str | None
    embedding_dim: int
    text: bool
    """Whether it takes categories in words."""
    input_size: int
    """Pixels of a side."""
    places: list[str]
    """Where the weights come from, in the order in which they are tried."""
    files: list[File]
    losses: list[dict[str, JsonValue]]
    """What a cheaper precision changes, as measured."""
    facts: dict[str, JsonValue]
    """What whoever registered it says of it."""
    notes: str


@router.get("/models")
def models() -> list[Model]:
    """Every model that can be used by name."""
    return [_model(row, card(row.name)) for row in catalogue_rows()]


@router.get("/models/{name}")
def model(name: str) -> Model:
    """One of them."""
    for row in catalogue_rows():
        if row.name == name:
            return _model(row, card(name))
    raise NotFound("no model of the catalogue has this name")


def _model(row: CatalogueRow, known: Card) -> Model:
    losses = _PLAIN.dump_python(
        [{name: getattr(one, name) for name in one.__slots__} for one in known.losses], mode="json"
    )
    return Model(
        name=row.name,
        version=row.version,
        task=row.task,
        metric=row.metric,
        protocol=row.protocol,
        licence=row.licence,
        sha256=known.sha256,
        bytes=sum(file.size_bytes for file in known.files),
        present=row.present,
        yours=row.yours,
        labels=row.labels,
        embedding_dim=row.embedding_dim,
        text=row.text,
        input_size=known.input_size,
        places=[place for place in row.where_from.split(", ") if place],
        files=[File(name=file.name, bytes=file.size_bytes, sha256=file.sha256) for file in known.files],
        losses=losses,
        facts=_PLAIN.dump_python(dict(known.facts), mode="json"),
        notes=row.notes,
    )
