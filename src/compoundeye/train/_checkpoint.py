"""Checkpoints: written in the background, whole or not at all, and read on any other mesh."""

from __future__ import annotations

import json
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from compoundeye.train._checkpoint_folder import CheckpointFolder, Manifest
from compoundeye.train._contents import Contents, Saved, contents, optimisers_of, put_back, restless, targets
from compoundeye.train._digest import damaged
from compoundeye.train._peers import CheckpointError, Peers
from compoundeye.train._random_states import random_states, set_random_states
from compoundeye.train._retention import Retention
from compoundeye.train._shards import ShardReader, ShardWriter
from compoundeye.train._staging import Staging, local


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)


class Checkpoints:
    """The checkpoints of a run, in a folder that all its processes see.

    A state is a dict of modules, optimisers (or a list of them), objects with ``state_dict`` and ``load_state_dict``,
    tensors (sharded or not), and values that JSON can hold. Every process passes the part it has; names decide what
    belongs together, so a checkpoint of 4 processes loads on 1, and one of 4 stages of a pipeline on 2. All processes
    make a `Checkpoints` and call its methods together; only `latest` is for one alone.

    A save copies the state into memory (buffers that stay) and returns; a thread writes it. A process killed at any
    time leaves the checkpoints before it as they were. The states of random number generators are kept for each process
    and restored if there are as many processes as there were. Reading verifies every file by SHA-256.

    Only load checkpoints that you trust: the index that `torch.distributed.checkpoint` keeps beside them is a pickle.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep: int | Retention = 3,
        process_group: dist.ProcessGroup | None = None,
        note: Callable[[str], None] = _warn,
    ) -> None:
        """
        Args:
            keep: so many of the newest stay, or a finer rule.
            process_group: processes that take part; all of them if not given.
            note: told what a user should know though the run goes on (a damaged checkpoint was passed over).
        """
        self.folder = Path(folder)
        self._keep = Retention(keep) if isinstance(keep, int) else keep
        self._peers = Peers(process_group)
        self._disk = CheckpointFolder(self.folder)
        self._note = note
        self._staging = Staging()
        self._writer = ShardWriter(self._peers)
        self._thread: threading.Thread | None = None
        self._failure: CheckpointError | None = None
        self._waiting: weakref.WeakSet[torch.optim.Optimizer] = weakref.WeakSet()

    def save(
        self,
        step: int,
        state: Mapping[str, Any],
        facts: Mapping[str, Any],
        *,
        wait: bool = False,
        overlap: bool = False,
    ) -> None:
        """Keep the state of now as the checkpoint of a step; an older one of the same step is replaced.

        Waits for the save before, if it still goes on: there is at most one at a time.

        Args:
            facts: what JSON can hold; `load` gives it back.
            wait: return when it is on the disk.
            overlap: return even before the state is copied, which then goes on beside the next forward and backward
                pass. The optimisers of the state wait for it before they step. Whoever else changes its tensors
                (swaps in averaged weights, say) calls `staged` before; buffers of modules may change at once.

        Raises:
            CheckpointError: the state cannot be saved, or the save *before* failed (say the disk is full). Then this
                one is not begun, and older checkpoints are as they were; call again to try again.
        """
        self.wait()
        try:
            known = json.loads(json.dumps(dict(facts)))
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"the facts of a checkpoint must be what JSON can hold: {error}") from None
        found = contents(state)
        mine = f"random.{self._peers.rank}"
        found.tensors.update({f"{mine}.{name}": one for name, one in random_states().items()})
        parts = {name: local(one) for name, one in self._writer.needed(found.tensors).items()}
        buffers = self._staging.reserve(parts)
        later: dict[str, Tensor] = {}
        if overlap and not wait:
            hasty = restless(state)
            later = {name: one for name, one in parts.items() if name not in hasty}
            self._let_wait(optimisers_of(state))
        self._staging.fill({name: one for name, one in parts.items() if name not in later})
        if not later:
            self._staging.issued()
            self._staging.finish()
        self._thread = threading.Thread(
            target=self._write, args=(step, found, later, buffers, known), name=f"checkpoint of step {step}"
        )
        self._thread.start()
        if wait:
            self.wait()

    def staged(self) -> None:
        """Return when the tensors of the last save may change."""
        self._staging.wait()

    def wait(self) -> None:
        """Return when no save goes on.

        Raises:
            CheckpointError: it failed; once.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    @property
    def writing(self) -> bool:
        """Whether a save still goes on in this process."""
        return self._thread is not None and self._thread.is_alive()

    def latest(self) -> int | None:
        """Step of the newest checkpoint of which every file is there in its size."""
        return next((step for step in reversed(self._disk.steps()) if self._disk.manifest(step) is not None), None)

    def load(self, state: Mapping[str, Any], step: int | None = None) -> dict[str, Any]:
        """Put a checkpoint into a state of the same names, on any number of processes; returns its facts.

        Tensors are filled in place. Without a step it is the newest that is whole: a damaged one is passed over with
        a note.

        Raises:
            CheckpointError: there is none (of that step) that is whole, or it does not fit the state.
        """
        self.wait()
        steps = self._peers.decide(lambda: [step] if step is not None else self._disk.steps()[::-1])
        for one in steps:
            manifest = self._peers.decide(partial(self._disk.manifest, one))
            bad = self._bad_files(manifest) if manifest is not None else ["manifest.json or the size of a file"]
            if manifest is not None and not bad:
                self._read(manifest, state)
                return manifest.facts
            if step is None and self._peers.first:
                self._note(f"the checkpoint {self._disk.of(one)} is damaged ({bad[0]}); going back to one before it")
        if step is not None:
            raise CheckpointError(f"{self._disk.of(step)} is not there or is damaged; load another step")
        raise CheckpointError(f"there is no whole checkpoint in {self.folder}; start the run anew")

    def _let_wait(self, optimisers: Iterable[torch.optim.Optimizer]) -> None:
        """Make optimisers step only when what they change is copied."""
        for one in optimisers:
            if one not in self._waiting:
                self._waiting.add(one)
                one.register_step_pre_hook(lambda *_: self.staged())

    def _write(
        self,
        step: int,
        found: Contents,
        later: Mapping[str, Tensor],
        parts: Mapping[str, Tensor],
        facts: dict[str, Any],
    ) -> None:
        """In the background: copy what is left to copy, write, and let it appear."""
        peers = self._peers
        try:
            try:
                self._staging.fill(later)
            finally:
                self._staging.issued()
            self._staging.finish()
            folder = peers.decide(lambda: self._disk.begin(step))
            digests = self._writer.write(folder, found.tensors, parts)

            def appear(values: list[dict[str, Any]]) -> None:
                union = {name: value for one in reversed(values) for name, value in one.items()}
                Manifest(step, peers.size, facts, union, digests).write(folder)
                self._disk.commit(step, folder)
                known = {one: manifest.facts for one in self._disk.steps() if (manifest := self._disk.manifest(one))}
                for one in self._keep.unneeded(known):
                    self._disk.remove(one)

            peers.conclude(lambda: found.values, appear)
        except CheckpointError as error:
            self._failure = CheckpointError(f"the checkpoint of step {step} in {self.folder} was not written: {error}")
        except Exception as error:  # the run must hear of it at its next call, whatever it is
            self._failure = CheckpointError(f"the checkpoint of step {step} was not written: {error!r}")

    def _bad_files(self, manifest: Manifest) -> list[str]:
        """Each process verifies a share of the files."""
        folder, peers = self._disk.of(manifest.step), self._peers
        share = sorted(manifest.files.items())[peers.rank :: peers.size]
        return [name for names in peers.everyone(lambda: damaged(folder, share)) for name in names]

    def _read(self, manifest: Manifest, state: Mapping[str, Any]) -> None:
        peers, mine = self._peers, f"random.{self._peers.rank}."

        def work() -> None:
            reader = ShardReader(self._disk.of(manifest.step))
            saved = Saved(reader.tensors, manifest.values)
            into = targets(state, saved)
            _require(into, saved, self._disk.of(manifest.step))
            numbers = random_states() if manifest.world == peers.size else {}
            numbers = {name: one for name, one in numbers.items() if f"{mine}{name}" in saved.tensors}
            reader.read({**into.tensors, **{f"{mine}{name}": one for name, one in numbers.items()}})
            put_back(state, into, manifest.values)
            set_random_states(numbers)

        peers.everyone(work)


def _require(into: Contents, saved: Saved, folder: Path) -> None:
    """Every tensor that is to be filled is there, in its shape."""
    for name, tensor in into.tensors.items():
        if name not in saved.tensors:
            raise CheckpointError(
                f"{folder} has no {name!r}, which this run has; load it with the settings it was made by"
            )
        size, _ = saved.tensors[name]
        if size != tensor.shape:
            raise CheckpointError(
                f"in {folder} {name!r} has shape {tuple(size)}, in this run {tuple(tensor.shape)}; "
                "load it with the settings it was made by"
            )
