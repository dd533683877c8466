"""A clip of each event: what was before it and after it, whole, with people hidden, and never without end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from watch_doubles import Script, Sent, ShadeApp, ShadeApplication

from compoundeye.records import Event
from compoundeye.video import Clips, SiteOf, site_of, watch
from compoundeye.video._clips import MOST_AT_ONCE

RATE = 10.0  # frames a second of a Script


@pytest.fixture(autouse=True)
def placed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application's events have a place."""
    message = ShadeApp._message

    def with_box(self: ShadeApp, *given: Any) -> Event:
        return replace(message(self, *given), box=(4.0, 4.0, 28.0, 20.0))

    monkeypatch.setattr(ShadeApp, "_message", with_box)


def events(clips: Clips, frames: int, *, span: int = 4, least: int = 0) -> list[Event]:
    """What a watch sends; an event begins at every ``span`` frames and lasts as long."""
    shades = {"span": span, "least": least}
    site = SiteOf(site_of({"streams": {"a": {"source": "a"}}, "shades": shades}), ShadeApplication())
    sent = Sent()
    watch(site, opens=lambda _, **__: Script("a", frames), sink=sent, media=[clips], viewers=[clips])
    return sent.events


def read(path: Path) -> list[tuple[float, float]]:
    """Time and mean of each frame of a clip."""
    with av.open(str(path)) as container:
        return [(float(frame.time), float(frame.to_ndarray(format="rgb24").mean())) for frame in container.decode()]


def test_a_clip_begins_before_its_event_and_ends_after_it(tmp_path: Path) -> None:
    found = events(Clips(tmp_path, before_s=0.45, after_s=0.25), 60, span=10)
    third = [event for event in found if event.type == "new"][2]
    ended = next(event for event in found if event.id == third.id and event.type == "end")
    frames = read(Path(third.media["clip"]))
    # Four frames before it, those while it lasts, two after its end.
    lasted = round((ended.captured - third.captured) * RATE)
    assert len(frames) == 4 + 1 + lasted + 2
    assert [round(at * RATE) for at, _ in frames] == list(range(len(frames)))
    # Frames tell their index by their shade: they are the right ones, in order.
    first = round(third.time_s * RATE) - 4
    assert [mean for _, mean in frames] == pytest.approx(range(first, first + len(frames)), abs=4)


def test_all_messages_of_an_event_name_its_clip_and_nothing_else_is_left(tmp_path: Path) -> None:
    found = events(Clips(tmp_path, before_s=0.2, after_s=0.2), 30)
    by_id = dict[str, set[str]]()
    for event in found:
        by_id.setdefault(event.id, set()).add(event.media["clip"])
    assert all(len(paths) == 1 for paths in by_id.values())
    named = sorted(path for paths in by_id.values() for path in paths)
    assert sorted(str(path) for path in tmp_path.rglob("*") if path.is_file()) == named


def test_people_are_hidden_before_anything_is_kept(tmp_path: Path) -> None:
    """Black frames; whoever is hidden is covered with grey."""
    shown, hidden = (
        events(Clips(tmp_path / privacy, privacy=privacy), 4)[0].media["clip"] for privacy in ("none", "cover")
    )
    assert read(Path(shown))[0][1] < 8
    assert read(Path(hidden))[0][1] > 15


def test_only_the_kinds_that_were_asked_for(tmp_path: Path) -> None:
    assert all("clip" not in event.media for event in events(Clips(tmp_path, kinds=("crossing",)), 12))
    assert not list(tmp_path.iterdir())


def test_memory_has_a_limit_and_events_are_told_all_the_same(tmp_path: Path) -> None:
    clips = Clips(tmp_path, before_s=0.1, after_s=1e6)  # each grows until the stream ends
    found = events(clips, 4 * MOST_AT_ONCE, span=2)
    begun = [event for event in found if event.type == "new"]
    assert len(begun) > MOST_AT_ONCE
    assert sum("clip" in event.media for event in begun) == MOST_AT_ONCE
    assert clips.error is not None
    assert "clips at once" in clips.error


def test_a_folder_that_cannot_be_written_costs_clips_not_events(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    clips = Clips(tmp_path / "file")
    assert events(clips, 8)
    assert clips.error is not None
    assert "a clip cannot be kept" in clips.error


def test_clips_of_damaged_time_go_forward(tmp_path: Path) -> None:
    frames = read(Path(events(Clips(tmp_path), 12)[0].media["clip"]))
    assert np.all(np.diff([at for at, _ in frames]) > 0)
