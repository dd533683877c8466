"""One message as JSON, and back: the same text in files, on brokers and in webhooks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from compoundeye.records import Event, EyeError


def encode(event: Event) -> str:
    """One line of JSON (RFC 8259): keys in the order of `Event`, what is not a number as null.

    Raises:
        TypeError: ``after`` holds something that has no plain form.
    """
    return json.dumps(plain(event.as_dict()), allow_nan=False, separators=(",", ":"), ensure_ascii=False)


def decode(text: str | bytes) -> Event:
    """The message that `encode` wrote.

    Raises:
        EyeError: it is no such message.
    """
    try:
        return from_dict(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EyeError(f"not an event of CompoundEye: {error}; it must be one line that CompoundEye wrote") from error


def from_dict(values: Mapping[str, Any]) -> Event:
    """The message whose `Event.as_dict` this is; keys that a later version adds are passed over.

    Raises:
        KeyError: one is missing.
    """
    box, before = values.get("box"), values.get("before")
    return Event(
        **{key: values[key] for key in ("id", "revision", "type", "app", "kind", "stream")},
        **{key: values[key] for key in ("time_s", "captured", "start", "end", "dropped")},
        after=dict(values["after"]),
        before=None if before is None else dict(before),
        box=None if box is None else (box[0], box[1], box[2], box[3]),
        media=dict(values.get("media") or {}),
    )


def plain(value: Any) -> Any:
    """``value`` made of what JSON, SQLite and PostgreSQL all know.

    Raises:
        TypeError: it has no plain form.
    """
    if isinstance(value, str):
        return text(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {text(str(key)): plain(one) for key, one in value.items()}
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return plain(value.tolist())
    if isinstance(value, Sequence):
        return [plain(one) for one in value]
    raise TypeError(f"no plain form for {type(value).__name__}")


def text(value: str) -> str:
    """Text that may be stored anywhere: PostgreSQL takes no U+0000, UTF-8 no half of a surrogate pair."""
    if value.isascii() and "\0" not in value:
        return value
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
