"""A wrong setting is answered with its name and with what it may be."""

from __future__ import annotations

from typing import Any

import pytest
from street import SIZE, Told, street

from compoundeye.apps import application
from compoundeye.apps.traffic import TrafficApp, TrafficSettings
from compoundeye.records import EyeError
from compoundeye.video import Stream, checked

LINE = {"points": [[0, 0], [10, 10]]}
ZONE = {"points": [[0, 0], [10, 0], [10, 10]]}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lines": {"door": {"points": [[1, 1]]}}}, r"traffic.lines.door.points: .*at least 2 items"),
        ({"lines": {"door": {"points": [[1, 1], [1, 1]]}}}, r"lines.door.points: .*stands twice in a row"),
        ({"lines": {"door": LINE | {"hysteresis": 3}}}, r"lines.door.hysteresis: 3 .*0 to 2"),
        ({"lines": {"door": LINE | {"colour": "red"}}}, r"lines.door.colour: no such setting"),
        ({"zones": {"hall": ZONE | {"loitering": {"after": 3}}}}, r"after: no such setting; did you mean after_s"),
        ({"zones": {"hall": ZONE | {"speeding": {"limit_kmh": 30}}}}, r"needs \[traffic.ground\]"),
        ({"zones": {"hall": ZONE | {"crowding": {}}}}, r"needs its area_m2 or \[traffic.ground\]"),
        ({"zones": {"hall": ZONE | {"entrances": ["dor"]}}}, r"a line 'dor' that is not there \(there are: none\)"),
        ({"ground": {"pixels": [[0, 0]], "metres": []}}, r"one each"),
        ({"zones": {"hall": {"points": [[0, 0], [9, 9], [9, 0], [0, 9]]}}}, r"zones.hall.points: .*edges cross"),
        ({"lines": {"": LINE}}, r"at least 1 character"),
        ({"interval_s": 0}, r"traffic.interval_s: 0 .*1 to 86400"),
    ],
)  # fmt: skip
def test_a_wrong_setting_names_itself_and_what_is_allowed(values: dict[str, Any], message: str) -> None:
    with pytest.raises(EyeError, match=message):
        checked(TrafficSettings, values, "site.toml", ["traffic"])


def test_a_point_outside_of_the_picture_is_named() -> None:
    with pytest.raises(EyeError, match=r"stream street: traffic.lines.door.points: the point \[1900, 80\].*0 to 640"):
        street(lines={"door": {"points": [[1900, 80], [100, 80]]}})


def test_another_tracker_waits_for_the_next_start_and_says_so() -> None:
    place = street()
    assert place.app.state()["warnings"] == []
    place.app.configure(TrafficSettings.model_validate({"tracker": {"name": "sort"}}))
    assert "from the next start on" in place.app.state()["warnings"][0]


def test_settings_that_do_not_fit_change_nothing() -> None:
    place = street(lines={"door": LINE})
    with pytest.raises(EyeError):
        place.app.configure(TrafficSettings.model_validate({"lines": {"door": {"points": [[9000, 0], [0, 0]]}}}))
    assert list(place.app.state()["lines"]) == ["door"]
    assert place.app.settings.lines["door"].points[1] == (10, 10)


def test_points_drawn_on_a_larger_frame_are_scaled() -> None:
    place = street(drawn_on=[1280, 720], lines={"door": {"points": [[640, 0], [640, 720]]}})
    assert place.app._layout.lines["door"].counter.points.tolist() == [[320, 0], [320, 360]]


def test_a_tracker_that_does_not_exist_is_refused_when_a_stream_opens() -> None:
    settings = TrafficSettings.model_validate({"tracker": {"name": "nobody"}})
    with pytest.raises(EyeError, match="no tracker is called 'nobody'"):
        application("traffic").open(Stream("street", *SIZE, rate=10, run="run"), settings)


def test_every_setting_is_described() -> None:
    schema = TrafficSettings.model_json_schema()
    for name, part in {"TrafficSettings": schema, **schema["$defs"]}.items():
        for field, facts in part["properties"].items():
            assert facts.get("description"), f"{name}.{field}"


def test_two_streams_never_share_an_id_of_an_event() -> None:
    ids = set()
    for stream in (Stream("a", *SIZE, None, "1"), Stream("b", *SIZE, None, "1"), Stream("a", *SIZE, None, "2")):
        told = Told()
        app = TrafficApp(stream, TrafficSettings.model_validate({"zones": {"hall": ZONE}}), told)
        place = street()
        place.app, place.tracker = app, told
        place.watch([], 1)
        ids |= {event.id for event in place.end()}
    assert len(ids) == 6  # occupancy and heat of each
