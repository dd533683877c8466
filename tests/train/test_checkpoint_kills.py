"""Checkpoints and what befalls a process in the midst of one: a kill at the worst moments, a full disk."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import run
from torch import distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from compoundeye.train import CheckpointError, Checkpoints
from compoundeye.train._checkpoint_folder import CheckpointFolder, Manifest
from compoundeye.train._digest import _Hashing


def state(step: int) -> dict[str, Any]:
    """A tensor that is cut into one part a process, all of it the number of the step."""
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    return {"x": distribute_tensor(torch.full((6, 4), float(step)), mesh, [Shard(0)])}


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_file() -> None:
    def write(self: _Hashing, data: Any) -> int:
        os.write(self.fileno(), bytes(data)[: len(data) // 2])
        die()
        return 0

    _Hashing.write = write


def before_the_manifest() -> None:
    Manifest.write = die


def before_it_appears() -> None:
    CheckpointFolder.commit = die


def between_two_names() -> None:
    rename = Path.rename

    def once(self: Path, target: Path) -> Path:
        found = rename(self, target)
        if target.name.startswith(".replaced-"):
            die()
        return found

    Path.rename = once


def in_a_removal() -> None:
    def half(folder: Path) -> None:
        next(folder.glob("*.distcp")).unlink()
        die()

    shutil.rmtree = half


def killed(folder: Path, moment: str, rank: int, step: int) -> None:
    """Save step 1, then another in which a process is killed."""
    checkpoints = Checkpoints(folder, keep=1)
    checkpoints.save(1, state(1), {"at": 1}, wait=True)
    if dist.get_rank() == rank:
        globals()[moment]()
    checkpoints.save(step, state(2), {"at": 2}, wait=True)


@pytest.mark.parametrize(
    ("moment", "world", "rank", "step", "newest"),
    [
        (in_a_file, 2, 1, 2, 1),
        (before_the_manifest, 2, 0, 2, 1),
        (before_it_appears, 1, 0, 2, 1),
        (between_two_names, 1, 0, 1, 1),
        (in_a_removal, 1, 0, 2, 2),
    ],
)
def test_a_kill_never_loses_a_checkpoint(
    tmp_path: Path, moment: Callable[[], None], world: int, rank: int, step: int, newest: int
) -> None:
    with pytest.raises(AssertionError, match="exit code -9"):
        run(killed, world, tmp_path, moment.__name__, rank, step)
    checkpoints = Checkpoints(tmp_path, keep=1)
    assert checkpoints.latest() == newest
    found = {"x": torch.zeros(6, 4)}
    assert checkpoints.load(found) == {"at": newest}
    assert (found["x"] == newest).all()
    checkpoints.save(3, found, {}, wait=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["step-00000003"]


def full_disk(folder: Path) -> list[int | None]:
    """One process cannot write step 2; both hear of it, and step 3 is written."""
    checkpoints = Checkpoints(folder)
    checkpoints.save(1, state(1), {}, wait=True)
    if dist.get_rank() == 1:
        kept = _Hashing.write

        def write(*_: object) -> int:
            _Hashing.write = kept
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        _Hashing.write = write
    checkpoints.save(2, state(2), {})
    with pytest.raises(CheckpointError, match=r"step 2 in .* was not written: process 1: .*No space left"):
        checkpoints.save(3, state(3), {})
    found = [checkpoints.latest()]
    checkpoints.save(3, state(3), {}, wait=True)
    return [*found, checkpoints.latest()]


def test_a_full_disk_is_told_to_every_process_at_its_next_call(tmp_path: Path) -> None:
    assert run(full_disk, 2, tmp_path) == [[1, 3], [1, 3]]
    found = {"x": torch.zeros(6, 4)}
    Checkpoints(tmp_path).load(found)
    assert (found["x"] == 3).all()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["step-00000001", "step-00000003"]
