"""``/models``: the catalogue, to choose from."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from compoundeye.console._api_models import models
from compoundeye.console._templates import render

router = APIRouter()


@router.get("/models")
def page(request: Request) -> Response:
    """All models, those of this server first."""
    found = sorted(models(), key=lambda one: (not one.yours, not one.present))
    return render(request, "models.html", page="models", models=found)
