"""Everything that decides a run, as one object: what a recipe holds and what a run folder keeps."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from compoundeye.train._plan import Plan
from compoundeye.train._view import View


class Section(BaseModel):
    """A part of the settings: complete, unchangeable, and without room for a misspelt key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Section):
    """One corpus to learn from."""

    path: str
    weight: float = Field(default=1.0, gt=0, description="share of the pictures, relative to the other corpora's")
    version: int | None = Field(default=None, description="of the corpus; the newest at the start if not given")
    where: str | None = Field(default=None, description="condition on its columns, besides that of [data]")


class Data(Section):
    """What is learnt from, and in which order."""

    corpora: tuple[Source, ...] = Field(min_length=1)
    target: str = Field(default="folder", description="label, folder, caption, metadata.KEY, none, or a result")
    where: str | None = Field(default=None, description="condition on columns: only these pictures")
    category: str | tuple[str, ...] | None = Field(default=None, description="only these; people's labels come first")
    min_confidence: float | None = Field(default=None, ge=0, le=1, description="of a category no person has confirmed")
    result: str = Field(default="category", description="which result of eye categorise is meant")
    balanced: bool = Field(default=False, description="every class as often as every other")
    batch: int = Field(default=128, ge=1, description="pictures a step, over all processes")
    view: View = View()
    lanes: int = Field(default=1, ge=1, description="independent readers; best a multiple of the processes")
    threads: int = Field(default=0, ge=0, description="decoding threads a process; 0: one a core")


class Validation(Section):
    """What a run is measured on."""

    where: str | None = Field(default=None, description="condition on columns; without one nothing is validated")
    corpora: tuple[Source, ...] = Field(default=(), description="those of [data] if not given")
    every: float = Field(default=1.0, gt=0, description="epochs between validations")
    batch: int = Field(default=256, ge=1)
    view: View | None = Field(default=None, description="[data.view] without chance if not given")


class Model(Section):
    """The network that is trained."""

    name: str = "vit-ti/16"
    pretrained: bool | str = Field(default=False, description="true: the catalogue's weights; or a file")
    options: dict[str, Any] = {}
    mean: tuple[float, float, float] | None = Field(default=None, description="of pixels; the network's if not given")
    deviation: tuple[float, float, float] | None = Field(default=None, description="of pixels, likewise")


class Decoder(Section):
    """What draws hidden patches, and is thrown away."""

    width: int | None = Field(default=None, description="half of the backbone's if not given")
    depth: int = Field(default=2, ge=1, description="blocks")


class TextSizes(Section):
    """The tower that reads captions."""

    width: int = Field(default=512, ge=1)
    depth: int = Field(default=12, ge=1)
    heads: int = Field(default=8, ge=1)
    length: int = Field(default=77, ge=3, description="most tokens of a caption")


class Task(Section):
    """What the network learns to do."""

    kind: Literal["classify", "margin", "contrastive", "masked"] = "classify"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    mixup: float = Field(default=0.0, ge=0, description="alpha of the Beta distribution; 0: none")
    cutmix: float = Field(default=0.0, ge=0)
    dimension: int = Field(default=512, ge=1, description="margin, contrastive: of the embedding")
    margin: float = Field(default=0.5, ge=0, description="margin: angle in radians (ArcFace)")
    scale: float = Field(default=64.0, gt=0, description="margin: of the cosines")
    sample: float = Field(default=1.0, gt=0, le=1, description="margin: share of the classes a step (Partial FC)")
    pairs: Literal["softmax", "sigmoid"] = Field(default="softmax", description="contrastive: CLIP's loss or SigLIP's")
    text: TextSizes = Field(default=TextSizes(), description="contrastive: the tower that reads captions")
    tokenizer: str | None = Field(default=None, description="contrastive: a tokenizer.json; bytes if not given")
    masked: float = Field(default=0.75, gt=0, lt=1, description="masked: share of the patches that are hidden")
    decoder: Decoder = Field(default=Decoder(), description="masked: what draws the hidden patches")


class Optimiser(Section):
    """How weights follow gradients."""

    name: Literal["adamw", "sgd", "muon"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.05, ge=0, description="of matrices and kernels; never of biases and norms")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="sgd (Nesterov), muon")
    betas: tuple[float, float] = (0.9, 0.999)
    warmup: float = Field(default=0.05, ge=0, le=1, description="share of the steps")
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    final: float = Field(default=0.0, ge=0, le=1, description="learning rate at the end, as a share of the highest")
    clip: float = Field(default=0.0, ge=0, description="most that the gradient's norm may be; 0: any")
    backbone_rate: float = Field(default=1.0, ge=0, description="factor of the backbone's learning rate; 0: frozen")
    ema: float = Field(default=0.0, ge=0, lt=1, description="decay of the averaged weights that are validated; 0: none")


class Saving(Section):
    """When checkpoints are written, and which stay."""

    every: int = Field(default=500, ge=1, description="steps")
    keep: int = Field(default=2, ge=1)


class Guard(Section):
    """What is done about a loss that explodes."""

    spike: float = Field(default=8.0, gt=0, description="so many deviations above the recent losses")
    window: int = Field(default=50, ge=10, description="steps that count as recent")
    rollbacks: int = Field(default=5, ge=0, description="so many, then the run stops")


class Settings(Section):
    """All of it. The same settings on the same corpus version give the same run."""

    name: str = Field(default="run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    seed: int = Field(default=0, ge=0)
    epochs: float = Field(default=1.0, gt=0)
    data: Data
    validation: Validation = Validation()
    model: Model = Model()
    task: Task = Task()
    optimiser: Optimiser = Optimiser()
    plan: Plan = Plan()
    saving: Saving = Saving()
    guard: Guard = Guard()
    log_every: int = Field(default=10, ge=1, description="steps between lines of metrics.jsonl")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        wanted = {"masked": "none", "contrastive": "caption"}.get(self.task.kind)
        if wanted is None and self.data.target in ("none", "caption"):
            raise ValueError(f"task {self.task.kind} needs classes: set data.target to folder, label or metadata.KEY")
        if wanted is not None and self.data.target != wanted:
            raise ValueError(f"task {self.task.kind} needs data.target = {wanted}")
        if self.plan.pipeline > 1 and (self.task.kind != "classify" or self.task.mixup or self.task.cutmix):
            raise ValueError("a pipeline is for task classify, without mixup and cutmix")
        return self
