"""The best frames of a track make its template; somebody else's never do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.apps.face._track_template import TrackTemplate


def person(number: int, noise: int = 0) -> np.ndarray:
    """A template [8] near the axis of a person."""
    vector = np.zeros(8, np.float32)
    vector[number] = 1
    vector += 0.05 * np.random.default_rng(noise).normal(size=8).astype(np.float32)
    return vector / np.linalg.norm(vector)


def offer(track: TrackTemplate, time_s: float, quality: float, who: int = 0) -> str:
    return track.offer(time_s, quality, lambda: person(who, int(time_s * 100)))


def test_the_best_frames_are_kept() -> None:
    track = TrackTemplate(frames=3, min_quality=10)
    for at, quality in enumerate([20, 60, 30, 50, 40, 70, 10, 15]):
        offer(track, at * 0.5, quality)
    assert sorted(one.quality for one in track.kept) == [50, 60, 70]
    assert track.quality == 70
    assert np.linalg.norm(track.template()) == pytest.approx(1)


def test_a_poor_frame_is_not_even_embedded() -> None:
    track = TrackTemplate(frames=3, min_quality=30)
    assert offer(track, 0, 29.9) == "same"
    assert offer(track, 1, float("nan")) == "same"
    assert track.embedded == 0
    with pytest.raises(ValueError, match="good enough"):
        track.template()


def test_frames_close_in_time_count_once_unless_much_better() -> None:
    track = TrackTemplate(frames=5, min_quality=0)
    assert [offer(track, 0.0, 50), offer(track, 0.05, 52), offer(track, 0.1, 60)] == ["better", "same", "better"]
    assert [one.quality for one in track.kept] == [60]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=120))
def test_what_a_track_costs_is_bounded_by_time_where_nothing_gets_better(qualities: list[float]) -> None:
    track = TrackTemplate(frames=2, min_quality=0)
    for at in range(2):
        offer(track, at * 0.5, 100)
    before = track.embedded
    for at, quality in enumerate(qualities):
        offer(track, 1 + at / 25, quality)
    assert track.embedded - before <= len(qualities) / 25 + 2
    assert len(track.kept) == 2


def test_one_wrong_face_is_left_out_and_three_in_a_row_begin_anew() -> None:
    track = TrackTemplate(frames=5, min_quality=0)
    for at in range(3):
        offer(track, at * 0.5, 50)
    assert offer(track, 2.0, 90, who=1) == "same"
    assert offer(track, 2.3, 50, who=0) == "better"
    assert float(track.template() @ person(0)) > 0.9
    said = [offer(track, 3 + at * 0.3, 50, who=1) for at in range(4)]
    assert said == ["same", "same", "other", "better"]
    assert float(track.template() @ person(1)) > 0.9
    assert float(track.template() @ person(0)) < 0.3
