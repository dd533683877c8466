"""What a form for a line or a zone asks: read out of the application's own settings, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

from compoundeye.console._live import video
from compoundeye.console._live_site import KINDS

Kind = Literal["text", "number", "flag", "choice", "list", "arrow", "point", "rule"]


class Field(BaseModel):
    """One setting of a line or zone; ``rule`` is a table of settings, which applies if it is there."""

    name: str
    kind: Kind
    description: str
    needed: bool
    default: Any = None
    low: float | None = None
    high: float | None = None
    choices: list[str] = []
    fields: list[Field] = []


def fields(settings: type[BaseModel]) -> dict[str, list[Field]]:
    """Of ``lines`` and of ``zones``; empty for what the application does not draw. Points are drawn, not asked for."""
    schema = settings.model_json_schema()
    found = dict[str, list[Field]]()
    for kind in KINDS:
        part = schema.get("properties", {}).get(kind, {}).get("additionalProperties")
        if isinstance(part, Mapping):
            found[kind] = _fields(schema, video().resolved(schema, part))
    return found


def _fields(schema: Mapping[str, Any], part: Mapping[str, Any]) -> list[Field]:
    needed = part.get("required", [])
    found = list[Field]()
    for name, outer in part.get("properties", {}).items():
        inner = video().resolved(schema, outer)
        kind = _kind(inner)
        if kind is None or name == "points":
            continue
        low, high = (inner.get(bound, inner.get(f"exclusive{bound.capitalize()}")) for bound in ("minimum", "maximum"))
        field = Field(
            name=name,
            kind=kind,
            description=str(outer.get("description", inner.get("description", ""))),
            needed=name in needed,
            default=outer.get("default"),
            low=low,
            high=high,
            choices=[str(one) for one in inner.get("enum", ())],
            fields=_fields(schema, inner) if kind == "rule" else [],
        )
        found.append(field)
    return found


def _kind(part: Mapping[str, Any]) -> Kind | None:
    if "enum" in part:
        return "choice"
    match part.get("type"):
        case "boolean":
            return "flag"
        case "number" | "integer":
            return "number"
        case "string":
            return "text"
        case "object":
            return "rule" if "properties" in part else None
        case "array":
            return _kind_of_array(part)
    return None


def _kind_of_array(part: Mapping[str, Any]) -> Kind | None:
    items = part.get("prefixItems", ())
    if len(items) == 2 and all(one.get("type") == "number" for one in items):
        return "point"
    if len(items) == 2 and all(one.get("type") == "array" for one in items):
        return "arrow"
    return "list" if part.get("items", {}).get("type") == "string" else None
