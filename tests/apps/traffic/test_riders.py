"""A cyclist is one road user, whatever boxes a detector gives."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from street import Actor, Path, Street, street, walk

ACROSS = walk((0, 600, 200), (5, 100, 200))


def cyclist(path: Path = ACROSS, ids: tuple[int, int] = (1, 2)) -> list[Actor]:
    """The person's box ends at the pedals, the bicycle's on the road."""

    def seat(time_s: float) -> tuple[float, float] | None:
        at = path(time_s)
        return at and (at[0], at[1] - 8)

    return [Actor(ids[0], seat, height=60), Actor(ids[1], path, kind="bicycle", height=34)]


def watched(actors: Sequence[Actor], classes: list[str] | None = None, seconds: float = 8) -> Street:
    door = {"points": [[320, 0], [320, 360]]} | ({"classes": classes} if classes else {})
    place = street(lines={"door": door})
    place.watch(actors, seconds)
    place.end()
    return place


def counted(place: Street) -> dict[str, int]:
    return dict(place.app.state()["lines"]["door"]["by_class"]["in"])


def test_a_cyclist_is_a_bicycle() -> None:
    assert counted(watched(cyclist())) == {"bicycle": 1}


def test_a_cyclist_is_a_person_where_only_people_are_counted() -> None:
    assert counted(watched(cyclist(), ["person"])) == {"person": 1}
    assert counted(watched(cyclist(), ["bicycle"])) == {"bicycle": 1}


def test_somebody_who_walks_past_a_parked_bicycle_is_a_person() -> None:
    parked = Actor(3, lambda _: (320.0, 202.0), kind="bicycle", height=34)
    assert counted(watched([Actor(1, ACROSS), parked])) == {"person": 1}


def test_somebody_beside_a_cyclist_is_a_person() -> None:
    beside = Actor(9, walk((0, 660, 200), (5, 160, 200)))
    assert counted(watched([*cyclist(), beside])) == {"bicycle": 1, "person": 1}


@pytest.mark.parametrize("lost_s", [1.0, 2.6, 3.2])
def test_a_cyclist_whose_bicycle_is_lost_is_not_lost(lost_s: float) -> None:
    """Before the line it is a person who crosses; behind it, it was a bicycle that did."""
    person, _ = cyclist()
    gone = Actor(2, lambda time_s: ACROSS(time_s) if time_s < lost_s else None, kind="bicycle", height=34)
    found = counted(watched([person, gone]))
    assert sum(found.values()) == 1, found


def test_a_zone_holds_a_cyclist_once() -> None:
    place = street(zones={"lane": {"points": [[0, 100], [640, 100], [640, 300], [0, 300]]}})
    place.watch(cyclist(), 4)
    assert place.app.state()["zones"]["lane"]["now"] == 1


def test_a_cyclist_beyond_the_edge_is_an_intruder() -> None:
    edge = {"points": [[0, 100], [640, 100], [640, 300], [0, 300]], "classes": ["person"], "intrusion": {}}
    place = street(zones={"edge": edge})
    place.watch(cyclist(), 4)
    assert {event.after["class"] for event in place.of("intrusion")} == {"person"}
