"""From a target, or nothing, to the score from which somebody is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gallery_samples import directions, enrol, gallery, sightings

from compoundeye.apps.face import Target, group_gallery, impostors, naming, operating_point, threshold
from compoundeye.records import EyeError


def test_a_gallery_of_people_enough_decides(tmp_path: Path) -> None:
    """People who look alike: all templates lean one way, so that their scores are about 0.5."""
    people = gallery(tmp_path)
    common = directions(1, seed=9)[0]
    for number, own in enumerate(directions(100, seed=1)):
        template = (own + common) / np.linalg.norm(own + common)
        new = sightings([f"{number:032x}"], templates=template[None])
        people.enrol(f"Person {number}", new, consent=True, purpose="door", by="desk")
    known = people.known()
    expected = threshold(Target(fmr=0.01), impostors(known.templates, known.people))
    point = operating_point(people, fmr=0.01)
    assert (point.value, point.source, point.warning) == (expected.value, "FMR 0.01", None)
    assert point.value > 0.5
    stricter = operating_point(people, fpir=0.3)
    assert stricter.source == "FPIR 0.3 among 100"
    assert stricter.value > point.value  # 0.3 of searches among 100 is 0.0036 of comparisons


def test_what_grouping_found_says_nothing_about_strangers(tmp_path: Path) -> None:
    people = gallery(tmp_path)
    people.add(sightings(["0a", "0b", "0c"]), purpose="album", by="desk")
    group_gallery(people, threshold=-1, by="desk", why="a test")
    with pytest.raises(EyeError, match="two people"):
        operating_point(people, fpir=0.01)


def test_few_people_never_make_it_laxer_than_what_is_published(tmp_path: Path) -> None:
    """Three people who are not alike at all: their scores, all 0, would let anybody in."""
    people = gallery(tmp_path)
    for name, template in zip(("Anna", "Berta", "Clara"), np.eye(3, 128, dtype=np.float32), strict=True):
        people.enrol(name, sightings([name], templates=template[None]), consent=True, purpose="door", by="desk")
    point = operating_point(people, fpir=0.01)
    assert point.value == operating_point().value == 0.363
    assert point.warning is not None
    assert "stricter" in point.warning


def test_one_thing_is_said() -> None:
    assert operating_point(value=0.4).value == 0.4
    with pytest.raises(EyeError, match="one of them"):
        operating_point(value=0.4, fmr=1e-3)
    with pytest.raises(EyeError, match="gallery"):
        operating_point(fmr=1e-3)


def test_names_come_from_the_log_of_a_search(tmp_path: Path) -> None:
    people = gallery(tmp_path)
    enrol(people, "Anna", ["0a"], 1)
    stranger = directions(1, seed=50)
    said = naming(people, 0.5, by="desk", why="a test")(np.concatenate([people.known().templates, stranger]))
    assert said == ["Anna", None]
    assert people.audit(newest_first=True, limit=1)[0].verb == "identify"
