"""How a stream's traffic is now, as plain values: what a status file and a page show."""

from __future__ import annotations

from typing import Any

from compoundeye.apps.traffic._desk import Desk
from compoundeye.apps.traffic._layout import Layout, WatchedLine, WatchedZone
from compoundeye.apps.traffic._visitors import Visitors

DOUBTFUL_FIT = 0.05
"""A ground plane that misses what it was made of by a larger share is worth a warning."""
DRIFT = 2
"""So many people more or less than counted are worth a warning, and a tenth of all who were counted."""


def state(layout: Layout, desk: Desk, visitors: Visitors, tracks: int) -> dict[str, Any]:
    """Counters by line, fillings by zone, what lasts, warnings."""
    return {
        "tracks": tracks,
        "lines": {name: _line(line) for name, line in layout.lines.items()},
        "zones": {name: _zone(zone) for name, zone in layout.zones.items()},
        "lasting": [{"id": event.id, "kind": kind, **event.after} for kind, _, event in desk.open()],
        "warnings": _warnings(layout, visitors),
    }


def _line(line: WatchedLine) -> dict[str, Any]:
    tally = line.counter.tally
    return {
        "in": tally.into.total(),
        "out": tally.out.total(),
        "in_name": line.counter.line.in_name,
        "out_name": line.counter.line.out_name,
        "by_class": {"in": dict(tally.into), "out": dict(tally.out)},
    }


def _zone(zone: WatchedZone) -> dict[str, Any]:
    watch = zone.watch
    told: dict[str, Any] = {
        "now": len(watch.rows),
        "mean": round(watch.memory.filling.mean, 2),
        "max": watch.memory.filling.most,
        "visits": watch.memory.visits,
    }
    if watch.area_m2 is not None:
        told["area_m2"] = round(watch.area_m2, 1)
    for rule in zone.rules:
        told[rule.kind] = dict(rule.state())
    if zone.conservation:
        told["conservation"] = zone.conservation.facts()
    return told


def _warnings(layout: Layout, visitors: Visitors) -> list[str]:
    warnings = []
    if layout.ground is not None and layout.ground.error > DOUBTFUL_FIT:
        warnings.append(f"the ground plane misses what it was made of by {layout.ground.error:.0%}: speeds are rough")
    if visitors.refused:
        warnings.append(f"{visitors.refused} tracks were not looked at: there are too many at a time")
    for name, zone in layout.zones.items():
        facts = zone.conservation.facts() if zone.conservation else {}
        if facts and abs(facts["drift"]) >= max(DRIFT, (facts["in"] + facts["out"]) / 10):
            warnings.append(
                f"zone {name}: its lines say that {facts['inside_expected']:g} are inside, "
                f"and {facts['inside_seen']:g} are seen"
            )
    return warnings
