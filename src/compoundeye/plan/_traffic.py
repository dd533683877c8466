"""Collectives that a rank takes part in, counted as they are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor

from compoundeye.plan._executed import Sent
from compoundeye.plan._operations import Dimension, Gathering, Phase
from compoundeye.records import EyeError
from compoundeye.train import Layout

_SPACES = ("c10d", "_c10d_functional", "_dtensor")
_KINDS: Mapping[str, Gathering] = {
    "allgather": "all_gather",
    "reducescatter": "reduce_scatter",
    "alltoall": "all_to_all",
    "allreduce": "all_reduce",
    "broadcast": "broadcast",
    "send": "send",
}
_REDUCTIONS = ("sum", "avg", "max", "min", "product")
_SILENT = ("wait_tensor", "recv", "barrier", "check_for_nan")
"""What a rank receives, another sends."""


class Traffic:
    """Bytes and calls by kind, group and phase. Groups of one rank send nothing and are left out."""

    def __init__(self, layout: Layout) -> None:
        self._dimensions = dimensions_of(layout)
        self._groups: dict[str, tuple[Dimension, int, int]] = {}
        self._found: dict[tuple[Any, ...], list[int]] = {}

    def saw(self, function: Any, arguments: tuple[Any, ...], result: Any, phase: Phase) -> None:
        """An operation was called; most are none of these."""
        if function.namespace not in _SPACES:
            return
        name = function.name().split("::")[1].split(".")[0]
        if name.startswith(_SILENT):
            return
        group = next(found for found in map(_group, arguments) if found is not None)
        dimension, size, stride = self._place(group)
        if size == 1:
            return
        key = (_kind(name), dimension, size, stride, phase)
        found = self._found.setdefault(key, [0, 0])
        found[0] += max(_bytes(one) for one in (*arguments, result))
        found[1] += 1

    def sent(self) -> tuple[Sent, ...]:
        """So far, in the order of the first call of each."""
        return tuple(
            Sent(kind, dimension, size, stride, total, count, phase)
            for (kind, dimension, size, stride, phase), (total, count) in self._found.items()
        )

    def restart(self) -> None:
        """Forget what was called so far."""
        self._found = {}

    def _place(self, group: dist.ProcessGroup) -> tuple[Dimension, int, int]:
        name = group.group_name
        if name not in self._groups:
            ranks = dist.get_process_group_ranks(group)
            stride = ranks[1] - ranks[0] if len(ranks) > 1 else 1
            self._groups[name] = (self._dimensions.get(name, "all"), len(ranks), stride)
        return self._groups[name]


def dimensions_of(layout: Layout) -> dict[str, Dimension]:
    """Dimensions by the names of their process groups."""
    found: dict[str, Dimension] = {}
    for mesh in (layout.mesh, layout.sharing, layout.seeing, layout.experts, layout.splitting):
        for dimension in range(0 if mesh is None else mesh.ndim):
            assert mesh is not None
            names = mesh.mesh_dim_names
            assert names is not None
            name = "shard" if names[dimension] == "shard_context" else names[dimension]
            found.setdefault(mesh.get_group(dimension).group_name, cast(Dimension, name))
    return found


def _kind(name: str) -> Gathering:
    plain = name.replace("_", "")
    for part, kind in _KINDS.items():
        if part in plain:
            return kind
    raise EyeError(f"the dry run does not know the collective {name}; please report this")


def _group(argument: Any) -> dist.ProcessGroup | None:
    if isinstance(argument, torch.ScriptObject):
        return dist.ProcessGroup.unbox(argument) if "ProcessGroup" in str(argument._type()) else None
    if isinstance(argument, dist.ProcessGroup):
        return argument
    if isinstance(argument, str) and argument not in _REDUCTIONS:
        return dist.distributed_c10d._resolve_process_group(cast(Any, argument))
    return None


def _bytes(value: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors_in(value))


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Tensors, also those in lists of lists."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from tensors_in(one)
