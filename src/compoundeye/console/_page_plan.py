"""``/plan``: what a training will need before it is paid for; what is asked stands in the address."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from compoundeye.console._api_plan import options
from compoundeye.console._state import Here
from compoundeye.console._templates import render

router = APIRouter()


@router.get("/plan")
def page(request: Request, here: Here) -> Response:
    """The form; answers come by the script."""
    return render(request, "plan.html", page="plan", options=options(here).model_dump(mode="json"))
