"""Corpora over HTTP: which are served, how large each is, and what its pictures were said to be."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from compoundeye.console._api_columns import ColumnInfo, columns_of
from compoundeye.console._asked import Asked
from compoundeye.console._filters import STATES
from compoundeye.console._histogram import histogram
from compoundeye.console._snapshot import Rows, Snapshot
from compoundeye.console._state import Here
from compoundeye.console._views import SHOWN, Looking, Views
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
    views = here.part(Views)
    view = views.view(corpus, asked)
    at, looking = view.at, views.looking(corpus)
    names = at.corpus.dataset.schema.names
    results = [one.removesuffix("_state") for one in names if one.endswith("_state")]
    labelled = looking.columns.column(at, "label").present if "label" in names else None
    return CorpusInfo(
        name=corpus,
        path=here.corpora[corpus],
        rows=at.rows,
        version=at.version,
        columns=columns_of(at),
        results=results,
        categories=_categories(views, corpus, at, view.rows, asked.name),
        states=_states(looking, at, view.rows, asked.name),
        labelled=0 if labelled is None else int((labelled if view.rows is None else labelled[view.rows]).sum()),
        embedded="embedding" in names,
    )


def _row(views: Views, name: str, path: str) -> CorpusRow:
    try:
        at = views.newest(name)
    except EyeError as error:  # one that is gone must not hide the others
        return CorpusRow(name=name, path=path, rows=None, version=None, error=str(error))
    return CorpusRow(name=name, path=path, rows=at.rows, version=at.version, error=None)


def _categories(views: Views, corpus: str, at: Snapshot, rows: Rows | None, name: str) -> list[Named]:
    if not at.corpus.has_column(name) and not at.corpus.has_column("label"):
        return []
    found = histogram(views.column(corpus, at, SHOWN, name), rows, MOST_CATEGORIES)
    return [Named(name=str(bar.low), count=bar.count) for bar in found.bars]


def _states(looking: Looking, at: Snapshot, rows: Rows | None, name: str) -> list[Named]:
    total = at.rows if rows is None else len(rows)
    counts = dict.fromkeys(STATES, 0)
    if at.corpus.has_column(f"{name}_state"):
        found = histogram(looking.columns.column(at, f"{name}_state"), rows, len(STATES))
        counts |= {str(bar.low): bar.count for bar in found.bars}
    counts["new"] = total - sum(counts.values())
    return [Named(name=state, count=count) for state, count in counts.items()]
