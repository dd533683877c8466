"""Matrix products in float8 (Micikevicius et al., 2022, arXiv:2209.05433), by torchao."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from compoundeye.records import EyeError

_FIRST_CAPABLE = (8, 9)
"""Compute capability of Ada; Hopper is 9.0."""
_MULTIPLE = 16
"""Of both sides of a matrix that the GPU's float8 product can take."""


def convert_to_float8(block: nn.Module, device: torch.device) -> None:
    """Let a block's linear layers multiply in float8, each tensor scaled by its largest value of now, in place.

    Weights stay what they were, under their names; layers of which a side is not a multiple of 16 stay as they are.

    Raises:
        EyeError: torchao is not installed or the device has no float8.
    """
    convert, config = _torchao(device)
    convert(block, config=config, module_filter_fn=_fits)


def _torchao(device: torch.device) -> tuple[Any, Any]:
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < _FIRST_CAPABLE:
        raise EyeError("precision float8 needs a GPU of compute capability 8.9; set precision to bf16 in [plan]")
    try:
        from torchao.float8 import (  # type: ignore[import-not-found, unused-ignore]
            Float8LinearConfig,
            convert_to_float8_training,
        )
    except ImportError:
        raise EyeError("precision float8 needs torchao: pip install torchao, or set precision to bf16") from None
    return convert_to_float8_training, Float8LinearConfig()


def _fits(module: nn.Module, name: str) -> bool:
    del name
    return isinstance(module, nn.Linear) and not (module.in_features % _MULTIPLE or module.out_features % _MULTIPLE)
