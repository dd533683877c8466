"""What a user says about a place: lines that are counted, zones that are watched, and how pixels become metres.

Points are pixels of the frame as shown, x to the right and y down. A site that was drawn on a frame of another size
says so in ``drawn_on``, and all its points are scaled.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from compoundeye.apps.traffic._rule_settings import (
    Abandoned,
    Crowding,
    Ground,
    Intrusion,
    Loitering,
    Queue,
    Speeding,
    Stopped,
    WrongWay,
)
from compoundeye.video import DetectorSettings, Section

Anchor = Literal["foot", "centre"]
XY = tuple[Annotated[float, Field(ge=-32768, le=32768)], Annotated[float, Field(ge=-32768, le=32768)]]
PEOPLE = ("person",)
VEHICLES = ("bicycle", "car", "motorcycle", "bus", "truck", "train")
BAGS = ("backpack", "handbag", "suitcase")


Name = Annotated[str, Field(min_length=1, max_length=60)]


def _distinct(points: tuple[XY, ...]) -> tuple[XY, ...]:
    for one, other in pairwise(points):
        if one == other:
            raise ValueError(f"the point {list(one)} stands twice in a row")
    return points


def _simple(corners: tuple[XY, ...]) -> tuple[XY, ...]:
    """Refuse a polygon whose edges cross: what is inside of a bow is not what whoever drew it meant."""
    edges = [*pairwise(corners), (corners[-1], corners[0])]
    for at, (a, b) in enumerate(edges):
        for c, d in edges[at + 1 :]:
            if _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0:
                raise ValueError(f"its edges cross between {list(a)} and {list(b)}: name the corners in order")
    return corners


def _turn(a: XY, b: XY, c: XY) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


class Line(Section):
    """A line that is counted, with its two directions."""

    points: Annotated[tuple[XY, ...], AfterValidator(_distinct)] = Field(
        min_length=2,
        max_length=64,
        description="two or more points in pixels; in is to the right hand of who walks from the first to the last",
    )
    flip: bool = Field(default=False, description="true: in is to the left hand")
    in_name: str = Field(default="in", min_length=1, max_length=40, description="what the direction in is called")
    out_name: str = Field(default="out", min_length=1, max_length=40, description="what the direction out is called")
    classes: tuple[str, ...] | None = Field(default=None, description="only these; all but bags if not given")
    anchor: Anchor | None = Field(default=None, description="the point of a box that crosses; [traffic]'s if not given")
    hysteresis: float = Field(
        default=0.1, ge=0, le=2, description="clear of the line is this far from it, in heights of the box"
    )
    settle_s: float = Field(default=0.3, ge=0, le=10, description="how long it has to be clear before it counts, in s")


class Zone(Section):
    """A polygon that is watched. How full it is is always measured; a rule applies if its table is there."""

    points: Annotated[tuple[XY, ...], AfterValidator(_distinct), AfterValidator(_simple)] = Field(
        min_length=3, max_length=64, description="corners in pixels; the last is joined to the first"
    )
    classes: tuple[str, ...] | None = Field(default=None, description="only these; all but bags if not given")
    anchor: Anchor | None = Field(default=None, description="the point of a box that is inside; [traffic]'s by default")
    hysteresis: float = Field(
        default=0.05, ge=0, le=2, description="inside and outside begin this far from the edge, in heights of the box"
    )
    settle_s: float = Field(default=0.3, ge=0, le=10, description="how long who comes or goes has to stay so, in s")
    area_m2: float | None = Field(default=None, gt=0, le=1e6, description="its area; from [traffic.ground] by default")
    entrances: tuple[str, ...] = Field(default=(), description="lines whose direction in leads into this zone")
    exits: tuple[str, ...] = Field(default=(), description="lines whose direction in leads out of this zone")
    loitering: Loitering | None = Field(default=None, description="who stays too long")
    intrusion: Intrusion | None = Field(default=None, description="nobody may be here, as beyond a platform's edge")
    wrong_way: WrongWay | None = Field(default=None, description="who moves against the direction")
    stopped: Stopped | None = Field(default=None, description="what stands where it should not")
    speeding: Speeding | None = Field(default=None, description="what is too fast; needs [traffic.ground]")
    crowding: Crowding | None = Field(default=None, description="how dense people are; needs an area")
    queue: Queue | None = Field(default=None, description="who waits here, and how long")
    abandoned: Abandoned | None = Field(default=None, description="bags that nobody is near to")


class Follow(Section):
    """How detections become tracks."""

    name: str = Field(default="bytetrack", description="the tracker; `eye track --help` lists them")
    settings: dict[str, float | int | bool | str] = Field(default={}, description="of that tracker, such as lost_s")
    linger_s: float = Field(
        default=1.0, ge=0, le=30, description="how long who was lost by the tracker still counts as there, in s"
    )


class TrafficSettings(Section):
    """People and vehicles at one camera."""

    detector: DetectorSettings = Field(
        default=DetectorSettings(), description="what looks at the frames; shared by all streams"
    )
    tracker: Follow = Field(default=Follow(), description="how detections become tracks")
    classes: tuple[str, ...] = Field(
        default=(*PEOPLE, *VEHICLES, *BAGS), min_length=1, description="what is followed, as COCO spells it"
    )
    anchor: Anchor = Field(default="foot", description="where a box stands: foot, or centre for a camera overhead")
    drawn_on: tuple[Annotated[int, Field(ge=16, le=32768)], Annotated[int, Field(ge=16, le=32768)]] | None = Field(
        default=None, description="width and height of the frame that points are pixels of; the stream's by default"
    )
    lines: dict[Name, Line] = Field(default={}, max_length=64, description="by name")
    zones: dict[Name, Zone] = Field(default={}, max_length=64, description="by name")
    ground: Ground | None = Field(default=None, description="how pixels become metres")
    interval_s: float = Field(default=900, ge=1, le=86400, description="flow and occupancy are told each so many s")
    update_s: float = Field(default=5, ge=0.1, le=3600, description="least s between two messages about one event")
    heat_columns: int = Field(default=48, ge=0, le=256, description="cells of the heat map from left to right; 0: none")

    draw_heat: bool = Field(default=False, description="whether the heat map is drawn over the picture")

    @model_validator(mode="after")
    def _lines_are_there(self) -> Self:
        for name, zone in self.zones.items():
            for line in (*zone.entrances, *zone.exits):
                if line not in self.lines:
                    there = ", ".join(self.lines) or "none"
                    raise ValueError(f"zone {name!r} names a line {line!r} that is not there (there are: {there})")
            if zone.speeding and self.ground is None:
                raise ValueError(f"zone {name!r} has a speed limit, which needs [traffic.ground]")
            if zone.crowding and zone.area_m2 is None and self.ground is None:
                raise ValueError(f"zone {name!r} measures crowding, which needs its area_m2 or [traffic.ground]")
        return self
