"""A plan as the API tells it: from what the planner's process answered to typed figures."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, JsonValue

from compoundeye.console._plan_request import PlanRequest, command
from compoundeye.console._planner import Ticket


class Amount(BaseModel):
    """A part of a whole."""

    name: str
    value: float


class Layout(BaseModel):
    """A way to spread the training, with what it takes."""

    plan: dict[str, JsonValue]
    step_s: float
    mfu: float
    pictures_per_s: float
    memory_bytes: float
    free_bytes: float


class Count(BaseModel):
    """A number of GPUs beside others."""

    gpus: int
    nodes: int
    days: float | None
    gpu_hours: float | None
    mfu: float
    goodput: float
    watts: float
    cost: float | None


class Saved(BaseModel):
    """A checkpoint."""

    bytes: float
    write_s: float
    every_s: float
    every_steps: int


class Kept(BaseModel):
    """The share of the paid time in which the training goes forward."""

    fraction: float
    low: float
    high: float
    between_failures_s: float
    spares: int
    by: str
    """Whose failure rates were taken."""
    lost: list[Amount]


class Fed(BaseModel):
    """What feeding it with pictures takes."""

    wanted_per_s: float
    limits: list[Amount]
    """Pictures a second that each part can give."""
    bound: str
    cores_per_gpu: float
    cores_per_gpu_given: float
    bytes_per_s_node: float
    corpus_bytes: float
    fits_on_disks: bool
    requests: float


class TermRow(BaseModel):
    """One figure, how it came about and where it is from."""

    key: str
    value: float | None
    unit: str
    kind: str
    formula: str
    source: str


class PlanResult(BaseModel):
    """A plan of a training: of the best number of GPUs, if several were asked for."""

    model: str
    parameters: int
    classes: int
    gpus: int
    nodes: int
    gpu: str
    network: str
    batch: int
    considered: int
    """Layouts that were looked at."""
    layouts: list[Layout]
    """The best first."""
    memory: list[Amount]
    """Bytes of a GPU by what holds them, at the peak."""
    step: list[Amount]
    """Seconds of a step by what they are spent on."""
    pictures: int
    steps: int
    epochs: float | None
    pictures_per_s: float
    mfu: float
    days: float | None
    days_without_failures: float
    gpu_hours: float | None
    watts: float
    kilowatt_hours: float | None
    cost: float | None
    checkpoint: Saved
    goodput: Kept
    data: Fed
    compared: list[Count]
    remarks: list[str]
    terms: list[TermRow]
    recipe: str
    """TOML that `eye train` takes."""
    picture: str | None
    """Address of the picture of a step."""
    command: str
    """The same at a terminal."""


class ActualRow(BaseModel):
    """A figure of a run beside its plan."""

    key: str
    unit: str
    planned: float | None
    measured: float | None
    ratio: float | None
    source: str


class ActualResult(BaseModel):
    """A run beside the plan of what it was told to do."""

    run: str
    state: str
    step: int
    steps: int | None
    processes: int
    accelerator: str
    rows: list[ActualRow]
    remarks: list[str]
    terms: list[TermRow]


class Planning(BaseModel):
    """A question, and its answer once there is one."""

    id: str
    kind: Literal["plan", "actual"]
    state: Literal["waiting", "running", "done", "failed", "stopped"]
    error: str | None
    plan: PlanResult | None = None
    actual: ActualResult | None = None


def shown(ticket: Ticket) -> Planning:
    """A question with its answer."""
    kind, result = ticket.question["kind"], ticket.result
    found = Planning(id=ticket.id, kind=kind, state=ticket.state, error=ticket.error)
    if result is not None and kind == "actual":
        found.actual = ActualResult.model_validate(result)
    elif result is not None:
        found.plan = _plan(ticket.id, result, PlanRequest.model_validate(ticket.question["wanted"]))
    return found


def _plan(id: str, told: Mapping[str, Any], asked: PlanRequest) -> PlanResult:  # noqa: A002
    budget, saved, kept, fed = told["budget"], told["checkpoint"], told["goodput"], told["data"]
    same = ("model", "parameters", "classes", "gpus", "nodes", "gpu", "network", "batch", "considered", "mfu", "days")
    more = ("gpu_hours", "watts", "kilowatt_hours", "cost", "compared", "remarks", "terms", "recipe")
    return PlanResult(
        **{name: told[name] for name in (*same, *more)},
        layouts=[_layout(one, told["batch"]) for one in told["best"]],
        memory=_amounts(told["chosen"]["memory"]["parts"]),
        step=_amounts(told["step_parts"]),
        pictures=budget["pictures"],
        steps=budget["steps"],
        epochs=budget["epochs"],
        pictures_per_s=told["pictures_per_second"],
        days_without_failures=told["seconds"] / 86_400,
        checkpoint=Saved(
            bytes=saved["bytes"], write_s=saved["write"], every_s=saved["interval"], every_steps=told["save_every"]
        ),
        goodput=Kept(
            **{name: kept[name] for name in ("fraction", "low", "high", "spares", "by")},
            between_failures_s=kept["mttf"],
            lost=_amounts(kept["lost"]),
        ),
        data=Fed(
            wanted_per_s=fed["pictures_per_second"],
            limits=_amounts(fed["limits"]),
            bytes_per_s_node=fed["bytes_per_second_node"],
            fits_on_disks=fed["cache_fits"],
            **{
                name: fed[name]
                for name in ("bound", "cores_per_gpu", "cores_per_gpu_given", "corpus_bytes", "requests")
            },
        ),
        picture=f"/api/v1/plan/{id}/picture" if told["picture"] else None,
        command=shlex.join(command(asked)),
    )


def _layout(one: Mapping[str, Any], batch: int) -> Layout:
    time, memory = one["time"], one["memory"]
    return Layout(
        plan=one["plan"],
        step_s=time["total"],
        mfu=time["mfu"],
        pictures_per_s=batch / time["total"],
        memory_bytes=memory["peak"],
        free_bytes=one["free"],
    )


def _amounts(parts: Mapping[str, float]) -> list[Amount]:
    """The largest first; what is nothing is left out."""
    return [Amount(name=name, value=value) for name, value in sorted(parts.items(), key=lambda one: -one[1]) if value]
