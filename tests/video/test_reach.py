"""Few frames a second: who walks on is still the same, and neighbours are not mixed up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.records import Detections
from compoundeye.video import TRACKERS, tracker
from compoundeye.video._reach import WIDEST, widening

WIDTH, HEIGHT = 30.0, 100.0


def people(*left: float) -> Detections:
    """Side by side at the same height, all sure."""
    boxes = np.array([[x, 50, x + WIDTH, 50 + HEIGHT] for x in left], np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(len(left), 0.9, np.float32), np.zeros(len(left), np.int32), ("person",))


@pytest.mark.parametrize("name", TRACKERS)
@pytest.mark.parametrize("rate", [2.0, 3.0, 5.0, 10.0, 25.0])
def test_a_walker_keeps_one_id_at_any_rate(name: str, rate: float) -> None:
    following = tracker(name)
    speed = 2.4 * WIDTH  # a brisk walk, in pixels a second
    ids = set[int]()
    for index in range(20):
        time_s = index / rate
        tracks = following.update(people(speed * time_s), time_s)
        ids |= set(tracks.ids.tolist())
    assert ids == {1}


@pytest.mark.parametrize("name", TRACKERS)
def test_two_who_pass_each_other_far_apart_stay_two(name: str) -> None:
    following = tracker(name)
    seen = dict[int, list[float]]()
    for index in range(16):
        time_s = index / 2
        near, far = people(60 * time_s), people(900 - 60 * time_s)
        both = Detections(
            np.concatenate([near.boxes, far.boxes + np.float32([0, 300, 0, 300])]),
            np.concatenate([near.scores, far.scores]),
            np.concatenate([near.classes, far.classes]),
            near.names,
        )
        tracks = following.update(both, time_s)
        for one, box in zip(tracks.ids.tolist(), tracks.boxes, strict=True):
            seen.setdefault(one, []).append(float(box[1]))
    assert len(seen) == 2
    assert all(max(tops) - min(tops) < HEIGHT for tops in seen.values())


@pytest.mark.parametrize("name", TRACKERS)
def test_who_comes_in_far_away_is_somebody_else(name: str) -> None:
    following = tracker(name)
    for index in range(4):
        following.update(people(0.0), index / 2)
    for index in range(4, 8):
        tracks = following.update(people(600.0), index / 2)
    assert 1 not in tracks.ids.tolist()


def test_at_a_camera_s_own_rate_nothing_is_widened() -> None:
    assert widening(1 / 8) == widening(1 / 25) == 0


@given(st.floats(0, 100), st.floats(0, 100))
def test_the_longer_the_gap_the_wider_and_never_without_end(one: float, other: float) -> None:
    near, far = sorted((one, other))
    assert 0 <= widening(near) <= widening(far) <= WIDEST
