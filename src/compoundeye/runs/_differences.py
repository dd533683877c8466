"""In what the settings of runs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not the same in all runs."""

    key: str
    """Dotted, as ``eye train --set`` takes it."""
    values: tuple[Any, ...]
    """Of each run; None where it has no such setting."""


def differences(settings: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """Settings that differ, in the order they stand in; the run's name is no setting of interest."""
    levels = [flat(one) for one in settings]
    keys = [key for key in dict.fromkeys(key for one in levels for key in one) if key != "name"]
    rows = [Difference(key, tuple(one.get(key) for one in levels)) for key in keys]
    return [row for row in rows if any(value != row.values[0] for value in row.values)]


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings, and lists of them, as one level with dotted keys."""
    if isinstance(value, Mapping) and value:
        parts = value.items()
    elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        parts = enumerate(value)  # type: ignore[assignment]
    else:
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, one in parts:
        found |= flat(one, f"{prefix}.{key}" if prefix else str(key))
    return found
