"""The table of applications."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import Any

from compoundeye.records import EyeError
from compoundeye.video import Application

APPLICATIONS = {
    "face": "faces: followed, held against a gallery if there is one; strangers hidden",
    "traffic": "people and vehicles: lines, zones, speed, crowding",
}
"""Name of each, and of its folder, whose front door exports ``APPLICATION``; and what it is for."""


def application(name: str) -> Application[Any, Any]:
    """The application of a name.

    Raises:
        EyeError: there is none; the message offers the nearest ones.
    """
    if name not in APPLICATIONS:
        near = difflib.get_close_matches(name, APPLICATIONS, cutoff=0.4) or list(APPLICATIONS)
        raise EyeError(f"there is no application {name!r}: did you mean {', '.join(near)}?")
    found: Application[Any, Any] = import_module(f"compoundeye.apps.{name}").APPLICATION
    return found
