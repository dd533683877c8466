"""Counting lines, as people and cars cross them in life: once each, whatever the boxes do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from street import Actor, Street, street, walk

DOOR = {"lines": {"door": {"points": [[320, 0], [320, 360]]}}}
"""From top to bottom, so that in is to the left."""


def counts(place: Street, line: str = "door") -> tuple[int, int]:
    tally = place.app.state()["lines"][line]
    return tally["in"], tally["out"]


def crossed(*actors: Actor, seconds: float, rate: float = 10.0, **line: object) -> tuple[int, int]:
    place = street(lines={"door": {"points": [[320, 0], [320, 360]], **line}})
    place.watch(actors, seconds, rate=rate)
    place.end()
    return counts(place)


def test_one_person_goes_in_and_another_comes_out() -> None:
    place = street(**DOOR)
    place.watch([Actor(1, walk((0, 500, 200), (4, 100, 200))), Actor(2, walk((1, 100, 300), (5, 500, 300)))], 6)
    assert counts(place) == (1, 1)
    into, out = place.of("crossing")
    assert into.after == {
        "line": "door", "direction": "in", "name": "in", "class": "person", "track": 1, "in": 1, "out": 0,
    }  # fmt: skip
    assert (into.type, into.revision, into.before) == ("new", 0, None)
    assert out.after["direction"] == "out"
    assert (
        into.start == into.end == pytest.approx(1_800_000_001.9, abs=0.11)
    )  # when it cut the line, not when it was sure
    assert into.captured > into.start
    assert into.id != out.id


def test_flip_turns_the_directions_round() -> None:
    assert crossed(Actor(1, walk((0, 500, 200), (4, 100, 200))), seconds=5, flip=True) == (0, 1)


def test_somebody_who_stands_on_the_line_counts_once_when_he_goes_on() -> None:
    rng = np.random.default_rng(3)

    def path(time_s: float) -> tuple[float, float]:
        if time_s < 2:
            return 420 - 50 * time_s, 200.0
        if time_s < 32:
            return 320 + float(rng.uniform(-5, 5)), 200.0
        return 320 - 50 * (time_s - 32), 200.0

    assert crossed(Actor(1, path), seconds=36) == (1, 0)


def test_somebody_who_turns_round_on_the_line_does_not_count() -> None:
    assert crossed(Actor(1, walk((0, 400, 200), (3, 318, 200), (6, 400, 200))), seconds=7) == (0, 0)


def test_somebody_who_comes_back_counts_in_and_out() -> None:
    assert crossed(Actor(1, walk((0, 400, 200), (3, 200, 200), (6, 400, 200))), seconds=7) == (1, 1)


def test_a_box_that_shrinks_for_a_moment_behind_a_bench_does_not_count() -> None:
    """The feet are hidden for two frames, and the lower edge jumps over a line that runs along the street."""
    place = street(lines={"kerb": {"points": [[0, 200], [640, 200]]}})

    def path(time_s: float) -> tuple[float, float]:
        return 100 + 20 * time_s, 175.0 if 3.0 <= time_s < 3.19 else 215.0

    place.watch([Actor(1, path)], 10)
    assert counts(place, "kerb") == (0, 0)


def test_who_walks_around_the_end_of_a_line_does_not_cross_it() -> None:
    place = street(lines={"door": {"points": [[320, 100], [320, 200]]}})
    place.watch([Actor(1, walk((0, 400, 250), (4, 200, 250))), Actor(2, walk((0, 400, 150), (4, 200, 150)))], 5)
    assert counts(place) == (1, 0)


def test_one_box_jumps_over_the_line_because_frames_were_dropped() -> None:
    assert crossed(Actor(1, walk((0, 500, 200), (4, 100, 200))), seconds=5, rate=0.5) == (1, 0)


def test_the_tracker_gives_another_id_on_the_line() -> None:
    for change in np.arange(1.0, 3.0, 0.1):
        switching = Actor(lambda time_s, at=change: 1 if time_s < at else 2, walk((0, 500, 200), (4, 100, 200)))
        assert crossed(switching, seconds=5) == (1, 0), change


def test_another_id_after_half_a_second_out_of_sight_on_the_line() -> None:
    def path(time_s: float) -> tuple[float, float] | None:
        return None if 1.7 < time_s < 2.2 else (500 - 100 * time_s, 200.0)

    assert crossed(Actor(lambda time_s: 1 if time_s < 2 else 2, path), seconds=5) == (1, 0)


def test_a_predicted_box_crosses_nothing() -> None:
    """The tracker moves a lost box on over the line; the person had stopped behind a pillar before it."""

    def path(time_s: float) -> tuple[float, float]:
        if time_s < 1.5:
            return 480 - 100 * time_s, 200.0
        return (330 - 100 * (time_s - 1.5), 200.0) if time_s < 2.5 else (335.0, 200.0)

    assert crossed(Actor(1, path, seen=lambda time_s: not 1.5 <= time_s < 2.5), seconds=6) == (0, 0)


def test_somebody_is_lost_just_behind_the_line() -> None:
    assert crossed(Actor(1, walk((0, 400, 200), (1.7, 317, 200))), seconds=5) == (1, 0)


def test_only_the_classes_of_the_line_count() -> None:
    both = (Actor(1, walk((0, 500, 200), (4, 100, 200))), Actor(2, walk((0, 500, 300), (4, 100, 300)), kind="car"))
    assert crossed(*both, seconds=5, classes=["car"]) == (1, 0)
    assert crossed(*both, seconds=5) == (2, 0)


def test_a_line_of_several_pieces_is_crossed_once_at_its_corner() -> None:
    place = street(lines={"bend": {"points": [[320, 0], [320, 180], [640, 180]]}})
    place.watch([Actor(1, walk((0, 400, 100), (4, 240, 260)))], 5)  # through the very corner
    assert sum(counts(place, "bend")) == 1


def test_a_changed_line_keeps_its_counts() -> None:
    place = street(**DOOR)
    place.watch([Actor(1, walk((0, 500, 200), (4, 100, 200)))], 5)
    lines = {"door": {"points": [[200, 0], [200, 360]]}, "new": {"points": [[9, 0], [9, 9]]}}
    moved = place.app.settings.model_validate({"lines": lines})
    place.app.configure(moved)
    place.watch([Actor(2, walk((5, 300, 200), (8, 100, 200)))], 4, start=5)
    assert counts(place) == (2, 0)
    assert counts(place, "new") == (0, 0)


PATHS = st.lists(st.tuples(st.floats(0, 640), st.floats(0, 360)), min_size=2, max_size=40)


@settings(deadline=None)
@given(path=PATHS, hysteresis=st.floats(0, 1), settle_s=st.floats(0, 2), rate=st.sampled_from([0.5, 5.0, 25.0]))
def test_in_less_out_is_the_side_where_a_path_ends_less_that_where_it_began(
    path: list[tuple[float, float]], hysteresis: float, settle_s: float, rate: float
) -> None:
    """Any path, any hysteresis, any rate: the line divides the picture, so only its ends decide the difference."""
    place = street(
        lines={"door": {"points": [[320, -100], [320, 460]], "hysteresis": hysteresis, "settle_s": settle_s}}
    )
    for number, at in enumerate(path):
        place.see(number / rate, [Actor(1, lambda _, at=at: at)])
    place.end()
    into, out = counts(place)
    # Boxes are single precision: the side is that of the box as the tracker gives it.
    left = [bool(np.float32(np.float32(x - 12) + np.float32(x + 12)) / 2 <= 320) for x, _ in (path[0], path[-1])]
    assert into - out == int(left[1]) - int(left[0])
    sides = [x <= 320 for x, _ in path]
    assert into + out <= sum(one != other for one, other in pairwise(sides)) + 2


@settings(deadline=None)
@given(
    path=st.lists(st.tuples(st.floats(330, 640), st.floats(0, 360)), min_size=1, max_size=40),
    ids=st.lists(st.integers(1, 3), min_size=40, max_size=40),
)
def test_nothing_is_counted_without_a_crossing(path: list[tuple[float, float]], ids: list[int]) -> None:
    """Whatever the ids do: nobody was ever on the other side."""
    place = street(**DOOR)
    for number, (at, track) in enumerate(zip(path, ids, strict=False)):
        place.see(number / 10, [Actor(track, lambda _, at=at: at)])
    place.end()
    assert counts(place) == (0, 0)


@settings(deadline=None)
@given(
    xs=st.lists(st.floats(-5.9, 5.9), min_size=1, max_size=80),
    lasts=st.lists(st.integers(1, 8), min_size=80, max_size=80),
)
def test_a_flicker_within_the_hysteresis_never_counts_twice(xs: list[float], lasts: list[int]) -> None:
    """60 pixels high, a tenth of that to each side: whatever happens in between is one crossing at most."""
    place = street(**DOOR)
    time_s = 0.0
    for x, frames in zip([100, *xs, 100], [5, *lasts, 5], strict=False):
        for _ in range(frames):
            place.see(time_s, [Actor(1, lambda _, x=x: (320 + x, 200.0))])
            time_s += 0.04
    place.end()
    assert counts(place) == (0, 0)


@settings(deadline=None)
@given(every=st.integers(1, 12), first=st.integers(0, 11))
def test_dropped_frames_change_no_count(every: int, first: int) -> None:
    """Six people, each over the line once; of 10 frames a second only some come, down to 0.8 a second."""
    actors = [Actor(1 + n, walk((n, 560 - 10 * n, 60 + 50 * n), (n + 5, 80, 60 + 50 * n))) for n in range(6)]
    place = street(**DOOR)
    for number in range(first, 130, every):
        place.see(number / 10, actors)
    place.end()
    assert counts(place) == (6, 0)
