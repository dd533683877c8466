"""All that settings ask for at one stream, made of them: lines, zones, their rules, the ground."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compoundeye.apps.traffic._conservation import Conservation
from compoundeye.apps.traffic._flow import Flow
from compoundeye.apps.traffic._geometry import Float64
from compoundeye.apps.traffic._ground import GroundPlane, ground_plane
from compoundeye.apps.traffic._lines import LineCounter
from compoundeye.apps.traffic._places import Places
from compoundeye.apps.traffic._rule_abandoned import AbandonedRule
from compoundeye.apps.traffic._rule_crowd import CrowdingRule
from compoundeye.apps.traffic._rule_motion import SpeedingRule, WrongWayRule
from compoundeye.apps.traffic._rule_queue import QueueRule
from compoundeye.apps.traffic._rule_stay import IntrusionRule, LoiteringRule, StoppedRule
from compoundeye.apps.traffic._rules import Rule
from compoundeye.apps.traffic._settings import Line, TrafficSettings, Zone
from compoundeye.apps.traffic._zone import ZoneWatch
from compoundeye.records import EyeError
from compoundeye.video import Stream


@dataclass(frozen=True, slots=True)
class WatchedLine:
    """One line with what it counts."""

    counter: LineCounter
    flow: Flow


@dataclass(frozen=True, slots=True)
class WatchedZone:
    """One zone with its rules."""

    watch: ZoneWatch
    rules: tuple[Rule, ...]
    conservation: Conservation | None


@dataclass(frozen=True, slots=True)
class Layout:
    """What is watched at one stream."""

    lines: Mapping[str, WatchedLine]
    zones: Mapping[str, WatchedZone]
    ground: GroundPlane | None


def layout(stream: Stream, settings: TrafficSettings, before: Layout | None = None) -> Layout:
    """Make what settings ask for. What is the same as before goes on; a line or zone that only changed keeps counts.

    Raises:
        EyeError: settings do not fit the stream; the message names the field and what is allowed.
    """
    places = Places(stream, settings)
    ground = None if settings.ground is None else ground_plane(settings.ground, places)
    old = before or Layout({}, {}, None)
    return Layout(
        {name: _line(name, line, settings, places, old.lines.get(name)) for name, line in settings.lines.items()},
        {name: _zone(name, zone, settings, places, ground, old) for name, zone in settings.zones.items()},
        ground,
    )


def _line(name: str, line: Line, settings: TrafficSettings, places: Places, old: WatchedLine | None) -> WatchedLine:
    points = places.points(line.points, f"lines.{name}.points")
    anchor = line.anchor or settings.anchor
    if old is None:
        return WatchedLine(LineCounter(name, line, points, anchor), Flow())
    same = old.counter.line == line and old.counter.anchor == anchor and np.array_equal(old.counter.points, points)
    return old if same else WatchedLine(LineCounter(name, line, points, anchor, old.counter.tally), old.flow)


def _zone(
    name: str, zone: Zone, settings: TrafficSettings, places: Places, ground: GroundPlane | None, old: Layout
) -> WatchedZone:  # fmt: skip
    polygon = places.points(zone.points, f"zones.{name}.points")
    area_m2 = _area(name, zone, polygon, ground)
    anchor = zone.anchor or settings.anchor
    was = old.zones.get(name)
    watch = ZoneWatch(name, zone, polygon, anchor, area_m2, was.watch.memory if was else None)
    if was:
        watch.rows, watch.everything = was.watch.rows, was.watch.everything
    conservation = (was and was.conservation) or Conservation()
    if was and was.watch.zone == zone and was.watch.area_m2 == area_m2 and np.array_equal(was.watch.polygon, polygon):
        return WatchedZone(watch, was.rules, was.conservation)
    around = zone.entrances or zone.exits
    if was and (was.watch.zone.entrances, was.watch.zone.exits) != (zone.entrances, zone.exits):
        conservation = Conservation()
    return WatchedZone(watch, tuple(_rules(name, zone, places, area_m2)), conservation if around else None)


def _rules(name: str, zone: Zone, places: Places, area_m2: float | None) -> list[Rule]:
    rules: list[Rule] = []
    if zone.intrusion:
        rules.append(IntrusionRule(zone.intrusion))
    if zone.loitering:
        rules.append(LoiteringRule(zone.loitering))
    if zone.stopped:
        rules.append(StoppedRule(zone.stopped))
    if zone.wrong_way:
        arrow = places.points(zone.wrong_way.direction, f"zones.{name}.wrong_way.direction")
        rules.append(WrongWayRule(zone.wrong_way, arrow))
    if zone.speeding:
        rules.append(SpeedingRule(zone.speeding))
    if zone.crowding:
        assert area_m2 is not None  # the settings see to it
        rules.append(CrowdingRule(zone.crowding, area_m2))
    if zone.queue:
        head = zone.queue.head and places.points([zone.queue.head], f"zones.{name}.queue.head")
        rules.append(QueueRule(zone.queue, head))
    if zone.abandoned:
        rules.append(AbandonedRule(zone.abandoned))
    return rules


def _area(name: str, zone: Zone, polygon: Float64, ground: GroundPlane | None) -> float | None:
    if zone.area_m2 is not None or ground is None:
        return zone.area_m2
    area_m2 = ground.area_m2(polygon)
    if math.isnan(area_m2):
        if zone.crowding:
            raise EyeError(f"traffic.zones.{name}.points: a corner is above the horizon of [traffic.ground]")
        return None
    return area_m2
