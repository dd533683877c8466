"""Jobs: what runs, how far it is, what came of it; starting and stopping. ``/jobs/events`` tells of changes as they
happen (server-sent events); `_job_watch` looks into the folders for all who listen."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from compoundeye.console._job_commands import JobRequest, command, command_again
from compoundeye.console._job_outcome import Outcome, failed_since, outcome
from compoundeye.console._job_state import ID, Job, State
from compoundeye.console._job_watch import stream, watch_of
from compoundeye.console._jobs import jobs_of
from compoundeye.console._roots import folder, local, located
from compoundeye.console._sessions import Who
from compoundeye.console._state import Console, Here

router = APIRouter(tags=["jobs"])
LOG_BYTES = 65_536
MOST_PLACES = 500


class Progress(BaseModel):
    """How far a job is."""

    label: str
    unit: str
    done: int
    total: int | None
    """null while it is still counted."""
    rate: float | None
    """Items a second over the last half minute."""
    left_s: float | None
    said: str


class JobRow(BaseModel):
    """A job as lists show it."""

    id: str
    kind: str
    title: str
    state: State
    corpus: str | None
    """Name of the corpus here; null if this console does not serve it."""
    corpus_path: str
    by: str
    created: datetime
    started: datetime | None
    """The newest start."""
    ended: datetime | None
    starts: int
    host: str | None
    progress: Progress | None
    outcome: Outcome | None
    error: str | None


class JobDetail(JobRow):
    """A job with all that is known of it."""

    arguments: list[str]
    """Of `eye`: what somebody at a terminal would type."""
    result: dict[str, Any] | None
    """What the command printed with --json."""


class JobPage(BaseModel):
    """Some jobs, the newest first."""

    items: list[JobRow]
    next: str | None
    """``after`` of the next page."""


class Log(BaseModel):
    """A piece of a job's log."""

    text: str
    start: int
    end: int
    """Bytes; ask for ``start=end`` to get what was said since."""


class Failure(BaseModel):
    """An input that could not be taken."""

    source: str
    reason: str
    at: datetime


class Failures(BaseModel):
    """What failed in a job so far, the earliest first."""

    items: list[Failure]
    more: bool


class Places(BaseModel):
    """Folders that a job may be started on."""

    path: str | None
    """The whole path; null for the list of roots."""
    parent: str | None
    folders: list[str]
    files: int
    """How many files lie there, for a first look."""
    more: bool


@router.get("/jobs")
def jobs(
    here: Here,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    after: Annotated[str | None, Query(pattern=ID.pattern)] = None,
) -> JobPage:
    """Jobs of this home folder, whichever console began them."""
    found = here.part(jobs_of).all(limit + 1, after)
    rows = [row_of(here, job) for job in found[:limit]]
    return JobPage(items=rows, next=rows[-1].id if len(found) > limit else None)


@router.post("/jobs", status_code=201)
def begin(here: Here, who: Who, asked: JobRequest) -> JobDetail:
    """Start a job. It goes on without the console, and can be resumed whatever ends it."""
    made = command(here, asked)
    job = here.part(jobs_of).begin(made.kind, made.title, made.corpus, made.arguments, made.asked, who.name)
    return detail_of(here, job)


@router.get("/jobs/events", include_in_schema=False)  # a stream without end is nothing that a description can test
async def events(
    here: Here,
    id: Annotated[str | None, Query(pattern=ID.pattern)] = None,  # noqa: A002
) -> StreamingResponse:
    """Changes as server-sent events: ``job`` with a `JobRow` (all of them first), ``gone`` with an id."""
    watch = here.part(watch_of)

    def text(job: Job) -> str:
        return row_of(here, job).model_dump_json()

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(watch, text, id), media_type="text/event-stream", headers=headers)


@router.get("/jobs/places")
def places(here: Here, path: Annotated[str | None, Query(max_length=4096)] = None) -> Places:
    """Folders below the roots, one level at a time."""
    roots = local(here.served.roots)
    if path is None:
        return Places(path=None, parent=None, folders=roots, files=0, more=False)
    place = Path(folder(path, here.served.roots))
    folders, files = listed(place)
    parent = None if str(place) in roots else str(place.parent)
    return Places(
        path=str(place),
        parent=parent,
        folders=folders[:MOST_PLACES],
        files=files,
        more=len(folders) > MOST_PLACES,
    )


@router.get("/jobs/{id}")
def job(here: Here, id: str) -> JobDetail:  # noqa: A002
    """One job."""
    return detail_of(here, here.part(jobs_of).get(id))


@router.get("/jobs/{id}/log")
def log(
    here: Here,
    id: str,  # noqa: A002
    start: Annotated[int | None, Query(ge=0, lt=1 << 62)] = None,
    most: Annotated[int, Query(ge=1, le=1 << 20)] = LOG_BYTES,
) -> Log:
    """The end of the log, or what stands from byte ``start`` on."""
    text, begins, end = here.part(jobs_of).log(id, start, most)
    return Log(text=text, start=begins, end=end)


@router.get("/jobs/{id}/failures")
def failures(here: Here, id: str, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Failures:  # noqa: A002
    """Inputs that failed since an ingest was first begun, also while it runs; nothing for other jobs."""
    known = here.part(jobs_of).get(id)
    found = (
        failed_since(known.corpus, known.created, limit + 1) if _served(here, known) and known.kind == "ingest" else []
    )
    items = [Failure(source=source, reason=reason, at=at) for source, reason, at in found[:limit]]
    return Failures(items=items, more=len(found) > limit)


@router.post("/jobs/{id}/stop")
def stop(here: Here, who: Who, id: str, kill: bool = False) -> JobDetail:  # noqa: A002
    """Interrupt a job; what is done is kept. ``kill=true`` ends one that does not listen."""
    return detail_of(here, here.part(jobs_of).stop(id, who.name, kill=kill))


@router.post("/jobs/{id}/resume")
def resume(here: Here, id: str) -> JobDetail:  # noqa: A002
    """Run a job's command again: it does what is left, or what is new."""
    known = here.part(jobs_of).get(id)
    made = command_again(here, known.asked, known.corpus)
    return detail_of(here, here.part(jobs_of).resume(id, made.arguments))


@router.delete("/jobs/{id}", status_code=204)
def forget(here: Here, id: str) -> Response:  # noqa: A002
    """Forget a job that has ended. What it did to the corpus stays."""
    here.part(jobs_of).forget(id)
    return Response(status_code=204)


def listed(place: Path) -> tuple[list[str], int]:
    """Names of the folders at a place that can be shown, in order, and how many files lie beside them."""
    try:
        with os.scandir(place) as entries:
            kinds = [
                (one.name, one.is_dir())
                for one in entries
                if not one.name.startswith(".") and not one.name.endswith(".lance")
            ]
    except OSError:
        return [], 0
    return sorted(name for name, is_folder in kinds if is_folder and name.isprintable()), sum(
        not one for _, one in kinds
    )


def row_of(here: Console, job: Job) -> JobRow:
    """A job as the API tells it."""
    return JobRow(**_facts(here, job))


def detail_of(here: Console, job: Job) -> JobDetail:
    """The same with everything."""
    return JobDetail(**_facts(here, job), arguments=list(job.arguments), result=job.result)


def _facts(here: Console, job: Job) -> dict[str, Any]:
    step = job.step
    return {
        "id": job.id,
        "kind": job.kind,
        "title": job.title,
        "state": job.state,
        "corpus": _served(here, job),
        "corpus_path": job.corpus,
        "by": job.by,
        "created": _moment(job.created),
        "started": None if job.started is None else _moment(job.started),
        "ended": None if job.ended is None else _moment(job.ended),
        "starts": job.starts,
        "host": job.host,
        "progress": None
        if step is None
        else Progress(
            label=step.label,
            unit=step.unit,
            done=step.done,
            total=step.total,
            rate=step.rate,
            left_s=step.left_s,
            said=step.said,
        ),
        "outcome": outcome(job),
        "error": job.error,
    }


def _served(here: Console, job: Job) -> str | None:
    return next((name for name, path in here.corpora.items() if located(path) == job.corpus), None)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
