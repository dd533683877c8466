"""Records of moving pictures are plain structures of arrays."""

from __future__ import annotations

import json

import numpy as np

from compoundeye.records import Detections, Event, Tracks


def test_choosing_keeps_what_belongs_together() -> None:
    found = Detections(
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.array([0.9, 0.2, 0.5], np.float32),
        np.array([0, 1, 0], np.int32),
        ("person", "car"),
    )
    chosen = found[found.scores > 0.4]
    assert len(chosen) == 2
    assert chosen.boxes[1].tolist() == [8, 9, 10, 11]
    assert chosen.names == found.names


def test_nothing_is_a_structure_too() -> None:
    assert len(Detections.none()) == len(Tracks.none()) == 0
    assert len(Tracks.none(("person",))[np.empty(0, np.bool_)]) == 0


def test_an_event_is_json() -> None:
    event = Event("a", 0, "new", "traffic", "crossing", "gate", 1.0, 2.0, 2.0, 2.0, 0, {"line": "north"})
    assert json.loads(json.dumps(event.as_dict()))["after"] == {"line": "north"}
