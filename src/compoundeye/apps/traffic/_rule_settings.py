"""What each rule of a zone can be told, and the ground that metres come from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from compoundeye.video import Section

Pixels = tuple[Annotated[float, Field(ge=-32768, le=32768)], Annotated[float, Field(ge=-32768, le=32768)]]
Metres = tuple[Annotated[float, Field(ge=-10000, le=10000)], Annotated[float, Field(ge=-10000, le=10000)]]
Level = Literal["A", "B", "C", "D", "E", "F"]


class Loitering(Section):
    """Who stays too long."""

    after_s: float = Field(default=60, ge=1, le=86400, description="how long somebody may stay, in s")


class Intrusion(Section):
    """Nobody may be here."""

    after_s: float = Field(default=0.5, ge=0, le=3600, description="how long a foot has to be inside, in s")


class WrongWay(Section):
    """Who moves against the direction."""

    direction: tuple[Pixels, Pixels] = Field(description="an arrow, from its start to its head: the way that is right")
    tolerance_deg: float = Field(default=120, ge=30, le=175, description="wrong is more than this away from the arrow")
    after_s: float = Field(default=1.0, ge=0.2, le=60, description="how long somebody has to move so, in s")
    least_speed: float = Field(default=0.2, ge=0.01, le=10, description="slower is no motion; in box heights a second")

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.direction[0] == self.direction[1]:
            raise ValueError("direction has to lead from one point to another")
        return self


class Stopped(Section):
    """What stands where it should not."""

    after_s: float = Field(default=10, ge=1, le=86400, description="how long something may stand, in s")
    classes: tuple[str, ...] | None = Field(default=None, description="only these; the zone's if not given")


class Speeding(Section):
    """What is too fast."""

    limit_kmh: float = Field(gt=0, le=400, description="the speed that is allowed")
    after_s: float = Field(default=0.5, ge=0, le=60, description="how long it has to be faster, in s")


class Crowding(Section):
    """How dense people are."""

    scale: Literal["walkway", "waiting", "stairs"] = Field(
        default="walkway", description="which of Fruin's scales: people walk, wait, or climb stairs here"
    )
    level: Level = Field(default="D", description="from this level on it is an event")
    after_s: float = Field(default=3, ge=0, le=3600, description="how long a level has to last to be believed, in s")


class Queue(Section):
    """Who waits here."""

    least_people: int = Field(default=2, ge=1, le=1000, description="fewer are no queue")
    after_s: float = Field(default=3, ge=0, le=600, description="who is here longer waits, in s")
    head: Pixels | None = Field(default=None, description="where it is served: lengths are measured from here")


class Abandoned(Section):
    """Bags that nobody is near to."""

    after_s: float = Field(default=60, ge=1, le=86400, description="how long nobody has been near, in s")
    near: float = Field(default=1.5, gt=0, le=20, description="near is nearer than this, in heights of that person")


class Length(Section):
    """A straight piece of the ground whose length is known, such as a marking of a lane."""

    points: tuple[Pixels, Pixels] = Field(description="its two ends, in pixels")
    metres: float = Field(gt=0, le=10000, description="its length")


class Ground(Section):
    """How pixels become metres: points whose place is known, or pieces whose length is known."""

    pixels: tuple[Pixels, ...] = Field(default=(), max_length=64, description="four or more points on the ground")
    metres: tuple[Metres, ...] = Field(default=(), max_length=64, description="where the same points are, in m")
    lengths: tuple[Length, ...] = Field(default=(), max_length=64, description="three or more; for a level camera")

    @model_validator(mode="after")
    def _one_way_or_the_other(self) -> Self:
        if len(self.pixels) != len(self.metres):
            raise ValueError(f"pixels has {len(self.pixels)} points and metres {len(self.metres)}: one each")
        if bool(self.pixels) == bool(self.lengths):
            raise ValueError("the ground is known either by pixels with metres, or by lengths")
        if self.pixels and len(self.pixels) < 4:
            raise ValueError(f"four points or more are needed, not {len(self.pixels)}")
        if self.lengths and len(self.lengths) < 3:
            raise ValueError(f"three lengths or more are needed, not {len(self.lengths)}")
        return self
