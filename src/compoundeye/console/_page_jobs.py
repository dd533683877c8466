"""``/jobs``: what runs, and forms to start more; ``/jobs/{id}``: one of them, live."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from compoundeye.console._api_jobs import JobPage, detail_of, jobs
from compoundeye.console._job_commands import DEFAULT_MODEL
from compoundeye.console._jobs import jobs_of
from compoundeye.console._roots import local
from compoundeye.console._state import Console, Here
from compoundeye.console._templates import render
from compoundeye.models import catalogue_rows

router = APIRouter()


@router.get("/jobs")
def page(request: Request, here: Here) -> Response:
    """The list and the forms."""
    found: JobPage = jobs(here)
    first = found.model_dump(mode="json")
    return render(request, "jobs.html", page="jobs", jobs=first, setup=_setup(here))


@router.get("/jobs/{id}")
def one(request: Request, here: Here, id: str) -> Response:  # noqa: A002
    """One job."""
    job = detail_of(here, here.part(jobs_of).get(id)).model_dump(mode="json", exclude={"result"})
    return render(request, "job.html", page="jobs", job=job)


def _setup(here: Console) -> dict[str, Any]:
    """What the forms offer: what this console may read from, and the models by what they can do."""
    models = [
        {
            "name": row.name,
            "labels": row.labels is not None,
            "text": row.text,
            "present": row.present,
            "megabytes": row.megabytes,
            "metric": row.metric,
        }
        for row in catalogue_rows()
        if row.task != "detect"  # these find things, and say nothing of a picture as a whole
    ]
    addresses = [root.partition("?")[0] for root in here.served.roots if "://" in root]
    return {
        "roots": local(here.served.roots),
        "addresses": addresses,
        "models": models,
        "default_model": DEFAULT_MODEL,
    }
