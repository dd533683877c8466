"""How far an ingest is: inputs are counted beside the work, so that the time left can be told."""

from __future__ import annotations

import threading
from collections.abc import Callable

from compoundeye.corpus._inputs import Inputs
from compoundeye.records import Progress


class Teller:
    """Tells ``progress`` how many inputs are done, and of how many as soon as that is known.

    Listing runs only as far ahead as the work needs. A second listing, which merely counts, takes a few microseconds
    an input; where it would take more (buckets, compressed archives) there is none, and no total.
    """

    def __init__(self, inputs: Inputs, progress: Progress | None) -> None:
        self._progress = progress
        self._total: int | None = None
        self._ended = False
        self._thread: threading.Thread | None = None
        if progress and inputs.quick_to_count:
            again = Inputs(inputs.sources, skip=inputs.skip)
            self._thread = threading.Thread(target=self._count, args=(again,), daemon=True)

    def __enter__(self) -> Callable[[int], None]:
        if self._thread:
            self._thread.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        self._ended = True
        if self._thread:
            self._thread.join()

    def _tell(self, done: int) -> None:
        if self._progress:
            # Files may come while it runs: never show more than all.
            self._progress(done, None if self._total is None else max(done, self._total))

    def _count(self, inputs: Inputs) -> None:
        count = 0
        try:
            for _ in inputs:
                count += 1
                if self._ended:
                    return
        except Exception:  # the listing that matters will tell what is wrong
            return
        self._total = count
