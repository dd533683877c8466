"""Faces are a plain structure of arrays."""

from __future__ import annotations

import numpy as np

from compoundeye.records import Faces


def test_choosing_keeps_what_belongs_together() -> None:
    boxes = np.arange(12, dtype=np.float32).reshape(3, 4)
    found = Faces(boxes, np.array([0.9, 0.2, 0.5], np.float32), np.arange(30, dtype=np.float32).reshape(3, 5, 2))
    chosen = found[found.scores > 0.4]
    assert len(chosen) == 2
    assert chosen.boxes[1].tolist() == [8, 9, 10, 11]
    assert chosen.landmarks[1, 0].tolist() == [20, 21]
    assert len(Faces.none()) == 0
