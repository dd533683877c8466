"""Which layouts a training takes: every rule by which `compoundeye.train` refuses one, asked before anything is built.

Two kinds: what train refuses with an error, and what it would run with processes that do nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch

from compoundeye.nets import ViT, ViTConfig, build
from compoundeye.records import EyeError
from compoundeye.train import Plan, Settings


def shape_of(settings: Settings) -> ViTConfig:
    """What the network that is trained is made of.

    Raises:
        EyeError: there is no such network, or it is no vision transformer.
    """
    options = {"image": settings.data.view.size, **settings.model.options}
    return _shape(settings.model.name, json.dumps(options, sort_keys=True))


@lru_cache(maxsize=64)
def _shape(name: str, options: str) -> ViTConfig:
    with torch.device("meta"):
        backbone = build(name, **json.loads(options))
    if not isinstance(backbone, ViT):
        raise EyeError(f"a plan is made for vision transformers, and {name} is none: choose one, such as vit-b/16")
    return backbone.config


def refusal(settings: Settings, plan: Plan) -> tuple[str, str] | None:
    """Why a training would not take a layout: (a short name of the rule, one sentence); None if it would.

    Args:
        settings: of the training; their own plan is not looked at.
        plan: fitted to the world size.

    Raises:
        EyeError: the settings' network is no vision transformer.
    """
    shape = shape_of(settings)
    for rule in _RULES:
        if found := rule(settings, plan, shape):
            return rule.__name__.strip("_").replace("_", " "), found
    return None


def _pipeline_of_this_task(settings: Settings, plan: Plan, shape: ViTConfig) -> str | None:
    """train/_settings.py."""
    del shape
    task = settings.task
    if plan.pipeline > 1 and (task.kind != "classify" or task.mixup or task.cutmix):
        return "a pipeline is for task classify, without mixup and cutmix"
    return None


def _blocks_divide(settings: Settings, plan: Plan, shape: ViTConfig) -> str | None:
    """train/_pipeline.py."""
    del settings
    stages = plan.pipeline * plan.chunks
    if plan.pipeline > 1 and shape.depth < stages:
        return f"{shape.depth} blocks do not make {stages} stages of a pipeline"
    return None


def _microbatches_divide(settings: Settings, plan: Plan, shape: ViTConfig) -> str | None:
    """train/_pipeline.py."""
    del settings, shape
    parts = max(plan.microbatches, plan.pipeline)
    if plan.pipeline > 1 and plan.chunks > 1 and parts % plan.pipeline:
        return f"with chunks, {parts} microbatches have to be a multiple of the pipeline's {plan.pipeline} processes"
    return None


def _heads_divide(settings: Settings, plan: Plan, shape: ViTConfig) -> str | None:
    """train/_sequence.py."""
    del settings
    if shape.heads % (plan.context * plan.tensor):
        return f"{shape.heads} heads do not divide into context {plan.context} x tensor {plan.tensor}"
    return None


def _hidden_units_divide(settings: Settings, plan: Plan, shape: ViTConfig) -> str | None:
    """train/_tensor.py."""
    del settings
    hidden = shape.hidden or 4 * shape.width
    if plan.tensor > 1 and hidden % plan.tensor:
        return f"{hidden} hidden units do not divide into tensor {plan.tensor}"
    return None


def _experts_are_not_split_by_tensor(settings: Settings, plan: Plan, shape: ViTConfig) -> str | None:
    """train/_tensor.py."""
    del settings
    if plan.tensor > 1 and shape.experts:
        return "a mixture of experts is not split by tensor"
    return None


def _tokens_divide(settings: Settings, plan: Plan, shape: ViTConfig) -> str | None:
    """train/_sequence.py: with experts, and where hidden patches leave fewer tokens."""
    ways = plan.context * plan.tensor
    more = -shape.tokens % ways
    if more and shape.experts:
        return f"{shape.tokens} tokens do not divide into {ways}, and experts cannot pass over tokens that fill up"
    if settings.task.kind == "masked" and ways > 1:
        patches = (shape.image // shape.patch) ** 2
        seen = shape.extra + patches - round(settings.task.masked * patches)
        if more or seen % ways:
            return f"{seen} tokens of masked pictures do not divide into context x tensor = {ways}"
    return None


def _data_ranks_divide(settings: Settings, plan: Plan, shape: ViTConfig) -> str | None:
    """train/_layout.py."""
    del settings, shape
    if plan.data % plan.expert:
        return f"expert {plan.expert} does not divide the {plan.data} data ranks"
    return None


def _experts_divide(settings: Settings, plan: Plan, shape: ViTConfig) -> str | None:
    """train/_experts.py."""
    del settings
    if plan.expert == 1 or not shape.experts:
        return None
    if shape.experts % plan.expert:
        return f"{shape.experts} experts do not divide into expert {plan.expert}"
    copies = plan.data * plan.context // plan.expert
    for units in (shape.hidden or 4 * shape.width, shape.width):
        if units % copies:
            return f"{units} units of an expert do not divide into the {copies} processes that hold it"
    return None


def _compiling_goes_with_it(settings: Settings, plan: Plan, shape: ViTConfig) -> str | None:
    """train/_parallel.py."""
    del settings, shape
    if plan.compile and plan.tensor > 1 and plan.activation_checkpointing == "selective":
        return "compile and tensor do not go with activation_checkpointing selective"
    return None


def _ranks_have_work(settings: Settings, plan: Plan, shape: ViTConfig) -> str | None:
    """Train would run these, with processes that do nothing."""
    if plan.data > settings.data.batch:
        return f"{plan.data} data ranks share {settings.data.batch} pictures: some would have none"
    if plan.expert > 1 and not shape.experts:
        return f"expert {plan.expert} of a network without experts"
    return None


_RULES: tuple[Callable[[Any, Any, Any], str | None], ...] = (
    _pipeline_of_this_task,
    _blocks_divide,
    _microbatches_divide,
    _heads_divide,
    _experts_are_not_split_by_tensor,
    _hidden_units_divide,
    _tokens_divide,
    _data_ranks_divide,
    _experts_divide,
    _compiling_goes_with_it,
    _ranks_have_work,
)
