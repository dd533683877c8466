"""What somebody said of faces holds, whatever a grouping finds later."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from gallery_samples import directions, enrol, gallery, on_disk, sightings

from compoundeye.apps.face import Gallery, Sightings, group
from compoundeye.records import EyeError


def archive(folder: Path) -> Gallery:
    """Twelve faces of three people in twelve pictures; who is who nobody said: ids 1 to 4, 5 to 8, 9 to 12."""
    made = gallery(folder)
    near = [directions(4, seed=n, around=one) for n, one in enumerate(directions(3, seed=9))]
    pictures = [f"{n:02x}" for n in range(12)]
    made.add(sightings(pictures, templates=np.concatenate(near)), purpose="archive", by="me")
    return made


def grouped(made: Gallery, threshold: float = 0.6) -> dict[int, int | None]:
    """Group an archive as `eye face group` does; whose each face is."""
    known, said = made.known(), made.said()
    pairs = [(int(one), int(two)) for one, two in said.apart]
    labels = group(known.templates, known.pictures, threshold=threshold, people=said.people, apart=pairs)
    made.regroup(known.faces, labels, by="me", why="order in the archive")
    return {face.id: face.person for face in made.faces()}


def test_groups_become_people_without_a_name_and_keep_their_numbers(tmp_path: Path) -> None:
    made = archive(tmp_path)
    first = grouped(made)
    people = made.people()
    assert [(person.name, person.faces, person.said) for person in people] == [(None, 4, 0)] * 3
    assert [first[face] for face in (1, 4)] == [first[2], first[3]]
    assert grouped(made) == first
    assert made.people() == people
    assert made.people(named=True) == []


def test_a_group_with_a_name_gets_faces_that_come_later(tmp_path: Path) -> None:
    made = archive(tmp_path)
    anna = grouped(made)[5]
    assert anna is not None
    made.name(anna, "Anna", by="me")
    like = made.known().templates[4:5]
    made.add(sightings(["ff"], templates=like), purpose="archive", by="me")
    assert grouped(made)[13] == anna
    assert made.person("Anna").faces == 5
    assert made.person("Anna").said == 4


def test_not_this_person_holds_however_often_it_is_grouped(tmp_path: Path) -> None:
    made = archive(tmp_path)
    anna = grouped(made)[1]
    assert anna is not None
    made.name(anna, "Anna", by="me")
    made.not_this_person(2, anna, by="me")
    for threshold in (0.6, 0.2, -1.0):
        found = grouped(made, threshold)
        assert found[2] != anna
        assert {found[1], found[3], found[4]} == {anna}


def test_merged_people_stay_one_and_split_people_two(tmp_path: Path) -> None:
    made = archive(tmp_path)
    found = grouped(made)
    anna, berta = found[1], found[5]
    assert anna is not None and berta is not None  # noqa: PT018
    made.merge(anna, berta, by="me")
    assert {grouped(made)[face] for face in range(1, 9)} == {anna}
    other = made.split(anna, [5, 6], by="me")
    found = grouped(made, -1.0)
    assert {found[face] for face in (1, 2, 3, 4, 7, 8)} == {anna}
    assert {found[face] for face in (5, 6)} == {other.id}
    made.merge(anna, other.id, by="me")
    assert {grouped(made)[face] for face in range(1, 9)} == {anna}


def test_two_people_who_were_named_are_never_one_group(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    same = directions(1)
    for name, picture in (("Anna", "aa"), ("Berta", "bb")):  # twins
        made.enrol(name, sightings([picture], templates=same), consent=True, purpose="door", by="desk")
    assert set(grouped(made, -1.0).values()) == {1, 2}


def test_faces_that_are_alone_are_nobodys_again(tmp_path: Path) -> None:
    made = archive(tmp_path)
    grouped(made)
    assert set(grouped(made, 0.9999).values()) == {None}
    assert made.people() == []


@pytest.mark.parametrize(
    ("faces", "told"),
    [([], "name the faces"), ([3], "face 3 is not of person 1"), ([1, 2], "nothing to split them from")],
)
def test_what_cannot_be_split_is_told_and_stays(tmp_path: Path, faces: list[int], told: str) -> None:
    made = gallery(tmp_path)
    enrol(made, "Anna", ["aa", "bb"])
    enrol(made, "Berta", ["cc"], seed=1)
    before = made.faces()
    with pytest.raises(EyeError, match=told):
        made.split("Anna", faces, by="me")
    assert made.faces() == before
    assert len(made.people()) == 2


def test_nonsense_about_people_is_told(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    enrol(made, "Anna", ["aa", "bb"])
    with pytest.raises(EyeError, match="merged with itself"):
        made.merge("Anna", 1, by="me")
    with pytest.raises(EyeError, match="split from itself"):
        made.split("Anna", [1], to="Anna", by="me")
    with pytest.raises(EyeError, match="no face 9"):
        made.not_this_person(9, "Anna", by="me")
    with pytest.raises(EyeError, match="2 faces cannot have 1 labels"):
        made.regroup(np.array([1, 2]), np.array([0]), by="me", why="order")
    with pytest.raises(EyeError, match="no face 9"):
        made.face(9)


def test_identify_gives_each_person_once_with_the_face_most_alike(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    anna = directions(30, seed=1, around=directions(1)[0])
    for name, templates in (("Anna", anna), ("Berta", directions(2, seed=7))):
        new = sightings([f"{name}{n}" for n in range(len(templates))], templates=templates)
        made.enrol(name, new, consent=True, purpose="door", by="desk")
    probes = np.concatenate([anna[4:5], directions(1, seed=8)])
    found = made.identify(probes, threshold=-1.0, k=2, by="guard", why="door 3")
    assert [(one.name, one.face) for one in found[0]][:1] == [("Anna", 5)]
    assert [len({one.person for one in candidates}) for candidates in found] == [2, 2]
    scores = made.known().templates @ probes.T
    people = made.known().people
    for column, candidates in enumerate(found):
        for one in candidates:
            assert one.score == pytest.approx(scores[people == one.person, column].max(), abs=1e-6)
    assert [len(one) for one in made.identify(probes, threshold=0.9, by="guard", why="door 3")] == [1, 0]


def test_identify_looks_at_faces_that_came_since(tmp_path: Path) -> None:
    made, other = gallery(tmp_path), directions(1, seed=3)
    assert made.identify(other, threshold=0.5, by="guard", why="door") == [[]]
    made.add(sightings(["aa"], templates=other), purpose="archive", by="me")
    assert made.identify(other, threshold=0.5, by="guard", why="door") == [[]]  # nobody's
    made.enrol("Anna", sightings(["bb"], templates=other), consent=True, purpose="door", by="desk")
    again = Gallery.open(made.path, tmp_path / "people.key")
    for one in (made, again):
        assert [each.name for each in one.identify(other, threshold=0.5, by="guard", why="door")[0]] == ["Anna"]
    again.forget("Anna", by="officer")
    assert made.identify(other, threshold=0.5, by="guard", why="door") == [[]]


def test_groups_without_a_name_can_be_left_out(tmp_path: Path) -> None:
    made = archive(tmp_path)
    grouped(made)
    probe = made.known().templates[:1]
    assert len(made.identify(probe, threshold=0.5, by="me", why="test")[0]) == 1
    assert made.identify(probe, threshold=0.5, named=True, by="me", why="test") == [[]]


def test_an_export_holds_all_that_is_kept_of_a_person_and_nothing_of_others(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    new = sightings(["aa", "bb"], sources=["/photos/a.jpg", None])
    made.enrol("Anna", new, consent=True, purpose="door", by="desk")
    enrol(made, "Berta", ["cc"], seed=1)
    made.identify(new.templates[:1], threshold=0.5, by="guard", why="door 3")
    said = json.loads(made.export("Anna", tmp_path / "anna", by="officer", why="she asked").read_text())
    assert (said["name"], len(said["faces"])) == ("Anna", 2)
    assert [face["purpose"] for face in said["faces"]] == ["door", "door"]
    assert said["faces"][0]["source"] == "/photos/a.jpg"
    np.testing.assert_array_equal(np.array([face["template"] for face in said["faces"]], np.float32), new.templates)
    assert [entry["verb"] for entry in said["audit"]] == ["enrol", "identify", "export"]
    assert new.crops is not None
    picture = cv2.imread(str(tmp_path / "anna" / said["faces"][1]["crop"]))
    assert picture is not None
    assert picture.shape == (112, 112, 3)
    assert b"Berta" not in on_disk(tmp_path / "anna")
    with pytest.raises(EyeError, match="not empty"):
        made.export("Anna", tmp_path / "anna", by="officer")


def test_sightings_are_chosen_as_arrays_are() -> None:
    new = sightings(["aa", "bb", "cc"])
    assert [list(new[which].pictures) for which in (slice(1, None), np.array([2, 0]), 1)] == [
        ["bb", "cc"], ["cc", "aa"], ["bb"],
    ]  # fmt: skip
    bare = Sightings(new.pictures, new.faces, new.templates, new.embedder)
    assert bare[1:].crops is None
