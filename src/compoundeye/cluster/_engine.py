"""What every engine offers: one ordered, bounded map over shards."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class Engine(Protocol):
    """Runs pure work on shards. ``work`` and each shard are picklable, and running a shard twice does no harm."""

    def map(self, work: Callable[[Shard], Result], shards: Iterable[Shard]) -> Iterator[Result]:
        """Yield ``work(shard)`` in the order of ``shards``, which is pulled lazily as workers become free."""
        ...
