"""The processes that write one checkpoint together: what one of them suffers, all of them hear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import distributed as dist

from compoundeye.records import EyeError

T = TypeVar("T")
R = TypeVar("R")


class CheckpointError(EyeError):
    """A checkpoint could not be written, or none could be read."""


class Peers:
    """Collectives over Python objects on a gloo group of their own, so that a background thread can use them.

    A process that fails does not leave the others waiting: every call either gives a result on all of them or raises
    the same `CheckpointError` on all of them. Without `torch.distributed` this is the one process there is.
    """

    def __init__(self, group: dist.ProcessGroup | None = None) -> None:
        self.group: dist.ProcessGroup | None = None
        self.rank, self.size = 0, 1
        if dist.is_available() and dist.is_initialized():
            ranks = dist.get_process_group_ranks(group) if group is not None else None
            self.group = dist.new_group(ranks, backend="gloo", use_local_synchronization=ranks is not None)
            self.rank, self.size = dist.get_rank(self.group), dist.get_world_size(self.group)

    @property
    def first(self) -> bool:
        """Whether this process decides for all of them."""
        return self.rank == 0

    def conclude(self, work: Callable[[], T], then: Callable[[list[T]], R]) -> R:
        """Everyone works; the first makes one result of all their results, which everyone gets."""
        shared = self._at_first(work, then)
        if self.group is not None:
            box = [shared]
            dist.broadcast_object_list(box, group_src=0, group=self.group)
            shared = box[0]
        return self._checked(shared)

    def share_out(self, work: Callable[[], T], then: Callable[[list[T]], list[R]]) -> R:
        """Everyone works; the first makes one result for each of all their results."""
        shared = self._at_first(work, then)
        if self.group is None:
            return self._checked(shared)[0]
        box: list[Any] = [None]
        error = isinstance(shared, _Failure)
        parts: list[Any] | None = ([shared] * self.size if error else list(shared)) if self.first else None
        dist.scatter_object_list(box, parts, group_src=0, group=self.group)
        return self._checked(box[0])

    def everyone(self, work: Callable[[], T]) -> list[T]:
        """Everyone's result, on everyone."""
        return self.conclude(work, lambda results: results)

    def decide(self, work: Callable[[], T]) -> T:
        """What the first finds, on everyone."""
        return self.conclude(lambda: work() if self.first else None, lambda results: results[0])  # type: ignore[return-value]

    def _at_first(self, work: Callable[[], Any], then: Callable[[list[Any]], Any]) -> Any:
        """What the first makes of it (None elsewhere), or the failure of whoever failed."""
        mine = self._tried(work)
        if self.group is None:
            results = [mine]
        else:
            gathered: list[Any] | None = [None] * self.size if self.first else None
            dist.gather_object(mine, gathered, group_dst=0, group=self.group)
            if gathered is None:
                return None
            results = gathered
        failed = next((one for one in results if isinstance(one, _Failure)), None)
        return failed or self._tried(lambda: then(results))

    def _tried(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:  # whatever it is, the others must hear of it
            text = str(error) if isinstance(error, EyeError) else f"{type(error).__name__}: {error}"
            return _Failure(f"process {self.rank}: {text}" if self.size > 1 else text)

    def _checked(self, shared: Any) -> Any:
        if isinstance(shared, _Failure):
            raise CheckpointError(shared.text)
        return shared


class _Failure:
    """What travels instead of a result."""

    def __init__(self, text: str) -> None:
        self.text = text
