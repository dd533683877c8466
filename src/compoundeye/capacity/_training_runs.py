"""Published trainings as data: what was reported, and what the simulation is given to find it again."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from compoundeye.capacity._goodput import Goodput, goodput
from compoundeye.capacity._reliability import RATES, VALUES, reliability


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One published training."""

    name: str
    title: str
    place: str
    """Of its `reliability`."""
    goodput: float | None
    """Published; or, where only a bound was,"""
    at_least: float | None
    source: str
    fitted: bool
    """Whether a figure of its place was fitted on this run: then it proves nothing."""
    elsewhere: float
    """Share of the time lost to what was published but is not simulated: evaluation, outages of everything."""
    missing: str
    """Losses that were published without a figure: the simulation must then give more than was published."""
    settings: Mapping[str, float]
    """Arguments of `goodput`."""
    changes: Mapping[str, float]
    """What replaces figures of the place."""
    ranges: Mapping[str, tuple[float, float]]
    """Of settings and figures that are assumed or taken from elsewhere: from where to where they may be."""
    sources: Mapping[str, str]
    """By setting and figure."""

    @property
    def published(self) -> float:
        """The published goodput, or its published lower bound."""
        found = self.goodput if self.goodput is not None else self.at_least
        assert found is not None  # the file's own test sees to it
        return found

    def simulated(self, *, seed: int = 0, runs: int = 32, **instead: float) -> Goodput:
        """What the simulation gives, with some settings or figures replaced."""
        facts = {key: value for key, value in instead.items() if key in (*RATES, *VALUES)}
        place = reliability(self.place, **{**self.changes, **facts})
        settings: dict[str, Any] = {**self.settings, **{k: v for k, v in instead.items() if k not in facts}}
        for whole in ("gpus", "spares"):
            settings[whole] = int(settings[whole])
        return goodput(reliability=place, seed=seed, runs=runs, **settings)

    def predicted(self, *, seed: int = 0, runs: int = 32, **instead: float) -> float:
        """The goodput that the simulation and the published losses elsewhere give together."""
        return self.simulated(seed=seed, runs=runs, **instead).fraction * (1.0 - self.elsewhere)


def training_runs() -> tuple[TrainingRun, ...]:
    """Published trainings with their goodput (capacity/data/training_runs.toml)."""
    text = (files("compoundeye.capacity") / "data" / "training_runs.toml").read_text(encoding="utf-8")
    return tuple(_run(name, table) for name, table in tomllib.loads(text).items())


def _run(name: str, table: Mapping[str, Any]) -> TrainingRun:
    entries = {**table["setting"], **table.get("reliability", {})}
    return TrainingRun(
        name=name,
        title=table["title"],
        place=table["place"],
        goodput=table.get("goodput"),
        at_least=table.get("at_least"),
        source=table["source"],
        fitted=table.get("fitted", False),
        elsewhere=table.get("elsewhere", {}).get("value", 0.0),
        missing=table.get("missing", ""),
        settings={key: entry["value"] for key, entry in table["setting"].items()},
        changes={key: entry["value"] for key, entry in table.get("reliability", {}).items()},
        ranges={key: (ends[0], ends[1]) for key, ends in table.get("range", {}).items()},
        sources={key: entry["source"] for key, entry in entries.items()},
    )
