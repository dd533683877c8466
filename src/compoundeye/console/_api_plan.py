"""Plans over HTTP: asked for, waited for, stopped; and a run beside its plan. The planner runs beside the server."""

from __future__ import annotations

import base64
import importlib.util
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from compoundeye.capacity import hardware_names, reliability_names
from compoundeye.console._plan_request import ActualRequest, PlanRequest
from compoundeye.console._plan_result import Planning, shown
from compoundeye.console._planner import Planner
from compoundeye.console._planning import NO_TORCH
from compoundeye.console._refusals import Unprocessable
from compoundeye.console._runs import Runs, changed
from compoundeye.console._state import Here, NotFound

router = APIRouter(tags=["plan"])

MODELS = (
    "vit-ti",
    "vit-s",
    "vit-b",
    "vit-l",
    "vit-h",
    "vit-so400m",
    "vit-g",
    "vit-giant",
    "vit-e",
    "vit-22b",
    "vit-200b",
)
"""What a form offers; one with patches of 14 pixels is vit-l/14."""
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Wait = Annotated[float, Query(ge=0, le=25, description="Seconds to wait for the answer, if there is none yet.")]


class Options(BaseModel):
    """What can be planned with."""

    possible: bool
    why_not: str | None
    """Why nothing can be planned here."""
    models: list[str]
    accelerators: list[str]
    networks: list[str]
    reliability: list[str]
    runs: list[str]


@router.get("/plan")
def options(here: Here) -> Options:
    """What can be planned with."""
    names = hardware_names()
    missing = next((one for one in ("torch", "simpy") if importlib.util.find_spec(one) is None), None)
    return Options(
        possible=missing is None,
        why_not=None if missing is None else NO_TORCH.format(missing),
        models=list(MODELS),
        accelerators=list(names.accelerators),
        networks=list(names.networks),
        reliability=list(reliability_names()),
        runs=[row.name for row in here.part(Runs).all()],
    )


@router.post("/plan", status_code=202)
def begin(here: Here, asked: PlanRequest) -> Planning:
    """Plan a training. The same question again gives the same answer, at once."""
    folder = None if asked.run is None else str(here.part(Runs).open(asked.run).path)
    _check(asked.gpu, asked.network, asked.storage, asked.reliability)
    return shown(here.part(Planner).ask("plan", asked.model_dump(mode="json"), folder, _of(folder, "settings.json")))


@router.post("/plan/actual", status_code=202)
def begin_actual(here: Here, asked: ActualRequest) -> Planning:
    """Lay a run beside its plan."""
    folder = str(here.part(Runs).open(asked.run).path)
    _check(asked.gpu, asked.network, None, None)
    fresh = _of(folder, "settings.json", "status.json", "metrics.jsonl")
    return shown(here.part(Planner).ask("actual", asked.model_dump(mode="json"), folder, fresh))


@router.get("/plan/{id}")
def look(here: Here, id: Id, wait: Wait = 0) -> Planning:  # noqa: A002
    """How far it is."""
    ticket = here.part(Planner).get(id)
    if wait:
        here.part(Planner).wait(ticket, wait)
    return shown(ticket)


@router.delete("/plan/{id}")
def stop(here: Here, id: Id) -> Planning:  # noqa: A002
    """Stop planning it."""
    ticket = here.part(Planner).get(id)
    here.part(Planner).stop(ticket)
    return shown(ticket)


@router.get("/plan/{id}/picture", response_class=Response, responses={200: {"content": {"image/png": {}}}})
def picture(here: Here, id: Id) -> Response:  # noqa: A002
    """What each stage does in a step, and what a GPU holds meanwhile: PNG."""
    result = here.part(Planner).get(id).result
    if result is None or not result.get("picture"):
        raise NotFound("there is no picture of this plan")
    return Response(
        base64.b64decode(result["picture"]), media_type="image/png", headers={"Cache-Control": "private, max-age=3600"}
    )


def _check(gpu: str | None, network: str | None, storage: str | None, reliability: str | None) -> None:
    """Names are looked up before anything is begun: a word mistyped is told at once."""
    known = hardware_names()
    for what, name, names in (
        ("gpu", gpu, known.accelerators),
        ("network", network, known.networks),
        ("storage", storage, known.networks),
        ("reliability", reliability, reliability_names()),
    ):
        if name is not None and name not in names:
            raise Unprocessable(f"{what}: there is {', '.join(names)}")


def _of(folder: str | None, *names: str) -> object:
    return None if folder is None else changed(FilePath(folder), *names)
