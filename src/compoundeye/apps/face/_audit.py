"""The audit log: who did what, with whom, when and why; entries are only ever added.

Each entry's chain value is an HMAC (FIPS 198-1) over the one before it and all of this one, as in the hash chains of
Schneier and Kelsey (1999): who changes, removes or reorders entries without the gallery's key is found out. The end of
the log is sealed too. Bodies are sealed, for they say who was looked for. The reason of an entry is chained by its
digest, so that words which name somebody can be taken out when that person is forgotten, and the chain still holds.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compoundeye.apps.face._gallery_secret import DamagedError, Secret, sealer
from compoundeye.records import EyeError

START = bytes(32)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that somebody did."""

    number: int
    at: float
    """Unix s."""
    by: str
    verb: str
    people: tuple[int, ...]
    """Whom it was about or who was found, by number: names are not written here."""
    detail: Mapping[str, Any]
    why: str | None
    """The reason that was given; None: taken out, for it named somebody who was forgotten."""


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What holds of a log: entries, and its end, which a careful owner keeps somewhere else."""

    entries: int
    end: str
    """Chain value of the last entry, hexadecimal; given to the next check, it proves that none was taken away."""
    reasons_removed: tuple[int, ...]


def append_entry(
    connection: sqlite3.Connection, secret: Secret, at: float, by: str, verb: str,
    people: Sequence[int] = (), detail: Mapping[str, Any] | None = None, why: str = "",
) -> int:  # fmt: skip
    """Add an entry within a transaction that writes; its number.

    Raises:
        EyeError: nobody is named.
    """
    if not by.strip():
        raise EyeError(f"say who asks: {verb} is written to the audit log with a name")
    seal, _ = sealer(secret.auditing)
    number, before = _end(connection, secret)
    number += 1
    body = seal(_json({"by": by, "verb": verb, "people": list(people), "detail": dict(detail or {})}),
                secret.about("audit", number))  # fmt: skip
    reason = seal(why.encode("utf-8", "replace"), secret.about("reason", number))
    digest = hashlib.sha256(reason).digest()
    chain = _chained(secret, before, number, at, body, digest)
    connection.execute("INSERT INTO audit VALUES (?,?,?,?,?,?)", (number, at, body, reason, digest, chain))
    connection.execute("DELETE FROM audit_end")
    connection.execute("INSERT INTO audit_end VALUES (?,?,?)", (number, chain, _sealed_end(secret, number, chain)))
    return number


def read_entries(
    connection: sqlite3.Connection, secret: Secret, after: int = 0, *, newest: bool = False
) -> Iterator[AuditEntry]:
    """Entries numbered above ``after``, the oldest first, or the newest first.

    Raises:
        DamagedError: an entry was changed.
    """
    order = "DESC" if newest else "ASC"
    query = f"SELECT number, at, body, why FROM audit WHERE number > ? ORDER BY number {order}"
    for row in connection.execute(query, (after,)):
        yield _entry(secret, *row)


def check_entries(connection: sqlite3.Connection, secret: Secret, known_end: str | None = None) -> AuditCheck:
    """Go through all of the log.

    Args:
        known_end: what an earlier check gave as the end; it must still be in the log.

    Raises:
        DamagedError: an entry was changed, removed or put elsewhere, or a reason is missing that no forgetting removed.
    """
    before, number, seen = START, 0, known_end in (None, START.hex())
    missing, allowed = list[int](), set[int]()
    for row in connection.execute("SELECT number, at, body, why, why_digest, chain FROM audit ORDER BY number"):
        number += 1
        _check_row(secret, before, number, row)
        entry = _entry(secret, *row[:4])
        missing += [number] if row[3] is None else []
        allowed |= set(entry.detail.get("reasons_removed", ())) if entry.verb == "forget" else set()
        before = row[5]
        seen = seen or before.hex() == known_end
    if _end(connection, secret) != (number, before):
        raise DamagedError(f"the audit log ends after entry {number}: later ones were removed")
    if not seen:
        raise DamagedError("the audit log does not hold the end that an earlier check gave: entries were removed")
    if not set(missing) <= allowed:
        raise DamagedError(f"the reason of audit entry {min(set(missing) - allowed)} was removed, by no forgetting")
    return AuditCheck(number, before.hex(), tuple(missing))


def remove_reasons(connection: sqlite3.Connection, secret: Secret, words: Sequence[str]) -> list[int]:
    """Take out the reasons that name somebody; the numbers of their entries."""
    folded = [word.casefold() for word in words if word.strip()]
    found = [
        entry.number for entry in read_entries(connection, secret)
        if entry.why and any(word in entry.why.casefold() for word in folded)
    ]  # fmt: skip
    connection.executemany("UPDATE audit SET why = NULL WHERE number = ?", [(number,) for number in found])
    return found


def _entry(secret: Secret, number: int, at: float, body: bytes, why: bytes | None) -> AuditEntry:
    _, unseal = sealer(secret.auditing)
    said = json.loads(unseal(body, secret.about("audit", number)))
    reason = None if why is None else unseal(why, secret.about("reason", number)).decode()
    return AuditEntry(number, at, said["by"], said["verb"], tuple(said["people"]), said["detail"], reason)


def _check_row(secret: Secret, before: bytes, number: int, row: tuple[Any, ...]) -> None:
    found, at, body, why, digest, chain = row
    if found != number:
        raise DamagedError(f"audit entry {number} is missing")
    if not hmac.compare_digest(chain, _chained(secret, before, number, at, body, digest)):
        raise DamagedError(f"audit entry {number} was changed, or one before it was")
    if why is not None and hashlib.sha256(why).digest() != digest:
        raise DamagedError(f"the reason of audit entry {number} was changed")


def _end(connection: sqlite3.Connection, secret: Secret) -> tuple[int, bytes]:
    row = connection.execute("SELECT number, chain, seal FROM audit_end").fetchone()
    if row is None:
        if connection.execute("SELECT 1 FROM audit LIMIT 1").fetchone():
            raise DamagedError("the end of the audit log was removed")
        return 0, START
    number, chain, seal = row
    if not hmac.compare_digest(seal, _sealed_end(secret, number, chain)):
        raise DamagedError("the end of the audit log was changed")
    return number, chain


def _sealed_end(secret: Secret, number: int, chain: bytes) -> bytes:
    return hmac.digest(secret.auditing, b"end|%d|" % number + chain, "sha256")


def _chained(secret: Secret, before: bytes, number: int, at: float, body: bytes, digest: bytes) -> bytes:
    said = b"|".join([b"entry", b"%d" % number, at.hex().encode(), hashlib.sha256(body).digest(), digest])
    return hmac.digest(secret.auditing, before + said, "sha256")


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
