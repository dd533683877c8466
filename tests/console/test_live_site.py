"""Lines and zones in site files: changed where they stand, comments kept, and nobody's change is lost."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from compoundeye.console._live_check import problems
from compoundeye.console._live_fields import fields
from compoundeye.console._live_site import KINDS, MOST_BYTES, Shape, changed, drawn_on, names, read, shapes, write
from compoundeye.console._refusals import Conflict, TooLarge
from compoundeye.records import EyeError

RECIPES = Path(__file__).parents[2] / "recipes"
TEXT = """# Kept by hand.
app = "traffic"

[streams.north]
source = "rtsp://camera.local/north" # the old one
[streams.north.traffic.lines.door]
points = [[10, 20], [30, 40]] # a door
[streams.south]
source = "rtsp://camera.local/south"

[traffic.lines.door]
points = [[1, 2], [3, 4]]
in_name = "into town" # for all
[traffic.lines.lane]
points = [[5, 6], [70, 80]]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(TEXT)
    return path


def drawn(path: Path, stream: str = "north") -> dict[str, list[Shape]]:
    return {kind: shapes(read(path).values, "traffic", stream, kind) for kind in KINDS}


def edited(path: Path, wanted: dict[str, list[Shape]], stream: str = "north", size: list[int] | None = None) -> str:
    return changed(read(path), "traffic", stream, wanted, size)


def test_a_stream_has_what_is_its_own_and_what_is_shared(site: Path) -> None:
    door, lane = drawn(site)["lines"]
    assert (door.name, door.values, door.shared) == (
        "door",
        {"points": [[10, 20], [30, 40]], "in_name": "into town"},
        True,
    )
    assert (lane.name, lane.shared) == ("lane", True)
    assert drawn(site, "south")["lines"][0].values["points"] == [[1, 2], [3, 4]]
    assert names(site) == ["north", "south"]


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_what_is_saved_as_it_was_stays_byte_for_byte(recipe: Path) -> None:
    for stream in names(recipe):
        assert edited(recipe, drawn(recipe, stream), stream) == recipe.read_text()


def test_a_point_is_moved_where_it_stands_and_comments_stay(site: Path) -> None:
    wanted = drawn(site)
    wanted["lines"][0].values["points"] = [[11, 20], [30, 40]]
    wanted["lines"][1].values["points"] = [[5, 6], [71, 80]]
    text = edited(site, wanted)
    assert text == TEXT.replace("[[10, 20], [30", "[[11, 20], [30").replace("[70, 80]", "[71, 80]")


def test_what_is_new_is_the_streams_own(site: Path) -> None:
    wanted = drawn(site)
    wanted["zones"] = [Shape("quay", {"points": [[0, 0], [9, 0], [9, 9]], "loitering": {}})]
    text = edited(site, wanted)
    values = tomllib.loads(text)
    assert values["streams"]["north"]["traffic"]["zones"] == {"quay": wanted["zones"][0].values}
    assert "zones" not in values["traffic"]
    assert all(comment in text for comment in ("# Kept by hand.", "# the old one", "# a door", "# for all"))


def test_a_line_gets_another_name_wherever_it_stands(site: Path) -> None:
    wanted = drawn(site)
    door = wanted["lines"][0]
    wanted["lines"][0] = Shape("town gate", door.values, was="door")
    values = tomllib.loads(edited(site, wanted))
    assert values["streams"]["north"]["traffic"]["lines"] == {"town gate": {"points": [[10, 20], [30, 40]]}}
    assert values["traffic"]["lines"]["town gate"] == {"points": [[1, 2], [3, 4]], "in_name": "into town"}


def test_what_is_deleted_is_gone_for_good(site: Path) -> None:
    values = tomllib.loads(edited(site, {"lines": [], "zones": []}))
    assert values["streams"] == {
        "north": {"source": "rtsp://camera.local/north"},
        "south": {"source": "rtsp://camera.local/south"},
    }
    assert "traffic" not in values


def test_a_setting_that_is_as_usual_again_is_taken_out(site: Path) -> None:
    wanted = drawn(site)
    del wanted["lines"][0].values["in_name"]
    assert "in_name" not in edited(site, wanted)


def test_the_size_of_the_frame_is_noted_once(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    path.write_text('app = "traffic"\n[streams.a]\nsource = "a.mp4"\n')
    line = {"lines": [Shape("gate", {"points": [[1, 2], [30, 40]]})], "zones": list[Shape]()}
    path.write_text(edited(path, line, "a", [640, 272]))
    assert drawn_on(read(path).values, "traffic", "a") == [640, 272]
    assert edited(path, drawn(path, "a"), "a", [1280, 544]) == path.read_text()


def test_who_was_faster_is_not_overwritten(site: Path) -> None:
    mine = read(site)
    site.write_text(TEXT + "# somebody else\n")
    with pytest.raises(Conflict, match="changed meanwhile"):
        write(mine, TEXT)
    assert site.read_text().endswith("# somebody else\n")
    assert [path.name for path in site.parent.iterdir()] == ["site.toml"]


def test_a_link_stays_a_link_and_rights_stay_as_they_are(site: Path, tmp_path: Path) -> None:
    site.chmod(0o600)
    link = tmp_path / "link.toml"
    link.symlink_to(site)
    write(read(link), TEXT + "# more\n")
    assert link.is_symlink()
    assert site.read_text().endswith("# more\n")
    assert site.stat().st_mode & 0o777 == 0o600


def test_huge_and_broken_files_are_sentences(tmp_path: Path) -> None:
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(TooLarge, match="more than 1 MiB"):
        read(huge)
    assert names(huge) == []
    broken = tmp_path / "broken.toml"
    for data in (b"\xff\xfe", b"a = [" * 5000, b"[streams]\n[streams]\n"):
        broken.write_bytes(data)
        assert names(broken) == []
        with pytest.raises(EyeError):
            _ = read(broken).values


def test_a_wrong_setting_is_told_with_its_place(site: Path) -> None:
    wanted = drawn(site)
    wanted["zones"] = [Shape("quay", {"points": [[0, 0], [9, 0], [9, 9]], "loitering": {"after_s": -1}})]
    (wrong,) = problems(edited(site, wanted), "site.toml", "traffic", "north", None)
    assert wrong.place == ("zones", "quay", "loitering", "after_s")
    assert "greater than or equal to 1" in wrong.text


def test_a_point_beside_the_frame_is_told_as_the_watch_would(site: Path) -> None:
    wanted = drawn(site)
    wanted["lines"][1].values["points"] = [[5, 6], [9000, 80]]
    text = edited(site, wanted)
    assert problems(text, "site.toml", "traffic", "north", None) == []
    (wrong,) = problems(text, "site.toml", "traffic", "north", [640, 480])
    assert wrong.place == ("lines", "lane", "points")
    assert "9000" in wrong.text


def test_forms_ask_for_every_setting_of_a_zone() -> None:
    from compoundeye.apps.traffic import TrafficSettings

    found = fields(TrafficSettings)
    zone = {one.name: one for one in found["zones"]}
    assert {"loitering", "intrusion", "wrong_way", "speeding", "crowding", "queue"} <= {
        name for name, one in zone.items() if one.kind == "rule"
    }
    way = {one.name: one for one in zone["wrong_way"].fields}
    assert (way["direction"].kind, way["direction"].needed) == ("arrow", True)
    assert (way["tolerance_deg"].low, way["tolerance_deg"].high, way["tolerance_deg"].default) == (30, 175, 120)
    assert all(one.description for fields_ in found.values() for one in fields_)
