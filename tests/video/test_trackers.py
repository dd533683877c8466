"""What happens to people and cars in front of a camera, and who they are afterwards: for every tracker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.records import Detections, EyeError, Tracks
from compoundeye.video import TRACKERS, Tracker, tracker

NAMES = ("person", "car", "truck")
RATE = 30


def seen(*boxes: tuple[float, float], score: float | list[float] = 0.9, kind: int | list[int] = 0) -> Detections:
    """Things of 40 x 100 pixels whose upper left corners are there."""
    found = np.array([[x, y, x + 40, y + 100] for x, y in boxes], np.float32).reshape(-1, 4)
    scores = np.broadcast_to(np.float32(score), len(found)).astype(np.float32)
    return Detections(found, scores, np.broadcast_to(np.int32(kind), len(found)).astype(np.int32), NAMES)


def walk(follow: Tracker, frames: int, *, first: int = 0, x: float = 10, pace: float = 3) -> Tracks:
    """Somebody walks to the right; gives the last frame's tracks."""
    for frame in range(first, first + frames):
        tracks = follow.update(seen((x + pace * frame, 100)), frame / RATE)
    return tracks


@pytest.fixture(params=list(TRACKERS))
def follow(request: pytest.FixtureRequest) -> Tracker:
    return tracker(request.param, {"coast_s": 0.5})


def test_two_who_pass_each_other_keep_their_ids(follow: Tracker) -> None:
    for frame in range(60):
        tracks = follow.update(seen((10 + 5 * frame, 100), (310 - 5 * frame, 140)), frame / RATE)
    assert tracks.ids.tolist() == [1, 2]
    np.testing.assert_allclose(tracks.boxes[:, 0], [305, 15], atol=3)
    assert tracks.boxes.dtype == np.float32
    assert tracks.ids.dtype == np.int64


def test_somebody_behind_a_pole_is_the_same_afterwards(follow: Tracker) -> None:
    walk(follow, 30)
    for frame in range(30, 42):
        hidden = follow.update(seen(), frame / RATE)
        assert hidden.ids.tolist() == [1]
        assert not hidden.seen.any()
        assert hidden.boxes[0, 0] == pytest.approx(10 + 3 * frame, abs=8)
    assert walk(follow, 5, first=42).ids.tolist() == [1]


def test_who_is_away_for_long_comes_back_as_somebody_else(follow: Tracker) -> None:
    walk(follow, 30)
    for frame in range(30, 70):
        gone = follow.update(seen(), frame / RATE)
    assert len(gone.ids) == 0
    assert walk(follow, 5, first=70).ids.tolist() == [2]


def test_after_an_outage_nobody_is_taken_for_who_was_there(follow: Tracker) -> None:
    for frame in range(10):
        follow.update(seen((10, 100)), frame / RATE)
    for frame in range(5):
        tracks = follow.update(seen((10, 100)), 20 + frame / RATE)
    assert tracks.ids.tolist() == [2]


def test_dropped_frames_change_no_ids(follow: Tracker) -> None:
    """Of 30 frames a second every fourth comes through: 12 pixels from one to the next, at a width of 40."""
    for frame in range(0, 200, 4):
        tracks = follow.update(seen((10 + 3 * frame, 100), (700 - 2 * frame, 110)), frame / RATE)
    assert tracks.ids.tolist() == [1, 2]


def test_the_same_scene_takes_the_same_time_at_any_rate(follow: Tracker) -> None:
    """One second is one second: lost after it, at 5 frames a second too."""
    for frame in range(5):
        follow.update(seen((10, 100)), frame / 5)
    assert follow.update(seen(), 1.5).ids.tolist() == []  # past half a second it is not told
    assert follow.update(seen((10, 100)), 1.7).ids.tolist() == [1]
    follow.update(seen(), 2.8)
    follow.update(seen((10, 100)), 3.0)
    assert 1 not in follow.update(seen((10, 100)), 3.2).ids.tolist()


def test_a_single_false_box_is_nobody(follow: Tracker) -> None:
    walk(follow, 10)
    follow.update(seen((40, 100), (500, 300)), 10 / RATE)
    for frame in range(11, 20):
        assert walk(follow, 1, first=frame).ids.tolist() == [1]


def test_a_person_at_a_car_stays_a_person(follow: Tracker) -> None:
    """A car comes where a person stands, and only it is seen: classes that are not alike are not one track."""
    for frame in range(10):
        follow.update(seen((100, 100)), frame / RATE)
    for frame in range(10, 16):
        tracks = follow.update(seen((100, 100), kind=1), frame / RATE)
    names = {int(who): NAMES[of] for who, of in zip(tracks.ids, tracks.classes, strict=True)}
    assert names == {1: "person", 2: "car"}


def test_a_car_that_is_now_and_then_a_truck_is_one_car(follow: Tracker) -> None:
    for frame in range(40):
        tracks = follow.update(seen((100 + 2 * frame, 100), kind=2 if frame % 3 == 1 else 1), frame / RATE)
    assert tracks.ids.tolist() == [1]
    assert NAMES[tracks.classes[0]] == "car"


def test_a_track_becomes_what_most_of_its_frames_say(follow: Tracker) -> None:
    for frame in range(30):
        tracks = follow.update(seen((100, 100), kind=1 if frame < 4 else 2), frame / RATE)
    assert [NAMES[of] for of in tracks.classes] == ["truck"]


def test_boxes_without_inside_or_number_are_left_out(follow: Tracker) -> None:
    walk(follow, 10)
    broken = Detections(
        np.array([[40, 100, 80, 200], [5, 5, 5, 50], [9, 9, 2, 2], [np.nan, 0, 5, 5], [0, 0, np.inf, 9]], np.float32),
        np.full(5, 0.9, np.float32),
        np.zeros(5, np.int32),
        NAMES,
    )
    for frame in range(10, 14):
        tracks = follow.update(broken, frame / RATE)
    assert tracks.ids.tolist() == [1]
    assert np.isfinite(tracks.boxes).all()


def test_a_detector_without_names_in_empty_frames_is_no_other_detector(follow: Tracker) -> None:
    follow.update(Detections.none(), 0.0)
    walk(follow, 5, first=1)
    assert follow.update(Detections.none(), 6 / RATE).names == NAMES


def test_other_names_are_a_mistake(follow: Tracker) -> None:
    walk(follow, 2)
    with pytest.raises(ValueError, match="one list of classes"):
        follow.update(Detections.none(("dog",)), 1.0)


def test_time_goes_forward(follow: Tracker) -> None:
    walk(follow, 5)
    with pytest.raises(ValueError, match="time goes forward"):
        follow.update(seen((10, 10)), 4 / RATE)
    assert walk(follow, 1, first=5).ids.tolist() == [1]


def test_what_was_told_does_not_change_afterwards(follow: Tracker) -> None:
    tracks = walk(follow, 5)
    copies = [getattr(tracks, name).copy() for name in ("ids", "boxes", "scores", "classes", "seen")]
    walk(follow, 20, first=5)
    for name, copy in zip(("ids", "boxes", "scores", "classes", "seen"), copies, strict=True):
        np.testing.assert_array_equal(getattr(tracks, name), copy)


@given(
    name=st.sampled_from(sorted(TRACKERS)),
    seed=st.integers(0, 2**32 - 1),
    people=st.integers(0, 12),
    skip=st.sampled_from([1, 2, 7]),
)
@settings(max_examples=40, deadline=None)
def test_ids_are_unique_and_runs_are_equal_whatever_is_seen(name: str, seed: int, people: int, skip: int) -> None:
    """Crowded noise: no id twice in a frame, none reused after its gap, none out of order, and twice the same."""

    def run() -> list[Tracks]:
        draws, one = np.random.default_rng(seed), tracker(name)
        told = []
        for frame in range(0, 40, skip):
            count = int(draws.integers(0, people + 1))
            places = [(float(x), float(y)) for x, y in draws.uniform(0, 150, (count, 2))]
            scores, kinds = draws.uniform(0, 1, count).tolist(), draws.integers(0, 3, count).tolist()
            told.append(one.update(seen(*places, score=scores, kind=kinds), frame / RATE))
        return told

    first, second = run(), run()
    last, highest = dict[int, int](), 0
    for at, (tracks, again) in enumerate(zip(first, second, strict=True)):
        for field in ("ids", "boxes", "scores", "classes", "seen"):
            np.testing.assert_array_equal(getattr(tracks, field), getattr(again, field))
        ids = tracks.ids.tolist()
        assert len(set(ids)) == len(ids)
        assert len(ids) == len(tracks.boxes) == len(tracks.scores) == len(tracks.classes) == len(tracks.seen)
        for who in ids:
            if who not in last:
                assert who > highest, "an id was used before"
            assert (at - last.get(who, at)) * skip <= RATE + skip, "an id came back after it was lost"
            last[who] = at
        highest = max([highest, *ids])
        assert np.isfinite(tracks.boxes).all()
        assert (tracks.boxes[:, 2:] > tracks.boxes[:, :2]).all()


def test_a_faint_detection_keeps_a_track_but_begins_none() -> None:
    """ByteTrack's idea."""
    follow = tracker("bytetrack")
    follow.update(seen((10, 10)), 0.0)
    for frame in range(1, 20):
        tracks = follow.update(seen((10, 10), (300, 10), score=0.2), frame / RATE)
        assert tracks.ids.tolist() == [1]
        assert tracks.seen.all()


def test_who_turns_back_while_hidden_is_found_where_it_was_last_seen() -> None:
    for name in ("bytetrack", "ocsort"):
        follow = tracker(name)
        walk(follow, 30, pace=6)
        for frame in range(30, 42):
            follow.update(seen(), frame / RATE)
        for frame in range(42, 45):  # 72 pixels from where it would be, 6 from where it was
            tracks = follow.update(seen((178 - frame + 42, 100)), frame / RATE)
        assert tracks.ids.tolist() == [1], name


def test_after_a_gap_ocsort_goes_on_as_if_it_had_seen_the_straight_way() -> None:
    told = []
    for hidden in (True, False):
        follow = tracker("ocsort", {"coast_s": 0.5})
        walk(follow, 30, pace=4)
        for step in range(1, 11):  # slower, and down
            between = seen() if hidden and step < 10 else seen((126 + 2.6 * step, 100 + step))
            follow.update(between, (29 + step) / RATE)
        told.append(follow.update(seen(), 50 / RATE))
    assert told[0].ids.tolist() == told[1].ids.tolist() == [1]
    np.testing.assert_allclose(told[0].boxes, told[1].boxes, atol=0.02)
    assert told[0].boxes[0, 0] > 126 + 26 + 15


@pytest.mark.parametrize("name", list(TRACKERS))
def test_settings_have_bounds_and_say_what_they_are(name: str) -> None:
    fields = TRACKERS[name].settings.model_fields
    assert all(field.description for field in fields.values())
    with pytest.raises(EyeError, match=f"tracker {name}: lost_s: -1"):
        tracker(name, {"lost_s": -1})


def test_a_tracker_takes_its_own_settings() -> None:
    with pytest.raises(EyeError, match="tracker sort takes SortSettings, not ByteTrackSettings"):
        tracker("sort", TRACKERS["bytetrack"].settings())
    with pytest.raises(EyeError, match="there are bytetrack, ocsort, sort"):
        tracker("deepsort")
