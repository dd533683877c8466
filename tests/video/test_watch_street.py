"""Twelve seconds of a real street through everything: decoder, detector, tracker, rules, store, pictures and video."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from cameras import write_clip
from samples import vtest

from compoundeye.apps import application
from compoundeye.events import EventStore
from compoundeye.models import WeightsError
from compoundeye.video import SiteOf, Snapshots, VideoFiles, open_source, site_of, watch

FRAMES = 120


def test_people_who_cross_a_street_are_counted_told_and_shown(tmp_path: Path) -> None:
    with open_source(vtest(), stream="street") as source:
        pictures = [frame.image.rgb() for frame in islice(source.frames(), FRAMES)]
    clip = write_clip(tmp_path / "street.mp4", pictures, rate=10)
    site = {
        "streams": {"street": {"source": str(clip)}},
        "traffic": {"lines": {"middle": {"points": [[0, 300], [768, 300]]}}, "interval_s": 5},
    }
    store = EventStore(str(tmp_path / "events.sqlite"))
    try:
        found = watch(
            SiteOf(site_of(site), application("traffic")),
            sink=store,
            viewers=[VideoFiles(tmp_path / "seen.mp4", privacy="pixelate")],
            media=[Snapshots(tmp_path / "media", privacy="pixelate")],
            threads=2,
        )
    except WeightsError as error:
        pytest.skip(f"no detector here: {error}")
    (street,) = found.streams
    assert (street["frames"], street["looked"], street["dropped"], street["error"]) == (FRAMES, FRAMES, 0, None)
    with EventStore(str(tmp_path / "events.sqlite")) as kept:
        crossings = kept.events(kind="crossing")
        flow = kept.events(kind="flow")
        lasting = kept.events(open_only=True)
    line = street["app"]["lines"]["middle"]
    by_direction = [event.after["direction"] for event in crossings]
    # By eye, in every sixth frame: four walk up over the line, and a fifth begins with his feet on it.
    assert by_direction.count("out") in (4, 5)
    assert (by_direction.count("in"), by_direction.count("out")) == (line["in"], line["out"])
    assert sum(sum(event.after["out"].values()) for event in flow) == line["out"]
    assert lasting == []
    assert {event.after["class"] for event in crossings} == {"person"}
    assert all(Path(event.media["snapshot"]).stat().st_size > 5000 for event in crossings)
    with open_source(tmp_path / "seen.mp4", stream="seen") as seen:
        assert sum(1 for _ in seen.frames()) == FRAMES
