"""A site file: global settings, overrides of one camera, and what a mistake is answered with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from watch_doubles import ShadeApplication

from compoundeye.records import EyeError
from compoundeye.video._site import SiteOf, read_site, site_of
from compoundeye.video._site_file import SiteFile

METRO = """
app = "shades"
[streams.gate]
source = "rtsp://10.0.0.5/stream"
live = true
[streams.gate.shades]
least = 40
[streams.gate.shades.lines]
door = [1, 2]
[streams.platform]
source = "platform.mp4"
every = 2
[shades]
span = 3
[shades.lines]
edge = [3, 4]
[detector]
name = "small"
[events]
to = ["mqtt://broker", "events.sqlite"]
[privacy]
hide = "pixelate"
[keep]
snapshots = true
"""


@pytest.fixture
def metro(tmp_path: Path) -> Path:
    path = tmp_path / "metro.toml"
    path.write_text(METRO)
    return path


def test_what_a_camera_does_not_say_is_as_everywhere(metro: Path) -> None:
    site = SiteOf(read_site(metro), ShadeApplication())
    gate, platform = site.streams["gate"], site.streams["platform"]
    assert (gate.least, gate.span, gate.lines) == (40, 3, {"edge": (3.0, 4.0), "door": (1.0, 2.0)})
    assert (platform.least, platform.span, platform.lines) == (0, 3, {"edge": (3.0, 4.0)})
    assert site.shared.detector == gate.detector == {"name": "small"}
    assert site.site.streams["gate"].live is True
    assert site.site.streams["platform"].live is None
    assert site.site.streams["platform"].every == 2
    assert site.site.events.to == ("mqtt://broker", "events.sqlite")
    assert site.site.privacy.hide == "pixelate"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"streams": {"gate": {}}}, r"streams.gate.source: is missing"),
        ({"streams": {"gate": {"source": "a", "every": 0}}}, r"streams.gate.every: 0 is not allowed; it is 1 to 1000"),
        (
            {"streams": {"gate": {"source": "a", "fps": 3}}},
            r"streams.gate.fps: no such setting; there are source, live",
        ),
        ({"streams": {"../up": {"source": "a"}}}, r"streams...\/up: a name of a stream begins with a letter or digit"),
        ({"privacy": {"hide": "please"}}, r"privacy.hide: 'please': should be 'none', 'pixelate', 'blur' or 'cover'"),
        ({"keep": {"days": 0}}, r"keep.days: 0 is not allowed; it is above 0"),
        ({"keep": {"day": 3}}, r"keep.day: no such setting; did you mean days\?"),
        ({"shades": {"least": 300}}, r"site.toml: shades.least: 300 is not allowed; it is 0 to 250"),
        ({"shades": 3}, r"shades: must be a table, \[shades\]"),
        ({"shadows": {"least": 3}}, r"shadows: no such setting; there are .*privacy.*shades"),
        ({"tracker": {"name": "x"}}, r"tracker: the application shades has none"),
        (
            {"streams": {"gate": {"source": "a", "shades": {"least": -1}}}},
            r"streams.gate.shades.least: -1 is not allowed; it is 0 to 250",
        ),
        (
            {"streams": {"gate": {"source": "a", "shades": {"detector": {}}}}},
            r"streams.gate.shades.detector: all streams share one; set it in \[detector\]",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_table_and_range(values: dict[str, Any], said: str) -> None:
    with pytest.raises(EyeError, match=said):
        SiteOf(site_of(values, "site.toml"), ShadeApplication())


def test_one_address_for_events_needs_no_list() -> None:
    assert site_of({"events": {"to": "metro.sqlite"}}).events.to == ("metro.sqlite",)
    with pytest.raises(EyeError, match=r"events.to: 3: should be a valid tuple"):
        site_of({"events": {"to": 3}})


def test_a_file_that_is_not_there_or_no_toml(tmp_path: Path) -> None:
    with pytest.raises(EyeError, match="no site file at"):
        read_site(tmp_path / "none.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text("[streams\n")
    with pytest.raises(EyeError, match=r"bad.toml: not TOML: .*line 1"):
        read_site(bad)


def test_a_changed_file_is_noticed_once_and_a_broken_one_is_not_used(metro: Path) -> None:
    file = SiteFile(metro, ShadeApplication())
    assert file.changed() is None
    metro.write_text(METRO.replace("least = 40", "least = 41"))
    changed = file.changed()
    assert isinstance(changed, SiteOf)
    assert changed.streams["gate"].least == 41
    assert file.changed() is None
    metro.write_text(METRO.replace("least = 40", "least = 400"))
    assert "streams.gate.shades.least: 400 is not allowed" in str(file.changed())
    assert file.site.streams["gate"].least == 41
    metro.write_text(METRO)
    assert isinstance(file.changed(), SiteOf)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("platform.mp4", "other.mp4", "streams.platform"),
        ('name = "small"', 'name = "large"', "detector"),
        ("[streams.platform]", "[streams.hall]", "streams.hall, streams.platform"),
        ('hide = "pixelate"', 'hide = "none"', "privacy"),
    ],
)
def test_what_is_opened_once_needs_a_new_start(metro: Path, old: str, new: str, named: str) -> None:
    file = SiteFile(metro, ShadeApplication())
    metro.write_text(METRO.replace(old, new))
    assert f"a change of {named} needs a new start" in str(file.changed())
