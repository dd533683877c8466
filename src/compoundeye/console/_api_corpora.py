"""Corpora over HTTP: which are served, how large each is, and what its pictures were said to be."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from compoundeye.console._api_columns import ColumnInfo, columns_of
from compoundeye.console._asked import Asked
from compoundeye.console._filters import STATES
from compoundeye.console._spread import Spreads
from compoundeye.console._state import Here
from compoundeye.console._views import SHOWN, Views
from compoundeye.records import EyeError

router = APIRouter(tags=["corpora"])

MOST_CATEGORIES = 2_000


class CorpusRow(BaseModel):
    """A corpus in the list."""

    name: str
    path: str
    rows: int | None
    version: int | None
    error: str | None
    """Why it cannot be opened."""


class Named(BaseModel):
    """A category or state, and how many pictures have it."""

    name: str
    count: int


class CorpusInfo(BaseModel):
    """One corpus."""

    name: str
    path: str
    rows: int
    version: int
    columns: list[ColumnInfo]
    results: list[str]
    """Names of what categorising left: "category" and others."""
    categories: list[Named]
    """Those that count, a person's label before what the model said; the most frequent first."""
    states: list[Named]
    labelled: int
    """Pictures that a person gave a label."""
    embedded: bool
    """Whether pictures can be searched by likeness."""


@router.get("/corpora")
def corpora(here: Here) -> list[CorpusRow]:
    """The corpora that this console serves."""
    return [_row(here.part(Views), name, path) for name, path in here.corpora.items()]


@router.get("/corpora/{corpus}")
def corpus_info(here: Here, corpus: str, asked: Asked) -> CorpusInfo:
    """A corpus; of categories and states, those among the pictures that fit."""
    view = here.part(Views).view(corpus, asked)
    names, spreads = view.at.corpus.dataset.schema.names, here.part(Spreads)

    def counted(column: str, bins: int) -> list[Named]:
        found = spreads.of(corpus, asked, column, bins, view.version)[1].histogram
        return [Named(name=str(bar.low), count=bar.count) for bar in found.bars]

    categories = counted(SHOWN, MOST_CATEGORIES) if {asked.name, "label"} & set(names) else []
    states = counted(f"{asked.name}_state", len(STATES)) if f"{asked.name}_state" in names else []
    labels = spreads.of(corpus, asked, "label", 1, view.version)[1].histogram if "label" in names else None
    return CorpusInfo(
        name=corpus,
        path=here.corpora[corpus],
        rows=view.at.rows,
        version=view.version,
        columns=columns_of(view.at),
        results=[one.removesuffix("_state") for one in names if one.endswith("_state")],
        categories=categories,
        states=_with_new(states, view.total),
        labelled=0 if labels is None else view.total - labels.missing,
        embedded="embedding" in names,
    )


def _with_new(states: list[Named], total: int) -> list[Named]:
    """All states, those that no picture has too; what was never looked at is new."""
    counts = dict.fromkeys(STATES, 0) | {one.name: one.count for one in states}
    counts["new"] = total - sum(one.count for one in states)
    return [Named(name=state, count=count) for state, count in counts.items()]


def _row(views: Views, name: str, path: str) -> CorpusRow:
    try:
        at = views.newest(name)
    except EyeError as error:  # one that is gone must not hide the others
        return CorpusRow(name=name, path=path, rows=None, version=None, error=str(error))
    return CorpusRow(name=name, path=path, rows=at.rows, version=at.version, error=None)
