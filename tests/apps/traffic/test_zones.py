"""Zones: who is inside, for how long, and what is told of a quarter of an hour."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from street import BEGAN, Actor, street, walk

from compoundeye.records import Event

SQUARE = [[200, 100], [440, 100], [440, 300], [200, 300]]


def phases(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def test_occupancy_is_the_mean_the_most_and_the_stays() -> None:
    place = street(zones={"hall": {"points": SQUARE}}, interval_s=60)
    place.watch(
        [
            Actor(1, walk((0, 100, 200), (5, 300, 200), (35, 300, 200), (40, 100, 200))),
            Actor(2, lambda time_s: (400.0, 250.0) if time_s < 30 else None),
        ],
        61,
    )
    (told,) = place.of("occupancy")
    assert (told.start, told.end, told.type) == (BEGAN, BEGAN + 60, "new")
    assert told.after["zone"] == "hall"
    assert (told.after["max"], told.after["visits"]) == (2, 2)
    assert told.after["dwell_s"] == pytest.approx((35 + 30) / 2, abs=0.5)
    assert told.after["mean"] == pytest.approx((35 + 31) / 60, abs=0.03)  # who is out of sight stays for a second more
    assert place.app.state()["zones"]["hall"]["now"] == 0


def test_the_last_interval_is_told_when_the_stream_ends() -> None:
    place = street(zones={"hall": {"points": SQUARE}})
    place.watch([Actor(1, lambda _: (300.0, 200.0))], 10)
    (told,) = [event for event in place.end() if event.kind == "occupancy"]
    assert told.end == pytest.approx(BEGAN + 9.9)
    assert told.after["dwell_s"] is None  # nobody has left
    assert told.after["watched_s"] == pytest.approx(9.9)


def test_a_gap_in_the_stream_is_not_watched_time() -> None:
    place = street(zones={"hall": {"points": SQUARE}})
    place.watch([], 10)
    place.watch([], 10, start=300)
    place.end()
    assert place.of("occupancy")[0].after["watched_s"] == pytest.approx(19.8)


def test_somebody_on_the_edge_of_a_zone_comes_once() -> None:
    place = street(zones={"hall": {"points": SQUARE}})
    place.watch([Actor(1, lambda time_s: (201.0 if round(time_s * 10) % 2 else 199.0, 200.0))], 20)
    assert place.app.state()["zones"]["hall"]["visits"] <= 1


def test_a_foot_that_is_hidden_for_a_moment_neither_leaves_nor_comes_back() -> None:
    place = street(zones={"hall": {"points": SQUARE}})
    place.watch([Actor(1, lambda time_s: (300.0, 60.0 if 3 <= time_s < 3.15 else 200.0))], 10)
    assert place.app.state()["zones"]["hall"]["visits"] == 1


def test_a_bench_is_loitered_on() -> None:
    place = street(zones={"bench": {"points": SQUARE, "loitering": {"after_s": 30}}}, update_s=10)
    place.watch(
        [
            Actor(1, walk((0, 100, 200), (5, 300, 200), (65, 300, 200), (70, 100, 200))),
            Actor(2, walk((0, 0, 220), (32, 640, 220))),  # walks through
        ],
        75,
    )
    told = place.of("loitering")
    assert phases(told) == ["new", "update", "update", "update", "end"]
    assert {event.id for event in told} == {told[0].id}
    assert [event.revision for event in told] == [0, 1, 2, 3, 4]
    assert told[0].after == {"zone": "bench", "track": 1, "class": "person", "dwell_s": 30.0}
    assert [event.before for event in told[1:]] == [event.after for event in told[:-1]]
    assert told[-1].after["dwell_s"] == pytest.approx(65, abs=1)
    assert (told[-1].start, told[0].end) == (told[0].start, None)


def test_loitering_goes_on_over_a_change_of_id() -> None:
    place = street(zones={"bench": {"points": SQUARE, "loitering": {"after_s": 30}}})
    place.watch([Actor(lambda time_s: 1 if time_s < 20 else 2, lambda _: (300.0, 200.0))], 40)
    place.end()
    told = place.of("loitering")
    assert (told[0].type, told[-1].type) == ("new", "end")
    assert {event.after["track"] for event in told} == {1}


def test_somebody_steps_over_the_platform_edge_and_a_train_does_not_count() -> None:
    edge = {"points": SQUARE, "intrusion": {"after_s": 0.5}, "classes": ["person"]}
    place = street(zones={"edge": edge})
    place.watch(
        [
            Actor(1, walk((0, 300, 350), (2, 300, 250), (4, 300, 250), (6, 300, 350))),
            Actor(2, walk((0, 640, 280), (5, 0, 280)), kind="car"),
        ],
        8,
    )
    told = place.of("intrusion")
    assert (told[0].type, told[-1].type) == ("new", "end")
    assert {event.after["class"] for event in told} == {"person"}
    assert told[0].captured - BEGAN == pytest.approx(1.0 + 0.5, abs=0.2)  # over the edge after a second


def test_a_car_stops_in_the_bus_lane_and_one_that_crawls_does_not() -> None:
    lane = {"points": [[0, 100], [640, 100], [640, 300], [0, 300]], "stopped": {"after_s": 10, "classes": ["car"]}}
    place = street(zones={"lane": lane})
    place.watch(
        [
            Actor(1, walk((0, 0, 200), (4, 300, 200), (24, 300, 200), (28, 640, 200)), kind="car"),
            Actor(2, walk((0, 0, 250), (30, 300, 250)), kind="car"),
            Actor(3, lambda _: (500.0, 280.0)),  # a person waits
        ],
        30,
    )
    told = place.of("stopped")
    assert {event.after["track"] for event in told} == {1}
    assert (told[0].type, told[-1].type) == ("new", "end")
    assert told[0].captured - BEGAN == pytest.approx(14, abs=1)
    assert told[-1].after["stopped_s"] == pytest.approx(20, abs=1.5)


def test_a_car_goes_the_wrong_way() -> None:
    lane = {"points": [[0, 100], [640, 100], [640, 300], [0, 300]], "wrong_way": {"direction": [[0, 200], [640, 200]]}}
    place = street(zones={"lane": lane})
    place.watch(
        [
            Actor(1, walk((0, 640, 150), (8, 0, 150)), kind="car"),
            Actor(2, walk((0, 0, 250), (8, 640, 250)), kind="car"),
            Actor(3, lambda time_s: (300 + (3 if round(time_s * 10) % 2 else -3), 280.0)),  # stands and trembles
            Actor(4, walk((0, 320, 290), (5, 320, 110))),  # crosses the street
        ],
        10,
    )
    told = place.of("wrong_way")
    assert {event.after["track"] for event in told} == {1}
    assert (told[0].after["heading_deg"], told[0].after["expected_deg"]) == (270, 90)
    assert told[-1].type == "end"


def test_a_crowd_is_told_level_by_level() -> None:
    """Ten square metres: D from 1.39 m2 a person down, so from 8 people on."""
    hall = {"points": SQUARE, "area_m2": 10, "crowding": {"level": "D", "after_s": 1}}
    place = street(zones={"hall": hall}, update_s=60)
    people = [
        Actor(n + 1, lambda time_s, n=n: (210 + 20 * n, 200.0) if n <= time_s < 40 - n else None) for n in range(11)
    ]
    place.watch(people, 45)
    told = place.of("crowding")
    assert [(event.type, event.after["level"]) for event in told] == [
        ("new", "D"), ("update", "E"), ("update", "D"), ("end", "D"),
    ]  # fmt: skip
    assert told[0].after["people"] == 8
    assert told[0].after["density_per_m2"] == 0.8


def test_three_people_queue_and_one_walks_past() -> None:
    counter = {"points": SQUARE, "queue": {"least_people": 2, "after_s": 5, "head": [210, 200]}}
    ground = {"pixels": [[0, 0], [640, 0], [640, 360], [0, 360]], "metres": [[0, 0], [6.4, 0], [6.4, 3.6], [0, 3.6]]}
    place = street(zones={"counter": counter}, ground=ground, update_s=1)
    place.watch(
        [
            Actor(1, walk((0, 100, 200), (1, 220, 200), (21, 220, 200), (22, 100, 200))),
            Actor(2, walk((0, 600, 200), (2, 260, 200), (42, 260, 200), (43, 100, 200))),
            Actor(3, walk((0, 640, 210), (3, 300, 210), (50, 300, 210))),
            Actor(4, walk((10, 0, 280), (14, 640, 280))),
        ],
        50,
    )
    told = place.of("queue")
    assert (told[0].type, told[-1].type) == ("new", "end")
    assert max(event.after["people"] for event in told) == 3
    assert told[-2].after["wait_s"] == pytest.approx(20.5, abs=1)  # the first had to wait so long
    assert max(event.after["metres"] for event in told) == pytest.approx(0.9, abs=0.05)


def test_a_suitcase_is_left_behind() -> None:
    hall = {"points": SQUARE, "abandoned": {"after_s": 20}}
    place = street(zones={"hall": hall})
    place.watch(
        [
            Actor(1, walk((0, 100, 200), (2, 300, 200), (10, 300, 200), (15, 600, 200))),
            # The bag is not found for five seconds, and has another id then.
            Actor(lambda time_s: 2 if time_s < 20 else 3, lambda time_s: None if 20 < time_s < 25 else (310.0, 200.0),
                  kind="suitcase", height=25),
            Actor(4, walk((34, 100, 210), (40, 310, 210), (60, 310, 210))),
        ],
        50,
    )  # fmt: skip
    told = place.of("abandoned")
    assert (told[0].type, told[-1].type) == ("new", "end")
    assert told[0].after["class"] == "suitcase"
    assert told[0].captured - BEGAN == pytest.approx(31.5, abs=1.5)  # the owner was out of reach at about 11.5 s
    assert told[-1].captured - BEGAN == pytest.approx(38, abs=2)  # somebody comes to it


def test_conservation_tells_who_came_in_without_being_counted() -> None:
    """The line ends above the floor's edge; the third walks around it."""
    site = {
        "lines": {"door": {"points": [[200, 100], [200, 240]], "flip": True}},
        "zones": {"hall": {"points": [[200, 0], [640, 0], [640, 360], [200, 360]], "entrances": ["door"]}},
        "interval_s": 60,
    }
    place = street(**site)
    place.watch([Actor(9, lambda _: (600.0, 50.0))], 12)  # was inside from the beginning
    people = [Actor(n, walk((12, 100, y), (16, 300, y), (90, 300 + n, y))) for n, y in ((1, 150), (2, 220), (3, 300))]
    place.watch([Actor(9, lambda _: (600.0, 50.0)), *people], 50, start=12)
    (told,) = place.of("drift")
    assert told.after == {
        "zone": "hall", "in": 2, "out": 0, "inside_expected": 3, "inside_seen": 4, "drift": 1,
    }  # fmt: skip


@settings(deadline=None, max_examples=15)
@given(
    times=st.lists(st.tuples(st.floats(0, 40), st.floats(1, 40)), min_size=1, max_size=6),
    rate=st.sampled_from([2, 10]),
)
def test_in_less_out_is_who_is_inside_whoever_comes_and_goes(times: list[tuple[float, float]], rate: int) -> None:
    site = {
        "lines": {"door": {"points": [[200, -100], [200, 460]], "flip": True}},
        "zones": {"hall": {"points": [[200, -100], [700, -100], [700, 460], [200, 460]], "entrances": ["door"]}},
    }
    place = street(**site)
    actors = []
    for n, (comes, stays) in enumerate(times):
        y = 60 + 50.0 * n
        path = walk((0, 50, y), (11 + comes, 50, y), (14 + comes, 400, y), (14 + comes + stays, 400, y),
                    (17 + comes + stays, 50, y), (120, 50, y))  # fmt: skip
        actors.append(Actor(n + 1, path))
    place.watch(actors, 119, rate=rate)
    facts = place.app.state()["zones"]["hall"]["conservation"]
    assert (facts["in"], facts["out"], facts["drift"]) == (len(times), len(times), 0)


def test_settings_change_while_somebody_loiters() -> None:
    zones = {"bench": {"points": SQUARE, "loitering": {"after_s": 10}}}
    place = street(zones=zones)
    place.watch([Actor(1, lambda _: (300.0, 200.0))], 15)
    other = place.app.settings.model_validate({"zones": zones | {"door": {"points": SQUARE}}})
    place.app.configure(other)
    place.watch([Actor(1, lambda _: (300.0, 200.0))], 10, start=15)
    assert len({event.id for event in place.of("loitering")}) == 1
    place.app.configure(place.app.settings.model_validate({}))
    told = place.watch([Actor(1, lambda _: (300.0, 200.0))], 1, start=25)
    assert [event.type for event in told if event.kind == "loitering"] == ["end"]
    assert {event.after["zone"] for event in told if event.kind == "occupancy"} == {"bench", "door"}
    assert place.app.state()["zones"] == {}
