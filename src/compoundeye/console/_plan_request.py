"""What a plan can be asked for: the same as `eye plan`, but nothing that reads or names a file of the server."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MOST_GPUS = 131_072
NETWORK = r"vit-[a-z0-9]+(/[1-9]\d{0,2})?"
"""What is planned, and made from its name alone. `compoundeye.nets` knows more: folders, and weights to fetch."""
_SECTIONS = r"data\.batch|data\.view\.[a-z_]+|(model\.options|task|optimiser|plan)\.[a-z_]+"
_SETTING = rf"^({_SECTIONS})=[^\n]{{1,100}}$"
_FORBIDDEN = re.compile(r"^(task\.tokenizer|model\.options\.pretrained)=")

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""Of hardware, a network between nodes, failure rates: never a path."""
Positive = Annotated[float, Field(gt=0, lt=1e18)]


class PlanRequest(BaseModel):
    """A training to plan. Give ``model``, or ``run`` for what a run was told to do."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, StringConstraints(pattern=f"^{NETWORK}$", max_length=100)] | None = None
    """Such as vit-22b or vit-l/14."""
    run: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    change: Annotated[list[Annotated[str, StringConstraints(pattern=_SETTING)]], Field(max_length=50)] = []
    """``section.key=value`` each, as `eye plan --set` takes them."""
    gpus: Annotated[list[Annotated[int, Field(ge=1, le=MOST_GPUS)]], Field(min_length=1, max_length=6)] = [8]
    """Several to compare."""
    gpu: Name = "h100"
    network: Name | None = None
    """Between nodes; what such nodes usually have if null."""
    storage: Name = "storage-100"
    layout: Annotated[str, StringConstraints(pattern=r"^[a-z_]+=\w+(,[a-z_]+=\w+)*$", max_length=300)] | None = None
    """Judge this one, without a search: ``tensor=8,pipeline=4``."""
    by: Literal["time", "cost"] = "time"
    """What the best number of GPUs is chosen by."""
    classes: Annotated[int, Field(ge=2, le=10**9)] | None = None
    pictures: Annotated[int, Field(ge=1, le=10**15)] | None = None
    """Of the corpus."""
    epochs: Positive | None = None
    pictures_total: Positive | None = None
    tokens: Positive | None = None
    picture_bytes: Positive | None = None
    store: Literal["disk", "object"] = "disk"
    reliability: Name = "llama3"
    spares: Annotated[int, Field(ge=0, le=MOST_GPUS)] | None = None
    elastic: bool = False
    price: Positive | None = None
    """Of a GPU-hour, in your currency."""
    most: Annotated[int, Field(ge=1, le=20)] = 3
    """Layouts that are shown."""

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.model is None) == (self.run is None):
            raise ValueError("give model or run, one of them")
        if any(_FORBIDDEN.match(one) for one in self.change):
            raise ValueError("a file of the server cannot be named here")
        if sum(one is not None for one in (self.epochs, self.pictures_total, self.tokens)) > 1:
            raise ValueError("give one budget: epochs, pictures_total or tokens")
        return self


class ActualRequest(BaseModel):
    """A run to lay beside its plan."""

    model_config = ConfigDict(extra="forbid")

    run: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    gpu: Name | None = None
    """What it ran on, where its own notes do not say."""
    network: Name | None = None


def command(asked: PlanRequest) -> list[str]:
    """What somebody at a terminal would type for the same plan; of a run, what names its settings is left open."""
    words = ["eye", "plan", *(["--model", asked.model] if asked.model else ["RECIPE"])]
    usual = PlanRequest(model="vit-b")
    options = {"set": asked.change, "gpus": asked.gpus}
    names = [name for name in PlanRequest.model_fields if name not in ("model", "run", "change", "gpus", "elastic")]
    options |= {name: getattr(asked, name) for name in names if getattr(asked, name) != getattr(usual, name)}
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            words += [f"--{name.replace('_', '-')}", f"{one:g}" if isinstance(one, float) else str(one)]
    return [*words, *(["--elastic"] if asked.elastic else [])]
