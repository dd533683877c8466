"""The coordinator: which fragments are left, who does them, and when their results become visible."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from compoundeye.categorise._answers import embedding_schema, result_schema
from compoundeye.categorise._shard import Job, Part, Shard, not_done, run_shard
from compoundeye.cluster import Engine
from compoundeye.corpus import Corpus
from compoundeye.records import Account, EyeError, Progress

COMMIT_SECONDS = 5.0
"""Between commits: what a kill can lose, beside the fragments under way."""

COMMIT_FRAGMENTS = 256

_FRUITLESS = 5
"""Rounds in a row in which others changed every fragment before we could commit it."""


def run(
    job: Job,
    corpus: Corpus,
    engine: Engine,
    dimension: int,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Account:
    """Do every row that has no result of this recipe, and return the account of this run.

    Killed at any instant, the same call goes on: a fragment's results appear whole or not at all. Somebody else may
    write to the corpus meanwhile; a fragment that they changed is done again from what they left.

    Raises:
        CorpusError: another categorise is at work, or a column of this name has another type.
        EyeError: others keep changing the corpus faster than it can be categorised.
    """
    with corpus.lock("categorise"):
        corpus.refresh()
        corpus.ensure_columns(result_schema(job.name))
        if job.keep_embedding:
            corpus.ensure_columns(embedding_schema(dimension))
        total = Account()
        fruitless = 0
        while left := pending(corpus, job):
            made_from, mine = begin(corpus, job, left)
            tell = _teller(progress, corpus, sum(left.values()))
            done = _round(job, corpus, engine, made_from, mine, tell, clock)
            total += done
            fruitless = 0 if done.seen else fruitless + 1
            if fruitless >= _FRUITLESS:
                raise EyeError(f"others keep changing {job.corpus}; run this again when they have finished")
        return total.check()


def pending(corpus: Corpus, job: Job) -> dict[int, int]:
    """Rows without a result of this recipe, by fragment; one pass over one column, in memory of one batch."""
    left: Counter[int] = Counter()
    scanner = corpus.dataset.scanner(columns=[], filter=not_done(job), with_row_address=True)
    for batch in scanner.to_batches():
        # The upper half of a row's address is its fragment.
        fragments, rows = np.unique(batch["_rowaddr"].to_numpy() >> 32, return_counts=True)
        left.update(dict(zip(fragments.tolist(), rows.tolist(), strict=True)))
    return dict(sorted(left.items()))


def begin(corpus: Corpus, job: Job, left: dict[int, int]) -> tuple[int, dict[int, int]]:
    """The corpus version that results will carry, and the fragments that were there at that version.

    Kept with the corpus, so that a run that goes on after a kill writes what an unbroken one would have written.
    Fragments that came later are another round, under a version that knew them.
    """
    key = f"categorise.{job.name}"
    state = corpus.config(key)
    if state is not None and state["by"] == job.recipe.by:
        mine = {fragment: rows for fragment, rows in left.items() if fragment < state["below"]}
        if mine:
            return int(state["version"]), mine
    version = corpus.version
    corpus.set_config(key, {"by": job.recipe.by, "version": version, "below": max(left) + 1})
    return version, left


@dataclass(slots=True)
class _Committer:
    """Collects staged fragments and commits them in groups."""

    path: str
    corpus: Corpus
    account: Account = field(default_factory=Account)
    waiting: list[Part] = field(default_factory=list)

    def commit(self) -> None:
        """Make what waits visible. A fragment that others changed is left out; it stays pending."""
        group, self.waiting = [part for part in self.waiting if part.staged is not None], []
        if not group:
            return
        if self._try(group):
            self.account = sum((part.account for part in group), self.account)
        elif len(group) > 1:
            # One of them was changed by somebody else: find out which by committing each alone.
            for part in group:
                if self._try([part]):
                    self.account += part.account
        self.corpus.refresh()

    def _try(self, group: list[Part]) -> bool:
        # From the oldest version any of them was read at: whatever others changed since is found, and what we
        # committed in between were other fragments.
        oldest = Corpus.open(self.path, version=min(part.shard.version for part in group))
        return oldest.commit_columns([part.staged for part in group if part.staged is not None])


def _round(
    job: Job,
    corpus: Corpus,
    engine: Engine,
    made_from: int,
    fragments: dict[int, int],
    tell: Callable[[int], None],
    clock: Callable[[], float],
) -> Account:
    committer = _Committer(job.corpus, corpus)
    last = clock()
    looked = 0
    try:
        for part in engine.map(partial(run_shard, job), _shards(corpus, made_from, fragments)):
            committer.waiting.append(part)
            looked += part.account.seen
            tell(looked)
            if clock() - last >= COMMIT_SECONDS or len(committer.waiting) >= COMMIT_FRAGMENTS:
                committer.commit()
                last = clock()
    finally:
        # Also when interrupted: what is staged is paid for.
        committer.commit()
    return committer.account


def _shards(corpus: Corpus, made_from: int, fragments: dict[int, int]) -> Iterator[Shard]:
    """One shard a fragment, each to be read at the newest version known when it is handed out."""
    sizes = {part.fragment_id: part.count_rows() for part in corpus.dataset.get_fragments()}
    for fragment, rows in fragments.items():
        yield Shard(corpus.version, fragment, rows == sizes.get(fragment), made_from)


def _teller(progress: Progress | None, corpus: Corpus, left: int) -> Callable[[int], None]:
    rows = corpus.rows
    before = rows - left

    def tell(looked: int) -> None:
        if progress is not None:
            progress(before + looked, rows)

    tell(0)
    return tell
