"""``/runs``: what trainings left behind; ``/runs/NAME`` explains one; ``/runs/compare?run=A&run=B`` several."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from compoundeye.console._api_runs import MOST_RUNS, compared, run_detail, runs
from compoundeye.console._state import Here
from compoundeye.console._templates import render

router = APIRouter()


@router.get("/runs")
def page(request: Request, here: Here) -> Response:
    """The list."""
    return render(request, "runs.html", page="runs", found=runs(here).model_dump(mode="json"), most=MOST_RUNS)


@router.get("/runs/compare")
def several(
    request: Request, here: Here, run: Annotated[list[str], Query(min_length=1, max_length=MOST_RUNS)]
) -> Response:
    """Runs beside each other."""
    found = compared(here, list(dict.fromkeys(run))).model_dump(mode="json")
    return render(request, "runs_compare.html", page="runs", found=found)


@router.get("/runs/{name}")
def one(request: Request, here: Here, name: str) -> Response:
    """One run: its curves, and what its last validation says."""
    return render(request, "run.html", page="runs", run=run_detail(here, name).model_dump(mode="json"))
