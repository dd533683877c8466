"""A plan as the recipe that `eye train` takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from compoundeye.train import Plan, Settings

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def as_recipe(settings: Settings, plan: Plan, *, save_every: int | None = None, remarks: tuple[str, ...] = ()) -> str:
    """TOML of the settings with this plan: what differs from the defaults, and all degrees of the plan.

    Args:
        save_every: steps between checkpoints.
        remarks: lines of comment at the top.
    """
    saving = settings.saving
    if save_every is not None:
        saving = saving.model_copy(update={"every": save_every})
    chosen = settings.model_copy(update={"saving": saving, "plan": Plan()})
    values: dict[str, Any] = json.loads(chosen.model_dump_json(exclude_defaults=True))
    values.pop("name", None) if settings.name == "run" else None
    values["plan"] = json.loads(plan.model_dump_json())
    lines = [f"# {remark}" for remark in remarks]
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    lines += [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, section in values.items():
        if isinstance(section, Mapping):
            lines += ["", f"[{_key(key)}]"]
            lines += [f"{_key(name)} = {_value(value)}" for name, value in section.items() if value is not None]
    return "\n".join(lines).lstrip("\n") + "\n"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    """TOML 1.0 of what JSON holds; what is null is left out."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items() if one is not None)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, str):  # JSON's escapes are TOML's, but for DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)
