"""``/faces``: the people of the gallery of faces; ``/faces/people/PERSON`` one of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from compoundeye.console._api_faces import faces, person, summary
from compoundeye.console._state import Here
from compoundeye.console._templates import render

router = APIRouter()


@router.get("/faces")
def page(request: Request, here: Here) -> Response:
    """Everybody."""
    return render(request, "people.html", page="people", summary=summary(here))


@router.get("/faces/people/{number}")
def one(request: Request, here: Here, number: Annotated[int, Path(ge=1, le=2**53)]) -> Response:
    """Somebody and the faces."""
    found = person(here, number)
    first = faces(here, number)
    return render(
        request, "person.html", page="people", title=found.name or f"Group {found.id}",
        person=found.model_dump(mode="json"), first=first.model_dump(mode="json"),
    )  # fmt: skip
