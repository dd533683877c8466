"""Following boxes through what happens to them."""

from __future__ import annotations

import numpy as np

from compoundeye.records import Detections
from compoundeye.video import tracker


def seen(*boxes: tuple[float, float], score: float = 0.9, kind: int = 0) -> Detections:
    """People of 40 x 100 pixels whose upper left corners are there."""
    found = np.array([[x, y, x + 40, y + 100] for x, y in boxes], np.float32).reshape(-1, 4)
    count = len(found)
    return Detections(found, np.full(count, score, np.float32), np.full(count, kind, np.int32), ("person", "car"))


def test_two_who_pass_each_other_keep_their_ids() -> None:
    follow = tracker("bytetrack")
    for frame in range(60):
        tracks = follow.update(seen((10 + 5 * frame, 100), (310 - 5 * frame, 140)), frame / 30)
    assert tracks.ids.tolist() == [1, 2]
    np.testing.assert_allclose(tracks.boxes[:, 0], [305, 15], atol=3)


def test_a_faint_detection_keeps_a_track_but_begins_none() -> None:
    follow = tracker("bytetrack")
    follow.update(seen((10, 10)), 0.0)
    for frame in range(1, 20):
        tracks = follow.update(seen((10, 10), (300, 10), score=0.3), frame / 30)
        assert tracks.ids.tolist() == [1]
        assert tracks.seen.all()
