"""A wrong setting is named, with what it may be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from compoundeye.records import EyeError
from compoundeye.video import Section, checked, merged


class Line(Section):
    points: tuple[tuple[float, float], ...] = Field(default=(), max_length=3)
    settle_s: float = Field(default=0.3, ge=0, le=10)


class Camera(Section):
    height_m: float = Field(gt=0, lt=100)
    least: int = Field(default=1, ge=1)
    share: float | None = Field(default=None, ge=0, le=1)
    lines: dict[str, Line] = Field(default={})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"height_m": 5, "share": 2}, r"site.toml: camera.share: 2 is not allowed; it is 0 to 1"),
        ({"height_m": 0}, r"camera.height_m: 0 is not allowed; it is between 0 and 100"),
        ({"height_m": 5, "least": 0}, r"camera.least: 0 is not allowed; it is at least 1"),
        ({"height_m": 5, "least": "many"}, r"camera.least: 'many' is not allowed; it is at least 1"),
        ({}, r"camera.height_m: is missing"),
        ({"height": 5, "height_m": 5}, r"camera.height: no such setting; did you mean height_m\?"),
        ({"height_m": 5, "zzz": 5}, r"camera.zzz: no such setting; there are height_m, least, share, lines"),
        ({"height_m": 5, "lines": {"door": {"settle": 1}}}, r"camera.lines.door.settle: .* did you mean settle_s\?"),
        ({"height_m": 5, "lines": {"door": {"settle_s": 11}}}, r"camera.lines.door.settle_s: 11 .* 0 to 10"),
        ({"height_m": 5, "lines": {"door": {"points": [[1, "x"]]}}}, r"camera.lines.door.points.0.1: 'x': "),
        ({"height_m": 0, "share": 7}, r"camera.height_m: 0 .*\(and 1 more\)"),
    ],
)
def test_a_wrong_setting_names_its_field_and_range(values: dict[str, Any], said: str) -> None:
    with pytest.raises(EyeError, match=said):
        checked(Camera, values, "site.toml", ["camera"])


def test_an_override_changes_what_it_names_and_nothing_else() -> None:
    base = {"lines": {"door": {"settle_s": 1, "points": [1]}}, "share": 0.5}
    over = {"lines": {"door": {"settle_s": 2}, "gate": {}}}
    both = merged(base, over)
    assert both == {"lines": {"door": {"settle_s": 2, "points": [1]}, "gate": {}}, "share": 0.5}
    assert base["lines"] == {"door": {"settle_s": 1, "points": [1]}}
