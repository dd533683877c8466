"""Optimisers by library, with weight decay where it belongs and one learning rate for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from compoundeye.nets import MarginSoftmax, SampledAdamW, SampledSGD
from compoundeye.train._settings import Optimiser

_MATRIX = 2


def optimisers(model: nn.Module, settings: Optimiser) -> list[torch.optim.Optimizer]:
    """The optimisers of a model: one, or for Muon one for the blocks' matrices and AdamW for the rest.

    A margin softmax has one of its own, which changes only the classes that took part in the step.

    Muon: Jordan et al., 2024, for hidden matrices only, with updates scaled to those of AdamW (Liu et al., 2025,
    arXiv:2502.16982). Vectors (biases, norms, scales) are never decayed.
    """
    heads = [one for one in model.modules() if isinstance(one, MarginSoftmax)]
    spared = {id(one.weight) for one in heads}
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad and id(p) not in spared]
    hidden = [(n, p) for n, p in named if settings.name == "muon" and _is_hidden(n, p)]
    others = [(n, p) for n, p in named if not any(p is q for _, q in hidden)] if hidden else named
    found: list[torch.optim.Optimizer] = [_of_head(head, settings) for head in heads]
    if hidden:
        groups = _groups(hidden, settings)
        found.append(
            torch.optim.Muon(
                groups,
                lr=settings.learning_rate,
                weight_decay=settings.weight_decay,
                momentum=settings.momentum,
                adjust_lr_fn="match_rms_adamw",
            )
        )
    if not others:
        return found
    groups = _groups(others, settings)
    if settings.name == "sgd":
        found.append(torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum, nesterov=True))
    else:
        found.append(torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas))
    return found


def set_rate(optimisers: Iterable[torch.optim.Optimizer], learning_rate: float) -> None:
    """Give every group its learning rate."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * group["factor"]


def _of_head(head: MarginSoftmax, settings: Optimiser) -> torch.optim.Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.name == "sgd":
        return SampledSGD(head, rate, momentum=settings.momentum, weight_decay=decay)
    return SampledAdamW(head, rate, betas=settings.betas, weight_decay=decay)


def _is_hidden(name: str, parameter: nn.Parameter) -> bool:
    return parameter.ndim == _MATRIX and ".blocks." in f".{name}" and not name.endswith("bias")


def _groups(named: list[tuple[str, nn.Parameter]], settings: Optimiser) -> list[dict[str, Any]]:
    """Parameters by whether they decay and whether they are the backbone's."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in named:
        # Biases of experts are stacked, and still no matrices.
        matrix = parameter.ndim >= _MATRIX and not name.endswith("bias")
        groups.setdefault((matrix, name.startswith("backbone.")), []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": settings.weight_decay if decays else 0.0,
            "factor": settings.backbone_rate if backbone else 1.0,
        }
        for (decays, backbone), parameters in groups.items()
    ]
