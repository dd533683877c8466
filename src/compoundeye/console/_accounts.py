"""The account of a corpus and its versions, summed anew only where something was written."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any

from compoundeye.console._bounded import Bounded
from compoundeye.console._snapshot import Snapshot
from compoundeye.console._state import Console
from compoundeye.corpus import Corpus
from compoundeye.corpus import account as summed
from compoundeye.records import Account

_KEPT = 32
_VERSIONS_KEPT = 20_000
_WORDS = {
    "Append": "pictures added",
    "Overwrite": "begun",
    "Delete": "pictures deleted",
    "Update": "rows changed",
    "Merge": "columns written",
    "DataReplacement": "columns written",
    "Project": "columns removed or renamed",
    "Rewrite": "compacted",
    "CreateIndex": "index made or renewed",
    "Restore": "an earlier version restored",
    "UpdateConfig": "settings changed",
}
"""What each kind of commit of Lance means to somebody who looks at pictures."""


class Accounts:
    """Of all corpora of a server. Safe to use from several threads."""

    def __init__(self, _: Console) -> None:
        self._sums: Bounded[Account] = Bounded(_KEPT, lambda _: 1)
        self._said: Bounded[str] = Bounded(_VERSIONS_KEPT, lambda _: 1)

    def of(self, at: Snapshot) -> Account:
        """What became of every input. Reads the ledger and the ids once a version: 0.7 s for a million.

        Raises:
            AccountError: something was lost or counted twice.
        """
        ledger = int(Corpus.open(at.corpus.path).inputs.version)
        return self._sums.get((at.corpus.path, at.key, ledger), lambda: summed(at.corpus.path))

    def said(self, at: Snapshot, version: int, moment: Hashable) -> str:
        """What was done to make a version."""
        return self._said.get((at.corpus.path, version, moment), lambda: _operation(at, version))


def versions(at: Snapshot) -> list[dict[str, Any]]:
    """All versions that are kept, the newest first: number, moment, rows, bytes of the files.

    Lance lets nobody else use a dataset while it lists versions or reads what was done: both open their own.
    """
    rows = []
    for one in reversed(Corpus.open(at.corpus.path).dataset.versions()):
        told = one["metadata"]
        moment: datetime = one["timestamp"]
        rows.append(
            {
                "version": int(one["version"]),
                "at": (moment if moment.tzinfo else moment.astimezone()).astimezone(UTC),
                "rows": _number(told.get("total_rows")),
                "bytes": _number(told.get("total_files_size")),
            }
        )
    return rows


def _operation(at: Snapshot, version: int) -> str:
    try:
        operation = type(Corpus.open(at.corpus.path).dataset.read_transaction(version).operation).__name__
    except (OSError, ValueError, AttributeError, NotImplementedError, TypeError):
        return ""  # its file was cleaned away, or another program wrote it
    return _WORDS.get(operation, operation)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
