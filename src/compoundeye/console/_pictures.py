"""Rows of a corpus as the API tells them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from compoundeye.console._snapshot import Rows, Snapshot
from compoundeye.corpus import Condition, reasons

_PLAIN = ("id", "source", "width", "height", "format", "bytes", "taken_at", "label", "label_by")
_RESULT = ("confidence", "state", "best", "best_confidence", "reason", "by")


class Picture(BaseModel):
    """One picture in a list."""

    id: str
    """32 hexadecimal digits."""
    row: int
    """Its number in this version."""
    source: str
    width: int
    height: int
    """Pixels, as displayed."""
    format: str
    bytes: int
    taken_at: datetime | None
    """By the camera's clock, without a zone."""
    category: str | None
    """What counts: a person's label, else what the model said."""
    confidence: float | None
    """Of what the model said."""
    said: str | None
    """What the model said."""
    label: str | None
    label_by: str | None
    state: str
    """"done", "abstained", "failed", or "new" where nothing looked at it yet."""
    best: str | None
    best_confidence: float | None
    """The single best guess, said or not."""
    reason: str | None
    """Why there is no category."""
    by: str | None
    """The model that said so."""
    similarity: float | None
    """To what was searched for: a cosine."""
    why: str | None
    """Why it was found, in words."""
    thumbnail: str
    """Address of its thumbnail."""


def pictures(
    corpus: str,
    at: Snapshot,
    rows: Rows,
    name: str,
    *,
    why: Sequence[str | None] | None = None,
    similarity: Sequence[float | None] | None = None,
) -> list[Picture]:
    """Some rows, in their order.

    Args:
        corpus: its name in addresses.
        name: which result of categorising to tell.
        why, similarity: of each row, if they were searched for.
    """
    has = at.corpus.has_column
    columns = [one for one in (*_PLAIN, name, *(f"{name}_{part}" for part in _RESULT)) if has(one)]
    found = at.take(rows, list(dict.fromkeys(columns))).to_pylist()
    extra = zip(why or [None] * len(found), similarity or [None] * len(found), strict=True)
    return [
        _picture(corpus, row, values, name, reason, cosine)
        for row, values, (reason, cosine) in zip(rows.tolist(), found, extra, strict=True)
    ]


def told(at: Snapshot, rows: Rows, fits: Condition) -> Iterator[str]:
    """Why rows fit a condition, in words.

    They are read again, with all columns that words are looked for in: only where somebody asked for words.
    """
    columns = [one for one in ("id", *fits.texts) if at.corpus.has_column(one)]
    yield from reasons(at.take(rows, columns), fits)


def _picture(
    corpus: str, row: int, values: dict[str, Any], name: str, why: str | None, similarity: float | None
) -> Picture:
    identity = values["id"].hex()
    part = {one: values.get(f"{name}_{one}") for one in _RESULT}
    return Picture(
        id=identity,
        row=row,
        **{one: values[one] for one in ("source", "width", "height", "format", "bytes", "taken_at")},
        category=values.get("label") or values.get(name),
        confidence=finite(part["confidence"]),
        said=values.get(name),
        label=values.get("label"),
        label_by=values.get("label_by"),
        state=part["state"] or "new",
        best=part["best"],
        best_confidence=finite(part["best_confidence"]),
        reason=part["reason"],
        by=part["by"],
        similarity=finite(similarity),
        why=why,
        thumbnail=address(corpus, identity, "thumbnail", row),
    )


def address(corpus: str, identity: str, what: str, row: int) -> str:
    """Of a picture's thumbnail or image; with its row it is found at once."""
    return f"/api/v1/corpora/{quote(corpus, safe='')}/pictures/{identity}/{what}?row={row}"


def finite(value: float | None) -> float | None:
    """JSON has no numbers that are none."""
    return value if value is not None and math.isfinite(value) else None
