"""What came of a job, in the same words for each kind: its account, with the reasons for what failed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from compoundeye.console._job_state import Job
from compoundeye.corpus import Corpus

MOST_REASONS = 50


class Reason(BaseModel):
    """Why some pictures have no answer."""

    outcome: str
    """"failed" or "abstained"."""
    reason: str
    pictures: int


class Outcome(BaseModel):
    """The account of a job that has ended well: seen = done + duplicate + abstained + failed."""

    seen: int
    done: int
    """"stored" for ingest, "labelled" for categorise."""
    duplicate: int
    abstained: int
    failed: int
    reasons: list[Reason]
    """The most frequent first."""
    known: int | None = None
    """Inputs of an ingest that were looked at before."""
    new: int | None = None
    """Pictures that this run of a categorise looked at; the other figures are of the whole corpus."""
    notes: list[str] = []
    """How far the answers of a categorise can be trusted, in sentences."""


def outcome(job: Job) -> Outcome | None:
    """The account in what the command printed; None while there is none."""
    if job.result is None:
        return None
    account = job.result.get("account", job.result)
    if not isinstance(account, Mapping) or not isinstance(account.get("seen"), int):
        return None
    why = _reasons("failed", account.get("reasons")) + _reasons("abstained", job.result.get("abstained"))
    return Outcome(
        seen=account["seen"],
        done=int(account.get("done", 0)),
        duplicate=int(account.get("duplicate", 0)),
        abstained=int(account.get("abstained", 0)),
        failed=int(account.get("failed", 0)),
        reasons=sorted(why, key=lambda one: (-one.pictures, one.reason))[:MOST_REASONS],
        known=job.result.get("known"),
        new=job.result.get("new"),
        notes=_notes(job.result),
    )


def _notes(result: Mapping[str, Any]) -> list[str]:
    notes, promise = [], result.get("precision")
    if result.get("classifier"):
        notes.append(f"By {result['classifier']}.")
    if isinstance(promise, Mapping) and promise.get("asked") is not None:
        asked = f"Precision {promise['asked']:g}"
        if promise.get("shown"):
            bound, pictures = promise.get("lower_bound") or 0.0, promise.get("pictures") or 0
            notes.append(f"{asked} is shown: at least {bound:.3f} with 90 % confidence, on {pictures:,} pictures.")
        else:
            notes.append(f"{asked} is not shown: too few labelled pictures, or too many mistakes among them.")
        if promise.get("note"):
            notes.append(f"{promise['note'][0].upper()}{promise['note'][1:]}.")
    return notes


def failed_since(corpus: str, moment: float, limit: int) -> list[tuple[str, str, datetime]]:
    """Source, reason and time of inputs that failed from a moment on, in the order of the ledger.

    Raises:
        CorpusError: there is no corpus.
    """
    since = datetime.fromtimestamp(moment, UTC).replace(microsecond=0)
    when = f"outcome = 'failed' AND at >= TIMESTAMP '{since:%Y-%m-%d %H:%M:%S}'"
    ledger = Corpus.open(corpus).inputs
    rows = ledger.scanner(columns=["source", "reason", "at"], filter=when, limit=limit).to_table().to_pylist()
    return [(row["source"], row["reason"] or "", row["at"].replace(tzinfo=UTC)) for row in rows]


def _reasons(what: str, counts: Any) -> list[Reason]:
    if not isinstance(counts, Mapping):  # of an ingest, "abstained" is a number
        return []
    return [Reason(outcome=what, reason=str(reason), pictures=int(count)) for reason, count in counts.items()]
