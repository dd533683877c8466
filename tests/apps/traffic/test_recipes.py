"""The recipes of sites are what the app takes, and watch what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from street import Told

from compoundeye.apps.traffic import APPLICATION, TrafficApp
from compoundeye.video import SiteOf, Stream, read_site

RECIPES = Path(__file__).parents[3] / "recipes"


@pytest.mark.parametrize("name", ["metro_platform", "street"])
def test_a_recipe_fits_a_stream_and_measures_its_ground(name: str) -> None:
    site = SiteOf(read_site(RECIPES / f"{name}.toml"), APPLICATION)
    for stream, settings in site.streams.items():
        app = TrafficApp(Stream(stream, 1920, 1080, 25.0, "run"), settings, Told())
        state = app.state()
        assert state["lines"]
        assert state["warnings"] == []
        for zone in state["zones"].values():
            assert 2 < zone["area_m2"] < 1000
