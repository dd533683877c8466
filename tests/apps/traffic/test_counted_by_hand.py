"""The beginning of a real street, counted as by hand: detector, tracker and rules together, with their own settings.

``benchmarks/traffic_counting.py`` counts the whole clips.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from samples import DIGESTS, vtest

from compoundeye.apps.traffic import APPLICATION, TrafficSettings
from compoundeye.evaluate import CountingError, counting_error
from compoundeye.records import Event
from compoundeye.video import Stream, checked, open_source

TRUTH = Path(__file__).parents[3] / "benchmarks" / "truth"
SECONDS = 20.0


def told(name: str) -> dict[str, Any]:
    return tomllib.loads((TRUTH / f"{name}.toml").read_text())


@pytest.fixture(scope="module")
def crossings() -> list[Event]:
    lines = {
        line["name"]: {"points": line["points"], "in_name": line["in"], "out_name": line["out"]}
        for line in told("vtest")["lines"]
    }
    settings = checked(TrafficSettings, {"lines": lines}, "the truth")
    look = APPLICATION.look(settings)
    events = list[Event]()
    with open_source(str(vtest()), stream="street") as source:
        app = APPLICATION.open(Stream("street", source.width, source.height, source.rate, "test"), settings)
        for frame in source.frames():
            if frame.time_s > SECONDS:
                break
            (found,) = look([frame], [look.prepare(frame)])
            events.extend(app.step(frame, found).events)
    return [event for event in events if event.kind == "crossing"]


@pytest.mark.parametrize("name", ["path", "road", "middle"])
def test_twenty_seconds_of_a_street_are_counted_as_by_hand(crossings: list[Event], name: str) -> None:
    truth = told("vtest")
    (line,) = (line for line in truth["lines"] if line["name"] == name)
    error = CountingError(0, 0, 0)
    for direction in ("west", "east"):
        happened = [
            (crossing["frames"][0] / truth["rate"], crossing["frames"][1] / truth["rate"])
            for crossing in line["crossings"]
            if crossing["to"] == direction
        ]
        counted = [
            event.time_s - (event.captured - event.start)
            for event in crossings
            if (event.after["line"], event.after["name"]) == (name, direction)
        ]
        # One that is over a second before the end has settled.
        happened = [(first, last) for first, last in happened if last < SECONDS - 1]
        counted = [moment for moment in counted if moment < SECONDS - 1]
        error += counting_error(happened, counted, tolerance_s=0.5)
    assert error.truth > 0
    assert error.missed == 0
    assert error.false == 0


@pytest.mark.parametrize("name", ["vtest", "bikes"])
def test_what_was_counted_by_hand_is_of_the_clip_it_names(name: str) -> None:
    truth = told(name)
    assert truth["sha256"] == DIGESTS[truth["clip"]]
    for zone in truth.get("zones", ()):
        assert all(0 <= x <= truth["width"] and 0 <= y <= truth["height"] for x, y in zone["points"])
        assert all(0 <= one["least"] <= one["most"] and one["frame"] < truth["frames"] for one in zone["seen"])
    for line in truth["lines"]:
        assert all(0 <= x <= truth["width"] and 0 <= y <= truth["height"] for x, y in line["points"])
        for crossing in line["crossings"]:
            first, last = crossing["frames"]
            assert 0 <= first < last < truth["frames"]
            assert crossing["to"] in (line["in"], line["out"])
            assert crossing["class"] in line["classes"]
