"""Memory that a program takes, block by block: what was made when, what for, and how long it lived."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from compoundeye.plan._executed import Moment

FORWARD = "forward"


class _Block:
    """A storage while it lives, and after."""

    __slots__ = ("bytes", "made", "part", "reference", "survived")

    def __init__(self, part: str | None, made: tuple[str, int]) -> None:
        self.part = part
        """None: by phase."""
        self.made = made
        """Phase and pass in which it was made."""
        self.bytes = 0
        self.survived = True
        """Whether it outlived the forward pass that made it."""
        self.reference: Any = None

    @property
    def label(self) -> str:
        if self.part is not None:
            return self.part
        if self.made[0] == FORWARD:
            return "activations" if self.survived else "temporaries"
        return "recomputed" if self.made[0] == "recompute" else "temporaries"


class Allocations:
    """Bytes of storages, from the operation that makes one until it dies or is resized to nothing (as FSDP2 does).

    Parts, each block being of one:

    - ``parameters``, ``buffers``, ``gradients``, ``optimiser``, ``average``, ``inputs``: named by `belongs`. Gradients
      are those that wait for the optimiser: with FSDP this rank's shards;
    - ``gathered``: weights that FSDP has brought together, and the buffers it does so with;
    - ``reduced``: gradients of a whole unit once its backward pass is done, and the buffers that FSDP sums them in;
    - ``activations``: made in a forward pass and alive after it (for the backward pass, or as results);
    - ``recomputed``: made when a part of the forward pass is done again;
    - ``temporaries``: everything else.
    """

    def __init__(self, now: Callable[[], tuple[str, int]]) -> None:
        """``now`` tells the phase and the number of the forward pass."""
        self._now = now
        self._alive: dict[int, _Block] = {}
        self._scope: str | None = None
        self._log: list[tuple[_Block, int]] = []
        self._marks: list[tuple[int, str]] = []

    def saw(self, results: Iterable[Tensor]) -> None:
        """Operations made these, or views of what was there."""
        for tensor in results:
            storage = tensor.untyped_storage()
            if storage._cdata not in self._alive:
                self._add(storage, self._scope)

    def belongs(self, tensors: Iterable[Tensor], part: str) -> None:
        """Say what is in these (this rank's part of them)."""
        for tensor in tensors:
            storage = local(tensor).untyped_storage()
            block = self._alive.get(storage._cdata) or self._add(storage, part)
            block.part = part

    def mark(self, name: str) -> None:
        """A moment ends here."""
        self._marks.append((len(self._log), name))

    @contextmanager
    def scope(self, part: str) -> Iterator[None]:
        """What is made within the block is of this part."""
        before, self._scope = self._scope, part
        try:
            yield
        finally:
            self._scope = before

    @contextmanager
    def resizes(self) -> Iterator[None]:
        """Within the block storages are watched that give their memory back and take it again: no operation does so."""
        plain = torch.UntypedStorage.resize_

        def resize_(storage: torch.UntypedStorage, size: int) -> None:
            plain(storage, size)
            if (block := self._alive.get(storage._cdata)) is not None:
                self._change(block, size - block.bytes)

        torch.UntypedStorage.resize_ = resize_  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            torch.UntypedStorage.resize_ = plain  # type: ignore[method-assign]

    def moments(self) -> tuple[Moment, ...]:
        """Between the marks so far: the state with the most bytes in each interval."""
        found = []
        now: dict[str, int] = {}
        total, at = 0, 0
        for end, name in self._marks:
            highest, most = dict(now), total
            for block, change in self._log[at:end]:
                now[block.label] = now.get(block.label, 0) + change
                total += change
                if total > most:
                    highest, most = dict(now), total
            found.append(Moment(name, {part: size for part, size in sorted(highest.items()) if size}))
            at = end
        return tuple(found)

    def restart(self) -> None:
        """Forget moments so far; what is alive stays, and is the state in which the next moment begins."""
        self._log = [(block, block.bytes) for block in self._alive.values()]
        self._marks = [(len(self._log), "")]

    def _add(self, storage: torch.UntypedStorage, part: str | None) -> _Block:
        block, key = _Block(part, self._now()), storage._cdata
        self._alive[key] = block
        block.reference = weakref.ref(storage, lambda _: self._died(key))
        self._change(block, storage.nbytes())
        return block

    def _change(self, block: _Block, bytes_: int) -> None:
        block.bytes += bytes_
        self._log.append((block, bytes_))

    def _died(self, key: int) -> None:
        block = self._alive.pop(key)
        block.survived = block.made != self._now()
        self._change(block, -block.bytes)


def local(tensor: Tensor) -> Tensor:
    """This rank's part."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
