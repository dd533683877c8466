"""Tensors to files and back, each process its part, in the format of `torch.distributed.checkpoint`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.distributed.checkpoint import DefaultLoadPlanner, DefaultSavePlanner, FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.metadata import Metadata, MetadataIndex, TensorStorageMetadata
from torch.distributed.checkpoint.planner import SavePlan
from torch.distributed.checkpoint.storage import WriteResult
from torch.distributed.tensor import DTensor

from compoundeye.train._digest import Digest, DigestingFiles
from compoundeye.train._peers import CheckpointError, Peers


class Written(NamedTuple):
    """What one process wrote."""

    results: list[WriteResult]
    digests: dict[str, Digest]


class ShardWriter:
    """Writes parts of tensors. Who writes what is agreed once, as long as the tensors stay what they are.

    What several processes hold alike is written by one of them, each about as much.
    """

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._signature: int | None = None
        self._plan: SavePlan | None = None
        self._metadata: Metadata | None = None

    def needed(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Those of the tensors that this process is going to write: all of them until that is agreed."""
        if self._plan is None or _signature(tensors) != self._signature:
            return dict(tensors)
        mine = {item.index.fqn for item in self._plan.items}
        return {name: tensor for name, tensor in tensors.items() if name in mine}

    def write(self, folder: Path, tensors: Mapping[str, Tensor], parts: Mapping[str, Tensor]) -> Digests:
        """Write what this process has to. All processes call it.

        Args:
            tensors: all of them, for their names, shapes and places in the mesh only.
            parts: the local parts of the `needed` ones, on the processor.

        Returns:
            Digests of the files of all processes, on the first; nothing on the others.
        """
        planner = _Planner(parts)
        planner.set_up_planner(dict(tensors), is_coordinator=self._peers.first)
        writer = FileSystemWriter(folder, overwrite=False)
        writer.fs = files = DigestingFiles()
        writer.set_up_storage_writer(self._peers.first)
        try:
            plan = self._agreed(planner, writer, tensors)

            def work() -> Written:
                done = writer.write_data(planner.finish_plan(plan), planner).wait()
                return Written(done, files.digests)

            def conclude(written: list[Written]) -> None:
                assert self._metadata is not None
                writer.finish(self._metadata, [one.results for one in written])
                for one in written:
                    files.digests.update(one.digests)

            self._peers.conclude(work, conclude)
        except CheckpointError:
            self._plan = self._metadata = self._signature = None
            raise
        return files.digests if self._peers.first else {}

    def _agreed(self, planner: _Planner, writer: FileSystemWriter, tensors: Mapping[str, Tensor]) -> SavePlan:
        signature = _signature(tensors)
        if all(self._peers.everyone(lambda: signature == self._signature)) and self._plan is not None:
            return self._plan

        def plan_all(plans: list[SavePlan]) -> list[SavePlan]:
            together, self._metadata = planner.create_global_plan(plans)
            return writer.prepare_global_plan(together)

        self._plan = self._peers.share_out(
            lambda: writer.prepare_local_plan(planner.create_local_plan()),
            plan_all,
        )
        self._signature = signature
        return self._plan


Digests = dict[str, Digest]


class ShardReader:
    """Reads tensors of a folder, on any number of processes: each takes what it needs by itself."""

    def __init__(self, folder: Path) -> None:
        self._reader = FileSystemReader(folder)
        self._metadata = self._reader.read_metadata()

    @property
    def tensors(self) -> dict[str, tuple[torch.Size, torch.dtype]]:
        """Shape and type of each tensor."""
        return {
            name: (one.size, one.properties.dtype)
            for name, one in self._metadata.state_dict_metadata.items()
            if isinstance(one, TensorStorageMetadata)
        }

    def read(self, into: Mapping[str, Tensor]) -> None:
        """Fill tensors, whole or this process's parts of them, in place."""
        planner = DefaultLoadPlanner(flatten_state_dict=False, flatten_sharded_tensors=False)
        planner.set_up_planner(dict(into), self._metadata, is_coordinator=False)
        self._reader.set_up_storage_reader(self._metadata, is_coordinator=False)
        plan = planner.finish_plan(self._reader.prepare_local_plan(planner.create_local_plan()))
        self._reader.read_data(plan, planner).wait()


class _Planner(DefaultSavePlanner):
    """Plans by the live tensors, writes their staged parts."""

    def __init__(self, parts: Mapping[str, Tensor]) -> None:
        super().__init__(flatten_state_dict=False, flatten_sharded_tensors=False)
        self._parts = parts

    def lookup_object(self, index: MetadataIndex) -> Any:
        """The part that goes to the file."""
        return self._parts[index.fqn]


def _signature(tensors: Mapping[str, Tensor]) -> int:
    """Differs when a plan made before no longer fits; compared within one process only."""
    described = (
        (name, tensor.shape, tensor.dtype, tensor.placements if isinstance(tensor, DTensor) else None)
        for name, tensor in tensors.items()
    )
    return hash(tuple(described))
