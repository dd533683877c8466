"""How often a place interrupts a training and how long it takes to recover: published figures, and the user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from compoundeye.capacity._term import Kind, Term
from compoundeye.models import home
from compoundeye.records import EyeError

HOUR = 3600.0
RATES = ("failures", "planned", "stragglers")
VALUES = ("hardware", "detection", "restart", "repair", "slowdown", "straggler_search")


@dataclass(frozen=True, slots=True)
class Reliability:
    """Rates of what interrupts a training, and times of what follows."""

    name: str
    title: str
    gpus_per_node: int
    failures: float
    """Interruptions that nobody planned, per GPU and hour."""
    hardware: float
    """Share of these that take a node out of service until it is repaired."""
    planned: float
    """Interruptions with warning, per hour of the whole job: a checkpoint is written first."""
    detection: float
    """Seconds until a failure is noticed."""
    restart: float
    """Seconds from nodes at hand to training: processes, communication, loading the checkpoint."""
    repair: float
    """Seconds until a node is back, on average."""
    stragglers: float = 0.0
    """Nodes that become slow and so slow down all, per GPU and hour."""
    slowdown: float = 0.0
    """How much longer a step takes then: 0.1 is a tenth."""
    straggler_search: float = 0.0
    """Seconds until a slow node is found and replaced."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """By field; ``assumed: why`` where nothing is published."""

    def mttf(self, gpus: int) -> float:
        """Mean seconds to an unplanned failure of a job on so many GPUs: they stand in series."""
        return HOUR / (self.failures * gpus) if self.failures else float("inf")

    def nodes(self, gpus: int) -> int:
        """Nodes that hold so many GPUs."""
        return -(-gpus // self.gpus_per_node)

    def terms(self) -> tuple[Term, ...]:
        """Each figure with its source."""
        units = {"failures": "1/(GPU h)", "stragglers": "1/(GPU h)", "planned": "1/h", "hardware": "1", "slowdown": "1"}
        return tuple(
            Term(f"reliability.{key}", getattr(self, key), units.get(key, "s"), "", kind_of(source), source)
            for key in (*RATES, *VALUES)
            if (source := self.sources.get(key, "assumed: given by the caller"))
        )


def kind_of(source: str) -> Kind:
    """What a source says of its figure: sources of assumptions begin with the word."""
    words: tuple[Kind, Kind] = ("assumed", "measured")
    for word in words:
        if source.startswith(word):
            return word
    return "published"


def reliability_names() -> tuple[str, ...]:
    """Names that `reliability` knows: those that come along, and ``reliability.toml`` in the folder of the user."""
    return tuple(sorted(_tables()))


def reliability(name: str = "llama3", **changes: float) -> Reliability:
    """Published or own figures by name, some of them replaced.

    ``failures``, ``planned`` and ``stragglers`` in ``changes`` are rates (per GPU and hour, per hour, per GPU and
    hour), the others what the fields of `Reliability` hold. Own tables stand in ``$COMPOUNDEYE_HOME/reliability.toml``,
    written like ``capacity/data/reliability.toml``; ``like = "llama3"`` takes over what a table does not say.

    Raises:
        EyeError: no such name, a table that lacks something, or a figure that cannot be.
    """
    found = _read(name, _tables())
    unknown = [key for key in changes if key not in (*RATES, *VALUES, "gpus_per_node")]
    if unknown:
        raise EyeError(f"reliability has no {unknown[0]}; it has {', '.join((*RATES, *VALUES, 'gpus_per_node'))}")
    sources = {**found.sources, **dict.fromkeys(changes, "assumed: given by the user")}
    return _checked(replace(found, **changes, sources=sources))  # type: ignore[arg-type]  # fields of numbers only


def _tables() -> dict[str, dict[str, Any]]:
    text = (files("compoundeye.capacity") / "data" / "reliability.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    own = home() / "reliability.toml"
    return {**tables, **_own(own)} if own.is_file() else tables


def _own(path: Path) -> dict[str, dict[str, Any]]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise EyeError(f"{path} cannot be read as TOML: {error}") from None


def _read(name: str, tables: Mapping[str, Mapping[str, Any]], above: tuple[str, ...] = ()) -> Reliability:
    if name not in tables:
        near = get_close_matches(name, tables, 3, 0.4) or sorted(tables)
        raise EyeError(f"no reliability figures are called {name}; there are {', '.join(near)}")
    table = tables[name]
    if name in above:
        raise EyeError(f"reliability {name} is like itself; let one of {', '.join(above)} say its figures")
    inherited = _read(table["like"], tables, (*above, name)) if "like" in table else None
    values: dict[str, float] = {}
    sources: dict[str, str] = {}
    for key in (*RATES, *VALUES):
        if key in table:
            values[key], sources[key] = _figure(name, key, table[key])
        elif inherited is not None:
            values[key] = getattr(inherited, key)
            sources[key] = f"{inherited.sources[key]} (taken over from {inherited.name})"
        else:
            raise EyeError(f"reliability {name} has no {key}; write it, or take it over with like = 'llama3'")
    size = table.get("gpus_per_node", inherited.gpus_per_node if inherited else 8)
    return _checked(Reliability(name, str(table.get("title", name)), int(size), **values, sources=sources))


def _figure(name: str, key: str, entry: object) -> tuple[float, str]:
    """A figure and its source: ``{value, source}``, or ``{count, gpu_hours or hours, source}`` for a rate."""
    try:
        source = str(entry["source"])  # type: ignore[index]  # whatever the user wrote: the error below says what
        if key in RATES:
            hours = entry["hours" if key == "planned" else "gpu_hours"]  # type: ignore[index]
            return float(entry["count"]) / float(hours), source  # type: ignore[index]
        return float(entry["value"]), source  # type: ignore[index]
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        form = "count, gpu_hours (planned: hours) and source" if key in RATES else "value and source"
        raise EyeError(f"reliability {name}: {key} must be a table with {form}") from None


def _checked(found: Reliability) -> Reliability:
    wrong = [key for key in (*RATES, *VALUES) if not 0 <= getattr(found, key) < float("inf")]
    wrong += ["hardware"] if found.hardware > 1 else []
    wrong += ["gpus_per_node"] if found.gpus_per_node < 1 else []
    if wrong:
        raise EyeError(f"reliability {found.name}: {wrong[0]} cannot be {getattr(found, wrong[0])}")
    return found
