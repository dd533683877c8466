"""The account of a corpus over HTTP: what became of every input, which failed and why, and the versions since."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from compoundeye.console._accounts import Accounts, versions
from compoundeye.console._state import Here
from compoundeye.console._views import Views
from compoundeye.corpus import Corpus

router = APIRouter(prefix="/corpora/{corpus}", tags=["account"])

_LONGEST = 1_000


class Counted(BaseModel):
    """A reason, and how many inputs failed for it."""

    reason: str
    inputs: int


class CorpusAccount(BaseModel):
    """What became of every input that was ever put in: seen = stored + duplicate + failed."""

    version: int
    pictures: int
    seen: int
    stored: int
    duplicate: int
    failed: int
    reasons: list[Counted]
    """Of failures, the most frequent first."""


class FailedInput(BaseModel):
    """An input that could not be taken."""

    source: str
    reason: str
    at: datetime


class FailedPage(BaseModel):
    """Some of the inputs that failed, in the order of the ledger."""

    total: int
    """With the asked reason, if one was."""
    offset: int
    items: list[FailedInput]


class VersionRow(BaseModel):
    """A version of a corpus."""

    version: int
    at: datetime
    rows: int | None
    bytes: int | None
    """Of its files; versions share most of them."""
    said: str
    """What was done to make it; empty where that is not known any more."""


class VersionPage(BaseModel):
    """Some of the versions that are kept, the newest first."""

    total: int
    offset: int
    items: list[VersionRow]


Offset = Annotated[int, Query(ge=0, lt=2**31)]


@router.get("/account")
def account(here: Here, corpus: str) -> CorpusAccount:
    """What became of every input. The sums are checked against the pictures."""
    at = here.part(Views).newest(corpus)
    found = here.part(Accounts).of(at)
    return CorpusAccount(
        version=at.version,
        pictures=at.rows,
        seen=found.seen,
        stored=found.done,
        duplicate=found.duplicate,
        failed=found.failed,
        reasons=[Counted(reason=reason, inputs=count) for reason, count in found.reasons.most_common()],
    )


@router.get("/failures")
def failures(
    here: Here,
    corpus: str,
    reason: Annotated[
        str | None, Query(max_length=_LONGEST, description="Only this one, as the account names it.")
    ] = None,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> FailedPage:
    """Inputs that failed: what, why, when."""
    ledger = Corpus.open(here.part(Views).newest(corpus).corpus.path).inputs
    which = "outcome = 'failed'"
    if reason:
        said = reason.replace("'", "''")
        which += f" AND (reason = '{said}' OR starts_with(reason, '{said}: '))"
    total = ledger.count_rows(filter=which)
    table = ledger.scanner(columns=["source", "reason", "at"], filter=which, offset=offset, limit=limit).to_table()
    items = [
        FailedInput(source=row["source"], reason=row["reason"] or "", at=row["at"].replace(tzinfo=UTC))
        for row in table.to_pylist()
    ]
    return FailedPage(total=total, offset=offset, items=items)


@router.get("/versions")
def version_list(
    here: Here, corpus: str, offset: Offset = 0, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> VersionPage:
    """Versions that are kept, the newest first."""
    at = here.part(Views).newest(corpus)
    found, accounts = versions(at), here.part(Accounts)
    items = [
        VersionRow(**row, said=accounts.said(at, row["version"], row["at"])) for row in found[offset : offset + limit]
    ]
    return VersionPage(total=len(found), offset=offset, items=items)
