"""All that a corpus knows of one picture, and the account of it: from which inputs, said to be what, by whom."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, JsonValue

from compoundeye.console._pictures import Picture, address, finite, pictures
from compoundeye.console._snapshot import Snapshot

_STATE = "_state"
_LEFT_OUT = 2_000
"""Characters of a text that a page shows; the rest is in the corpus."""


class Said(BaseModel):
    """What one categorising said of the picture."""

    name: str
    """Of the result: "category" unless `eye categorise --name` said otherwise."""
    state: str
    category: str | None
    confidence: float | None
    best: str | None
    best_confidence: float | None
    reason: str | None
    by: str | None
    """Model, digest of its weights, recipe."""
    version: int | None
    """Of the corpus, that it was made from."""


class Details(BaseModel):
    """One picture."""

    picture: Picture
    version: int
    """Of the corpus."""
    image: str
    """Address of the picture itself."""
    previous: str | None
    following: str | None
    """Ids of those ingested before and after it."""
    said: list[Said]
    values: dict[str, JsonValue]
    """Every column of the corpus but those of bytes and vectors; times as ISO 8601."""
    metadata: JsonValue
    """What stood beside the picture as JSON, null if nothing did."""
    embedded_by: str | None
    """The model of its embedding: null means that nothing can be found by likeness to it."""


class Input(BaseModel):
    """A place that the picture was read from."""

    source: str
    outcome: str
    """"stored" once, then "duplicate"."""
    size: int
    at: datetime


class History(BaseModel):
    """The account of one picture."""

    id: str
    inputs: list[Input]
    """The oldest first."""
    said: list[Said]
    label: str | None
    label_by: str | None
    label_at: datetime | None


def details(corpus: str, at: Snapshot, row: int) -> Details:
    """One row, told whole."""
    values = _values(at, row)
    around = [one for one in (row - 1, row + 1) if 0 <= one < at.rows]
    ids = dict(zip(around, (one.hex() for one in at.take(around, ["id"])["id"].to_pylist()), strict=True))
    identity = values["id"].hex()
    return Details(
        picture=pictures(corpus, at, np.array([row], np.uint32), "category")[0],
        version=at.version,
        image=address(corpus, identity, "image", row),
        previous=ids.get(row - 1),
        following=ids.get(row + 1),
        said=_said(values),
        values={name: _plain(value) for name, value in values.items()},
        metadata=_json(values.get("metadata")),
        embedded_by=values.get("embedding_by"),
    )


def history(at: Snapshot, row: int) -> History:
    """Where a row came from. Reads the ids of the whole ledger: 20 ms in a million inputs."""
    values = _values(at, row)
    identity = values["id"]
    condition = f"id = arrow_cast(X'{identity.hex()}','FixedSizeBinary({len(identity)})')"
    found = at.corpus.inputs.to_table(columns=["source", "outcome", "size", "at"], filter=condition).to_pylist()
    return History(
        id=identity.hex(),
        inputs=[Input(**one) for one in sorted(found, key=lambda one: (one["at"], one["outcome"] != "stored"))],
        said=_said(values),
        **{name: values.get(name) for name in ("label", "label_by", "label_at")},
    )


def _values(at: Snapshot, row: int) -> dict[str, Any]:
    columns = [field.name for field in at.corpus.dataset.schema if _is_told(field)]
    found: dict[str, Any] = at.take([row], columns).to_pylist()[0]
    return found


def _is_told(field: pa.Field) -> bool:
    if field.name == "id":
        return True
    kind = field.type
    return not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_nested(kind))


def _said(values: dict[str, Any]) -> list[Said]:
    names = [name.removesuffix(_STATE) for name in values if name.endswith(_STATE)]
    return [
        Said(
            name=name,
            state=values[f"{name}{_STATE}"] or "new",
            category=values.get(name),
            confidence=finite(values.get(f"{name}_confidence")),
            best_confidence=finite(values.get(f"{name}_best_confidence")),
            **{part: values.get(f"{name}_{part}") for part in ("best", "reason", "by", "version")},
        )
        for name in names
    ]


def _plain(value: Any) -> JsonValue:
    """A value as JSON can say it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and abs(value) >= 2**53:
        return str(value)  # JavaScript would round it
    if isinstance(value, str):
        return value if len(value) <= _LEFT_OUT else f"{value[:_LEFT_OUT]}…"
    if value is None or isinstance(value, (bool, int)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _json(text: str | None) -> JsonValue:
    """What stands in a text, or the text where that is no JSON."""
    if text is None:
        return None
    try:
        found: JsonValue = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return text[:_LEFT_OUT]
    return found
