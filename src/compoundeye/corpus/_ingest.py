"""Pictures into a corpus: list, look up, cut into shards, stage on all cores, settle in order."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from compoundeye.cluster import Engine, Local
from compoundeye.corpus._input import Input
from compoundeye.corpus._inputs import Inputs
from compoundeye.corpus._kept import let_go
from compoundeye.corpus._place import place_of
from compoundeye.corpus._schema import ID
from compoundeye.corpus._settle import Settler
from compoundeye.corpus._stage import FAILED, Limits, Shard, smaller, stage
from compoundeye.corpus._store import Corpus
from compoundeye.corpus._teller import Teller
from compoundeye.pixels import MAX_PIXELS
from compoundeye.records import Account, Progress

MAX_BYTES = 2 << 30
"""Of one encoded picture: more does not fit in memory next to its pixels."""

FRAGMENT_BYTES = 256 << 20
_FEWEST_ROWS, _MOST_ROWS, _FRAGMENTS = 1_024, 32_768, 16

_FIRST_LOOK_UP, _LARGEST_LOOK_UP = 1_024, 65_536


@dataclass(slots=True)
class IngestAccount(Account):
    """What became of the inputs of one run; ``done`` is "stored"."""

    known: int = 0
    """Inputs that the ledger held already: not looked at again, and not in ``seen``."""
    known_failed: int = 0
    """Those of them that had failed; ``retry_failed`` looks at them again."""
    left_alone: int = 0
    """Files whose names are not those of pictures."""
    endings: dict[str, int] = field(default_factory=dict)
    """Those files by ending, most frequent first."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return Account.as_dict(self) | {
            "known": self.known,
            "known_failed": self.known_failed,
            "left_alone": self.left_alone,
            "endings": self.endings,
        }


def ingest(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    corpus: str | os.PathLike[str] | Corpus,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    retry_failed: bool = False,
    engine: Engine | None = None,
) -> IngestAccount:
    """Store pictures, each one once, and book what became of every input.

    Killed at any moment, the same call goes on where it was; the finished corpus is that of an unbroken run. Called
    again, it looks only at inputs that are new or changed. Of inputs with equal bytes the first in order is stored.

    Args:
        sources: folders, pictures, patterns, tar (WebDataset too) and zip files, Parquet and CSV files, or such in a
            bucket (``s3://``, ``gs://``, ``abfs://``).
        corpus: where it is, or is to be made.
        workers: processes; None for one a core.
        progress: told of inputs that have an outcome or were known; total is None while they are still counted.
        max_pixels: larger pictures fail (decompression bombs).
        max_bytes: larger files fail, unread.
        retry_failed: look again at inputs that failed in an earlier run.
        engine: where shards run, instead of ``workers`` processes here.

    Returns:
        The account of this run, checked. `account` tells that of the whole corpus.

    Raises:
        CorpusError: a source is not there, another ingest is writing, or the corpus cannot be written to.
        WorkerError: workers are killed again and again.
    """
    several = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    path = corpus.path if isinstance(corpus, Corpus) else os.fspath(corpus)
    inputs = Inputs(several, skip=place_of(path))  # a mistyped source should leave no corpus behind
    store = corpus if isinstance(corpus, Corpus) else Corpus.create(path)
    with store.lock("ingest"), Teller(inputs, progress) as tell:
        store.mend()
        store.refresh()
        limits = Limits(max_pixels, max_bytes)
        try:
            return _Run(store, inputs, limits, retry_failed, tell).through(engine or Local(workers))
        finally:
            let_go()


def fragment_rows(rows: int) -> int:
    """Rows of the next fragment of a corpus with ``rows``: enough fragments to share a small one, few of a large.

    A thousand pictures make one fragment, a million 88, three billion about 92,000; of 50 KB each, 214 and 559,000, for
    a fragment ends at 256 MiB too.
    """
    return min(_MOST_ROWS, max(_FEWEST_ROWS, rows // _FRAGMENTS))


def cut(inputs: Iterable[Input], rows: int) -> Iterator[tuple[Input, ...]]:
    """Inputs in pieces that become a fragment each, if all are new; ``rows`` are in the corpus already."""
    piece: list[Input] = []
    size = 0
    for one in inputs:
        if piece and (len(piece) >= fragment_rows(rows) or size + one.size > FRAGMENT_BYTES):
            yield tuple(piece)
            rows += len(piece)
            piece, size = [], 0
        piece.append(one)
        size += one.size
    if piece:
        yield tuple(piece)


class _Run:
    """One call of `ingest`, with the lock held."""

    def __init__(
        self, corpus: Corpus, inputs: Inputs, limits: Limits, retry_failed: bool, tell: Callable[[int], None]
    ) -> None:
        self.corpus = corpus
        self.inputs = inputs
        self.limits = limits
        self.retry_failed = retry_failed
        self.tell = tell
        self.settler = Settler(corpus, replace=retry_failed)
        self.name = uuid.uuid4().hex
        self.known = 0
        self.known_failed = 0
        self._looked_up = 0
        """Commits that there were when the newest batch of inputs was looked up."""

    def through(self, engine: Engine) -> IngestAccount:
        results = engine.map(stage, self._shards(), smaller=smaller)
        try:
            for staged in results:
                self.settler.add(staged)
                self._progress()
        finally:
            if isinstance(results, Generator):
                results.close()
            self.settler.flush()  # what is settled is kept, also on Ctrl-C
        return self._account()

    def _shards(self) -> Iterator[Shard]:
        looked_up = 0
        for piece in cut(self._unknown(), self.corpus.rows):
            seen = (looked_up, self.settler.commits)
            yield Shard(self.corpus.path, self.corpus.version, piece, self.limits, seen, run=self.name)
            looked_up = self._looked_up  # of the input that ended this piece and begins the next

    def _unknown(self) -> Iterator[Input]:
        """Inputs that the ledger does not hold."""
        stream = iter(self.inputs)
        size = _FIRST_LOOK_UP
        while batch := list(islice(stream, size)):
            self._looked_up = self.settler.commits
            ended = self._outcomes(batch)
            failed = {key for key, outcome in ended.items() if outcome == FAILED}
            if self.retry_failed:
                ended = {key: outcome for key, outcome in ended.items() if key not in failed}
            else:
                self.known_failed += sum(one.key in failed for one in batch)
            unknown = [one for one in batch if one.key not in ended]
            self.known += len(batch) - len(unknown)
            self._progress()
            yield from unknown
            size = min(2 * size, _LARGEST_LOOK_UP)

    def _outcomes(self, batch: list[Input]) -> dict[bytes, str]:
        keys = pa.array([one.key for one in batch], ID)
        found = self.corpus.inputs_by_key(keys, ("key", "outcome"))
        return dict(zip(found["key"].to_pylist(), found["outcome"].to_pylist(), strict=True))

    def _progress(self) -> None:
        self.tell(self.settler.ended + self.known)

    def _account(self) -> IngestAccount:
        run, left_alone = self.settler.account, self.inputs.left_alone
        return IngestAccount(
            seen=run.seen,
            done=run.done,
            duplicate=run.duplicate,
            failed=run.failed,
            reasons=run.reasons,
            known=self.known + self.settler.repeated,
            known_failed=self.known_failed,
            left_alone=left_alone.count,
            endings=dict(left_alone.endings.most_common()),
        ).check()
