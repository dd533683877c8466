"""One place where staged pictures become part of the corpus, in the order of the inputs."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from compoundeye.corpus._schema import ID, INPUTS
from compoundeye.corpus._stage import DUPLICATE, FAILED, STORED, Staged, kind_of
from compoundeye.corpus._staged_files import without
from compoundeye.corpus._store import Corpus
from compoundeye.records import Account

COMMIT_SHARE = 0.05
"""Of the time that may go into commits: they grow with the corpus, so the larger it is the rarer they are."""
MOST_PENDING = 1_000_000


class Commit(NamedTuple):
    """What a commit brought, for shards that were staged before it."""

    number: int
    ids: pa.Array
    keys: pa.Array


class Settler:
    """Takes staged shards in the order of their inputs, drops what earlier ones brought, and commits in groups.

    The outcome does not depend on how many workers there are or how commits fall: of pictures with equal bytes the
    first in the order of inputs is stored, since a shard is compared with the version it was staged from (by the
    worker) and with every commit since then (here).
    """

    def __init__(self, corpus: Corpus, *, replace: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.corpus = corpus
        self.account = Account()
        self.repeated = 0
        self.commits = 0
        self._replace = replace
        self._clock = clock
        self._recent: deque[Commit] = deque()
        self._fragments: list[str] = []
        self._inputs: list[pa.Table] = []
        self._next_commit = 0.0

    @property
    def ended(self) -> int:
        """Inputs that have an outcome."""
        return self.account.seen + self.repeated

    def add(self, staged: Staged) -> None:
        """Settle one shard.

        Raises:
            CorpusError: the corpus cannot be written to.
        """
        self._forget(min(staged.seen))
        inputs, fragments = self._settled(staged)
        self.repeated += staged.repeated + staged.inputs.num_rows - inputs.num_rows
        self.account += _account(inputs)
        # Not committed yet, but later shards were staged without it all the same.
        stored = inputs.filter(pc.field("outcome") == STORED)["id"].combine_chunks()
        self._recent.append(Commit(self.commits, stored, inputs["key"].combine_chunks()))
        self._fragments += fragments
        self._inputs.append(inputs)
        if self._clock() >= self._next_commit or sum(table.num_rows for table in self._inputs) >= MOST_PENDING:
            self.flush()

    def flush(self) -> None:
        """Commit what is settled.

        Raises:
            CorpusError: the corpus cannot be written to.
        """
        if not self._inputs:
            return
        # Forgotten first: if this fails half-way, `Corpus.mend` goes on from the journal, not from here.
        fragments, self._fragments = self._fragments, []
        inputs, self._inputs = pa.concat_tables(self._inputs), []
        began = self._clock()
        self.corpus.append(fragments, inputs, replace=self._replace)
        self.commits += 1
        ended = self._clock()
        self._next_commit = ended + (ended - began) / COMMIT_SHARE

    def _settled(self, staged: Staged) -> tuple[pa.Table, tuple[str, ...]]:
        """The shard's ledger and fragments without what came since it was staged."""
        looked_up, version = staged.seen
        inputs = staged.inputs
        again = pc.is_in(inputs["key"], value_set=_all([new.keys for new in self._recent if new.number >= looked_up]))
        here = pc.is_in(inputs["id"], value_set=_all([new.ids for new in self._recent if new.number >= version]))
        stored = pc.equal(inputs["outcome"], STORED)
        # An input that was listed twice and changed in between has no outcome: the next run looks at it.
        lost = inputs["id"].filter(pc.and_(pc.and_(again, stored), pc.invert(here))).combine_chunks()
        drop = pc.or_(again, pc.is_in(inputs["id"], value_set=lost))
        double = pc.and_(pc.and_(stored, here), pc.invert(drop))
        unwanted = inputs["id"].filter(pc.and_(stored, pc.or_(drop, here))).combine_chunks()
        fragments = staged.fragments
        if len(unwanted):
            fragments = without(self.corpus.dataset, fragments, unwanted)
            outcome = pc.if_else(double, DUPLICATE, inputs["outcome"])
            inputs = inputs.set_column(INPUTS.get_field_index("outcome"), INPUTS.field("outcome"), outcome)
        return inputs.filter(pc.invert(drop)), fragments

    def _forget(self, before: int) -> None:
        """Shards come in the order they were made: nobody will ask for commits that this one knew."""
        while self._recent and self._recent[0].number < before:
            self._recent.popleft()


def _all(arrays: list[pa.Array]) -> pa.Array:
    return pa.concat_arrays(arrays) if arrays else pa.array([], ID)


def _account(inputs: pa.Table) -> Account:
    outcomes = Counter(inputs["outcome"].to_pylist())
    reasons = Counter(map(kind_of, inputs["reason"].drop_null().to_pylist()))
    return Account(
        seen=inputs.num_rows,
        done=outcomes[STORED],
        duplicate=outcomes[DUPLICATE],
        failed=outcomes[FAILED],
        reasons=reasons,
    )
