"""A picture of each event that has a place, the same for all messages about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from watch_doubles import Script, Sent, ShadeApp, ShadeApplication

from compoundeye.records import Event
from compoundeye.video import SiteOf, Snapshots, site_of, watch


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application's events have a place."""
    message = ShadeApp._message

    def with_box(self: ShadeApp, *given: Any) -> Event:
        return replace(message(self, *given), box=(4.0, 4.0, 28.0, 20.0))

    monkeypatch.setattr(ShadeApp, "_message", with_box)


def events(snapshots: Snapshots) -> list[Event]:
    site = SiteOf(site_of({"streams": {"a": {"source": "a"}}, "shades": {"span": 4}}), ShadeApplication())
    sent = Sent()
    watch(site, opens=lambda _, **__: Script("a", 14), sink=sent, media=[snapshots])
    return sent.events


@pytest.mark.usefixtures("placed")
def test_each_event_has_its_picture_in_all_its_messages(tmp_path: Path) -> None:
    found = events(Snapshots(tmp_path))
    by_id = dict[str, set[str]]()
    for event in found:
        by_id.setdefault(event.id, set()).add(event.media.get("snapshot", ""))
    assert len(by_id) == 4
    paths = [path for (path,) in by_id.values()]
    assert sorted(map(str, tmp_path.rglob("*.jpg"))) == sorted(paths)
    assert Path(paths[0]).parent == tmp_path / "a" / "2001-09-09"  # 1e9 s of Unix time
    # The last message, which is told when the stream ends, has no frame to be taken from: it has the picture too.
    assert found[-1].type == "end"


@pytest.mark.usefixtures("placed")
def test_people_are_hidden_before_it_is_kept(tmp_path: Path) -> None:
    first = events(Snapshots(tmp_path, privacy="cover"))[0]
    pixels = simplejpeg.decode_jpeg(Path(first.media["snapshot"]).read_bytes())
    assert pixels.shape == (24, 32, 3)
    assert np.median(pixels[14:18, 10:22]) > 90  # of a black frame


def test_what_has_no_place_has_no_picture(tmp_path: Path) -> None:
    assert all(not event.media for event in events(Snapshots(tmp_path)))
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("placed")
def test_a_disk_that_takes_no_pictures_costs_no_event(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    snapshots = Snapshots(blocked)
    assert len(events(snapshots)) == 8
    assert snapshots.error is not None
    assert "a snapshot cannot be kept" in snapshots.error
