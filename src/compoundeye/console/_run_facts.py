"""What a run says of itself: its settings on one level, what it ran on, and what it noted on its way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from compoundeye.runs import Line, RunError, RunFolder, differences

_FACTS = ("processor", "cores", "memory_bytes", "accelerators", "python", "system", "folder")
_COMMAND = 2_000
"""Characters of a command that a page shows."""


def settings_of(run: RunFolder) -> dict[str, JsonValue]:
    """Settings by dotted key, as ``eye train --set`` takes them; those that are not set are left out."""
    try:
        found = run.settings()
    except RunError:
        return {}
    return {one.key: one.values[0] for one in differences([found, {}])}


def environment_of(run: RunFolder) -> dict[str, JsonValue]:
    """What it ran on and with; empty if it did not say."""
    try:
        found = json.loads((run.path / "environment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, Mapping):
        return {}
    facts: dict[str, JsonValue] = {name: found[name] for name in _FACTS if name in found}
    command, packages = found.get("command"), found.get("packages")
    if isinstance(command, list):
        facts["command"] = " ".join(map(str, command))[:_COMMAND]
    if isinstance(packages, Mapping):
        facts |= {name: packages[name] for name in ("compoundeye", "torch") if name in packages}
    return facts


def measured(lines: list[Line]) -> dict[str, list[str]]:
    """Names of the numbers that were measured, by split, in the order in which they were first told."""
    found: dict[str, dict[str, None]] = {}
    for line in lines:
        found.setdefault(line.split, {}).update(dict.fromkeys(line.numbers))
    return {split: list(names) for split, names in found.items() if split != "note" and names}


def notes(lines: list[Line]) -> list[tuple[int, str]]:
    """Step and text of what the run told in words."""
    return [(line.step, line.text) for line in lines if line.split == "note" and line.text]


def left_s(status: Mapping[str, Any], lines: list[Line], steps: int | None) -> float | None:
    """Seconds until a running one is done, by its pace over the last tenth of what it told; None if nobody can say."""
    told = [line for line in lines if line.split == "train"]
    if status.get("state") != "running" or not steps or len(told) < 2:
        return None
    first, last = told[max(0, len(told) - 1 - max(1, len(told) // 10))], told[-1]
    if last.step <= first.step or last.time <= first.time:
        return None
    return (steps - last.step) * (last.time - first.time) / (last.step - first.step)
