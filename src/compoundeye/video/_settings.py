"""What settings of moving pictures have in common, and the sentence that a wrong one is answered with."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from compoundeye.records import EyeError

Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """A part of the settings: complete, unchangeable, and without room for a misspelt key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def checked(model: type[Model], values: Mapping[str, Any], where: str, above: Sequence[str] = ()) -> Model:
    """Settings of a kind, or the sentence that says which field is wrong and what it may be.

    Args:
        values: as a TOML file holds them.
        where: they are from, such as the file, for the message.
        above: names of the tables that ``values`` stand in, for the message.

    Raises:
        EyeError: a field is unknown, missing or not allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        key = ".".join([*above, *map(str, first["loc"])]) or "settings"
        raise EyeError(f"{where}: {key}: {_reason(model, first)}{more}") from None


def _reason(model: type[BaseModel], first: Any) -> str:
    schema = model.model_json_schema()
    place, *names = first["loc"][::-1] or ("",)
    if first["type"] == "extra_forbidden":
        known = list(_part(schema, names[::-1]).get("properties", ()))
        near = difflib.get_close_matches(str(place), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        return f"no such setting; {hint}"
    if first["type"] == "missing":
        return "is missing"
    given = first["input"]
    shown = repr(given) if isinstance(given, (bool, int, float, str)) else "this"
    if allowed := _allowed(_part(schema, first["loc"])):
        return f"{shown} is not allowed; it is {allowed}"
    said = str(first["msg"]).removeprefix("Value error, ")
    if said.startswith("Input "):
        return f"{shown}: {said.removeprefix('Input ')}"
    return said


def _part(schema: Mapping[str, Any], names: Sequence[str | int]) -> Mapping[str, Any]:
    """What a JSON schema says of a place in the settings; empty where it says nothing."""
    found = resolved(schema, schema)
    for name in names:
        inner: Mapping[str, Any] | None
        if isinstance(name, int):
            prefix = found.get("prefixItems", ())
            inner = prefix[name] if name < len(prefix) else found.get("items")
        else:
            inner = found.get("properties", {}).get(name) or found.get("additionalProperties")
        if not isinstance(inner, Mapping):
            return {}
        found = resolved(schema, inner)
    return found


def resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of a JSON schema itself: behind references, and of what may be left out, what it is when given."""
    while True:
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        elif "anyOf" in part:
            part = next((one for one in part["anyOf"] if one.get("type") != "null"), {})
        else:
            return part


def _allowed(field: Mapping[str, Any]) -> str:
    """The whole range, where there is one: the message of a failed bound tells that bound alone."""
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = {name: field[name] for name in words if name in field}
    if set(bounds) == {"minimum", "maximum"}:
        return "{minimum:g} to {maximum:g}".format_map(bounds)
    if set(bounds) == {"exclusiveMinimum", "exclusiveMaximum"}:
        return "between {exclusiveMinimum:g} and {exclusiveMaximum:g}".format_map(bounds)
    return " and ".join(f"{words[name]} {value:g}" for name, value in bounds.items())


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over`` in it: tables are merged, all else is replaced."""
    result = dict(base)
    for name, value in over.items():
        below = result.get(name)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[name] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result
