"""Columns over HTTP: which there are, and how the values of one are spread among the pictures that fit."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from compoundeye.console._asked import Asked, Column, Version
from compoundeye.console._columns import PIXELS, kind_of
from compoundeye.console._snapshot import Snapshot
from compoundeye.console._spread import Spreads
from compoundeye.console._state import Here
from compoundeye.console._views import GROUP, INGESTED, Views

router = APIRouter(prefix="/corpora/{corpus}", tags=["columns"])


class ColumnInfo(BaseModel):
    """A column that can be sorted by and whose values can be counted."""

    name: str
    kind: str
    """"number", "flag", "time" or "text"."""
    derived: bool
    """Whether it is made of others rather than stored."""


class HistogramBar(BaseModel):
    """Values from ``low`` on, up to ``high`` (in the last bar, including it); of texts, both are the text."""

    low: float | datetime | str
    high: float | datetime | str
    count: int


class ColumnHistogram(BaseModel):
    """How the values of a column are spread."""

    version: int
    column: str
    kind: str
    total: int
    """Pictures that fit."""
    missing: int
    """Of them without a value."""
    others: int
    """Of them with texts less frequent than those in ``bars``."""
    distinct: int | None
    """Different texts."""
    bars: list[HistogramBar]


def columns_of(at: Snapshot) -> list[ColumnInfo]:
    """What a corpus can be sorted by."""
    found = [(field.name, kind_of(field.type)) for field in at.corpus.dataset.schema]
    stored = [ColumnInfo(name=name, kind=kind, derived=False) for name, kind in found if kind]
    made = [(INGESTED, "number"), (PIXELS, "number"), (GROUP, "number")]
    return stored + [ColumnInfo(name=name, kind=kind, derived=True) for name, kind in made]


@router.get("/columns")
def columns(here: Here, corpus: str) -> list[ColumnInfo]:
    """Columns to sort and count by: ``category`` is what counts, a person's label before what the model said."""
    return columns_of(here.part(Views).newest(corpus))


@router.get("/histogram")
def spread(
    here: Here,
    corpus: str,
    column: Column,
    asked: Asked,
    bins: Annotated[int, Query(ge=2, le=1_000)] = 30,
    version: Version = None,
) -> ColumnHistogram:
    """The values of a column among the pictures that fit, between round numbers; at most ``bins`` bars."""
    view, counted = here.part(Spreads).of(corpus, asked, column, bins, version)
    found = counted.histogram
    return ColumnHistogram(
        version=view.version,
        column=column,
        kind=counted.kind,
        total=view.total,
        missing=found.missing,
        others=found.others,
        distinct=found.distinct,
        bars=[HistogramBar(low=bar.low, high=bar.high, count=bar.count) for bar in found.bars],
    )
