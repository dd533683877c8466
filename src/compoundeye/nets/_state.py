"""Weights from files, as tensors under the names that their authors gave them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from compoundeye.models import weight_files
from compoundeye.records import EyeError

State = Mapping[str, Tensor]

_WITHIN = ("state_dict", "model", "teacher")
"""Where training programs put the weights in a file that holds more: timm's and Lightning's, MAE's, DINO's."""


def read_state(source: str | os.PathLike[str]) -> State:
    """The tensors of a file or a folder.

    Args:
        source: a ``.safetensors`` file, a folder with ``model.safetensors`` or shards with their index, or a PyTorch
            checkpoint. Of the last only tensors and plain containers are read, so it cannot run code.

    Raises:
        EyeError: the file is missing, damaged, or holds something else.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return {name: tensor for file in weight_files(path) for name, tensor in _safetensors(file).items()}
    if not path.is_file():
        raise EyeError(f"there are no weights at {path}: give a .safetensors or .pth file, or a folder that holds one")
    return _safetensors(path) if path.suffix == ".safetensors" else _checkpoint(path)


def _safetensors(path: Path) -> State:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise EyeError(f"{path} is damaged or not safetensors ({error}): fetch it again") from None


def _checkpoint(path: Path) -> State:
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can fail in any way; the user's answer is the same
        reason = str(error).partition("\n")[0]
        raise EyeError(f"{path} is not a checkpoint of tensors ({reason}): convert it, or fetch it again") from None
    for key in _WITHIN:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if isinstance(found, Mapping):
        tensors = {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, Tensor)}
        if tensors:
            return tensors
    raise EyeError(f"{path} holds no state dict: save module.state_dict() there")
