"""What every engine offers: one ordered, bounded map over shards."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from compoundeye.records import EyeError

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class WorkerError(EyeError):
    """A worker process was killed more often than a retry can mend."""


class Engine(Protocol):
    """Runs pure work on shards. ``work`` and each shard are picklable, and running a shard twice does no harm."""

    def map(
        self,
        work: Callable[[Shard], Result],
        shards: Iterable[Shard],
        *,
        smaller: Callable[[Shard], Sequence[Shard]] | None = None,
    ) -> Iterator[Result]:
        """Yield ``work(shard)`` in the order of ``shards``, which is pulled lazily as workers become free.

        Args:
            work: a function of an importable module (workers do not load the caller's script).
            shards: values to work on.
            smaller: what to run instead of a shard that kills its worker each time (a decoder that crashes on one
                picture of a thousand): its parts, in order; their results come one each, in its place. An empty
                answer means that it cannot be made smaller.

        Raises:
            WorkerError: a shard kills its worker and cannot be made smaller.
        """
        ...
