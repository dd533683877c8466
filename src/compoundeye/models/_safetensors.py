"""Tensors from safetensors files: memory-mapped, checked against the shape the code expects, never unpickled.

Format: https://github.com/huggingface/safetensors (a JSON header, then raw little-endian tensors), read by that
package's own numpy reader. Half precision (float16, bfloat16) is widened to float32; the runtime chooses its
own precision later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  registers "bfloat16" with numpy, which the reader asks for by name
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from compoundeye.models._error import WeightsError

Float32 = npt.NDArray[np.float32]

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The weight files of a folder in the hub's layout: one ``model.safetensors``, or the shards its index names.

    Raises:
        WeightsError: there are none, only pickled ones, or a shard is missing.
    """
    if (folder / SINGLE).is_file():
        return (folder / SINGLE,)
    if (folder / INDEX).is_file():
        return _shards(folder)
    pickled = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(pattern))
    if pickled:
        raise WeightsError(
            f"{folder} holds {pickled[0]}, a pickle, which can run code and is never read: "
            f"download or convert {SINGLE} instead"
        )
    raise WeightsError(f"{folder} has no {SINGLE}: download it beside config.json")


def _shards(folder: Path) -> tuple[Path, ...]:
    index = read_json(folder / INDEX)
    table = index.get("weight_map")
    if not isinstance(table, dict) or not table or not all(isinstance(name, str) for name in table.values()):
        raise WeightsError(f"{folder / INDEX} names no shards (no weight_map): download it again")
    names = sorted(set(table.values()))
    for name in names:
        # The index is foreign text: a shard may only be a plain file beside it.
        if Path(name).name != name:
            raise WeightsError(f"{folder / INDEX} points outside its folder ({name!r}): do not trust these weights")
        if not (folder / name).is_file():
            raise WeightsError(f"{folder} lacks {name}, one of {len(names)} shards: download it")
    return tuple(folder / name for name in names)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        WeightsError: the file is missing, is not JSON, or is not an object.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{path.parent} has no {path.name}: download it beside the weights") from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"cannot read {path}: {error}") from error
    if not isinstance(value, dict):
        raise WeightsError(f"{path} is not a JSON object: download it again")
    return value


class Checkpoint:
    """The tensors of one or more safetensors files under their published names."""

    def __init__(self, owners: Mapping[str, tuple[Path, Any]]) -> None:
        self._owners = owners

    def __contains__(self, name: str) -> bool:
        return name in self._owners

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor, from the header alone.

        Raises:
            WeightsError: there is no such tensor.
        """
        return tuple(self._owner(name)[1].get_slice(name).get_shape())

    def take(self, name: str, *shape: int) -> Float32:
        """A tensor as float32, of exactly this shape.

        Raises:
            WeightsError: the tensor is missing, has another shape, or is not of floating point.
        """
        path, file = self._owner(name)
        found = self.shape(name)
        if found != shape:
            raise WeightsError(
                f"tensor {name} of {path} has shape {list(found)} where config.json implies {list(shape)}: "
                "the two files are not of the same model"
            )
        kind = file.get_slice(name).get_dtype()
        if kind not in {"F16", "BF16", "F32", "F64"}:
            raise WeightsError(f"tensor {name} of {path} is of type {kind}: only floating-point weights are read")
        return np.asarray(file.get_tensor(name), dtype=np.float32, order="C")

    def _owner(self, name: str) -> tuple[Path, Any]:
        try:
            return self._owners[name]
        except KeyError:
            places = " and ".join(sorted({str(path) for path, _ in self._owners.values()}))
            raise WeightsError(f"tensor {name} is missing from {places}: not the model config.json describes") from None


@contextmanager
def open_checkpoint(files: Sequence[Path]) -> Iterator[Checkpoint]:
    """Open safetensors files together; tensors are read only when taken.

    Raises:
        WeightsError: a file is truncated, not safetensors, or a Git LFS pointer left in place of the weights.
    """
    with ExitStack() as stack:
        owners: dict[str, tuple[Path, Any]] = {}
        for path in files:
            file = stack.enter_context(_open(path))
            owners.update(dict.fromkeys(file.keys(), (path, file)))
        yield Checkpoint(owners)


def _open(path: Path) -> Any:
    with path.open("rb") as start:
        if start.read(len(_LFS_POINTER)) == _LFS_POINTER:
            raise WeightsError(f"{path} is a Git LFS pointer, not the weights: run 'git lfs pull' there")
    try:
        return safe_open(path, framework="numpy")
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged or not safetensors ({error}): download it again") from error
