"""Visitors: who is who over gaps, other ids and full houses."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from street import tracks

from compoundeye.apps.traffic._visitors import CAPACITY, Visitors, centre, foot

STILL = np.zeros((CAPACITY, 2))


def step(visitors: Visitors, time_s: float, *people: tuple[int, float, float, bool]) -> list[tuple[int, bool]]:
    """Ids of who is present, and whether they are new."""
    seen = tracks([(track, "person", (x, y), 60.0, seen) for track, x, y, seen in people])
    present = visitors.step(seen, STILL, time_s)
    return list(zip(visitors.ids[present.rows].tolist(), present.fresh.tolist(), strict=True))


def test_a_track_keeps_its_row_and_is_new_once() -> None:
    visitors = Visitors(1.0)
    assert step(visitors, 0.0, (1, 100, 200, True)) == [(1, True)]
    assert step(visitors, 0.1, (1, 102, 200, True)) == [(1, False)]


def test_who_is_away_for_less_than_the_linger_is_still_there() -> None:
    visitors = Visitors(1.0)
    step(visitors, 0.0, (1, 100, 200, True))
    step(visitors, 0.9)
    assert len(visitors.live()) == 1
    assert step(visitors, 0.95, (1, 140, 200, True)) == [(1, False)]
    present = visitors.step(tracks([]), STILL, 2.0)
    assert len(visitors.live()) == 0
    assert visitors.ids[present.gone].tolist() == [1]
    assert step(visitors, 2.1, (1, 140, 200, True)) == [(1, True)]


def test_another_id_at_the_same_place_is_the_same_visitor() -> None:
    visitors = Visitors(1.0)
    step(visitors, 0.0, (1, 100, 200, True))
    assert step(visitors, 0.1, (2, 110, 203, True)) == [(1, False)]
    assert step(visitors, 0.2, (2, 110, 203, True), (1, 300, 203, True)) == [(1, False), (1, True)]  # and back again


def test_another_id_far_away_is_somebody_else() -> None:
    visitors = Visitors(1.0)
    step(visitors, 0.0, (1, 100, 200, True))
    assert step(visitors, 0.1, (2, 180, 200, True)) == [(2, True)]


def test_another_id_beside_one_that_is_there_is_somebody_else() -> None:
    visitors = Visitors(1.0)
    step(visitors, 0.0, (1, 100, 200, True))
    assert step(visitors, 0.1, (1, 100, 200, True), (2, 105, 200, True)) == [(1, False), (2, True)]


def test_a_track_that_is_only_predicted_gives_its_place_to_one_that_is_seen() -> None:
    visitors = Visitors(1.0)
    step(visitors, 0.0, (1, 100, 200, True))
    step(visitors, 0.1, (1, 100, 200, False))
    assert step(visitors, 0.2, (1, 100, 200, False), (2, 104, 200, True)) == [(1, False)]


def test_two_new_tracks_do_not_share_a_lost_one() -> None:
    visitors = Visitors(1.0)
    step(visitors, 0.0, (1, 100, 200, True))
    found = step(visitors, 0.3, (2, 104, 200, True), (3, 98, 200, True))
    assert [fresh for _, fresh in found].count(True) == 1


def test_a_place_is_where_it_would_be_by_now() -> None:
    visitors = Visitors(1.0)
    step(visitors, 0.0, (1, 100, 200, True))
    velocity = np.full((CAPACITY, 2), [100.0, 0.0])
    present = visitors.step(tracks([(2, "person", (190, 200), 60.0, True)]), velocity, 0.9)
    assert not present.fresh.any()


def test_another_class_or_size_is_somebody_else() -> None:
    for kind, height in (("car", 60.0), ("person", 120.0)):
        visitors = Visitors(1.0)
        step(visitors, 0.0, (1, 100, 200, True))
        assert visitors.step(tracks([(2, kind, (100, 200), height, True)]), STILL, 0.1).fresh.all()


def test_a_full_house_refuses_and_says_so() -> None:
    visitors = Visitors(1.0)
    crowd = [(n, 1000.0 * n, 200.0, True) for n in range(1, CAPACITY + 11)]
    assert len(step(visitors, 0.0, *crowd)) == CAPACITY
    assert visitors.refused == 10
    assert step(visitors, 5.0, (99_999, 0.0, 0.0, True)) == []  # rows are free from the next frame on
    assert step(visitors, 5.1, (99_999, 0.0, 0.0, True)) == [(99_999, True)]


@given(
    steps=st.lists(
        st.lists(st.tuples(st.integers(1, 6), st.floats(0, 640), st.floats(60, 360), st.booleans()), max_size=5),
        max_size=25,
    ),
    gap=st.floats(0.04, 1.5),
)
@settings(deadline=None)
def test_no_two_visitors_share_a_row(steps: list[list[tuple[int, float, float, bool]]], gap: float) -> None:
    visitors = Visitors(1.0)
    for number, people in enumerate(steps):
        once = list({person[0]: person for person in people}.values())
        seen = tracks([(track, "person", (x, y), 60.0, seen) for track, x, y, seen in once])
        present = visitors.step(seen, STILL, number * gap)
        assert len(set(present.rows.tolist())) == len(present.rows)
        live = visitors.live().tolist()
        assert len(set(live)) == len(live)
        assert set(present.rows.tolist()) <= set(live)
        assert not set(present.gone.tolist()) & set(live)


def test_where_boxes_stand_and_where_their_middle_is() -> None:
    box = np.array([[10.0, 20.0, 30.0, 80.0]])
    assert foot(box).tolist() == [[20, 80]]
    assert centre(box).tolist() == [[20, 50]]
