"""From a recipe, a TOML file or a Python function, to settings."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from compoundeye.records import EyeError
from compoundeye.train._settings import Settings


def read_recipe(recipe: str, changes: Sequence[str] = ()) -> Settings:
    """Settings of a recipe.

    Args:
        recipe: a TOML file, or ``file.py:function`` where the function takes nothing and returns ``Settings``.
        changes: ``section.key=value`` each, the value as TOML has it; text needs no quotes.

    Raises:
        EyeError: no such recipe, or something in it is not a setting.
    """
    if ".py:" in recipe:
        values = _from_python(recipe).model_dump()
        where = recipe
    else:
        path = Path(recipe)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise EyeError(f"cannot read the recipe {path}: {error.strerror}; see recipes/ for examples") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise EyeError(f"{path} is not TOML: {error}") from None
        values.setdefault("name", path.stem)
        where = str(path)
    return settings_of(values, where, changes)


def settings_of(values: Mapping[str, Any], where: str, changes: Sequence[str] = ()) -> Settings:
    """Checked settings.

    Args:
        where: they are from, for messages.
        changes: as `read_recipe` takes them; ``values`` stay as they are.

    Raises:
        EyeError: a key is unknown or a value is not allowed; says which, and where.
    """
    changed = deepcopy(dict(values))
    for change in changes:
        _set(changed, change)
    try:
        return Settings.model_validate(changed)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "settings"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        reason = "no such setting" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        raise EyeError(f"{where}: {key}: {reason}{more}") from None


def _set(values: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise EyeError(f"--set {change}: give it as section.key=value, for instance --set data.batch=256")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, last = key.strip().split(".")
    place: Any = values
    for section in sections:
        place = place[int(section)] if isinstance(place, list) else place.setdefault(section, {})
        if not isinstance(place, (dict, list)):
            raise EyeError(f"--set {change}: {section} is a value, not a section")
    place[int(last) if isinstance(place, list) else last] = value


def _from_python(recipe: str) -> Settings:
    path, _, name = recipe.rpartition(":")
    spec = importlib.util.spec_from_file_location("recipe", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise EyeError(f"cannot read the recipe {path}: no such Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    found = function() if callable(function) else None
    if not isinstance(found, Settings):
        raise EyeError(f"{path} has no function {name} that returns compoundeye.train.Settings")
    return found


def as_json(settings: Settings) -> dict[str, Any]:
    """Plain values, as settings.json keeps them."""
    plain: dict[str, Any] = json.loads(settings.model_dump_json())
    return plain
