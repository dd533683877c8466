"""Events of made-up streams, for tests of several modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from compoundeye.records import Event

NOON = 1_795_608_000.0
"""A day's noon, Unix s."""


def crossing(number: int, *, stream: str = "gate", start: float | None = None, **after: Any) -> Event:
    """Somebody walked over a line: it happened at once."""
    when = NOON + number if start is None else start
    facts = {"line": "door", "direction": "in", "class": "person", "track": number} | after
    return Event(
        f"{stream}-{number}", 0, "new", "traffic", "crossing", stream, when - NOON, when, when, when, 0, facts,
        box=(1.0, 2.0, 30.5, 40.0),
    )  # fmt: skip


def loitering(
    name: str, *, stream: str = "gate", start: float = NOON, updates: int = 1, ends: bool = True
) -> list[Event]:
    """Somebody stayed: a message when it began, one each second, and one when it was over."""
    said = list[Event]()
    before: Mapping[str, Any] | None = None
    for revision in range(1 + updates + ends):
        last = ends and revision == updates + 1
        kind: Literal["new", "update", "end"] = "end" if last else "update" if revision else "new"
        when = start + revision
        after = {"zone": "hall", "track": 7, "dwell_s": 30.0 + revision}
        facts = ("traffic", "loitering", stream, when - NOON, when, start, when if last else None, 2)
        said.append(Event(name, revision, kind, *facts, after, before))
        before = after
    return said


def keys(events: Sequence[Event]) -> list[tuple[str, int]]:
    """What tells messages apart."""
    return [(event.id, event.revision) for event in events]
