"""What goes into a gallery comes out of it, and nothing of it can be read on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from gallery_samples import EMBEDDER, directions, enrol, gallery, on_disk, sightings

from compoundeye.apps.face import Found, Gallery, Sightings
from compoundeye.records import EyeError, Faces


def test_what_is_enrolled_comes_back_after_opening_again(tmp_path: Path) -> None:
    new = sightings(["aa01", "bb02"], sources=["/photos/a.jpg", None])
    made = gallery(tmp_path)
    person = made.enrol("  Anna   Berg ", new, consent=True, purpose="opening the door", by="desk")
    again = Gallery.open(tmp_path / "people.gallery", tmp_path / "people.key")
    assert again.people() == [person]
    assert (person.name, person.faces, person.said) == ("Anna Berg", 2, 2)
    first, second = again.faces("Anna Berg")
    assert (first.picture, first.source, second.source) == ("aa01", "/photos/a.jpg", None)
    assert (first.consent, first.purpose, first.by, first.said) == (True, "opening the door", "desk", True)
    np.testing.assert_allclose(first.landmarks, new.faces.landmarks[0], atol=0.006)
    assert first.box == (10, 20, 110, 140)
    assert first.quality == pytest.approx(new.quality[0])  # type: ignore[index]
    templates, faces = again.templates()
    np.testing.assert_array_equal(templates, new.templates)
    assert faces.tolist() == [first.id, second.id]
    assert again.embedder() == EMBEDDER


def test_a_crop_comes_back_as_it_looked(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    smooth = np.broadcast_to(np.linspace(0, 255, 112)[None, None, :, None], (1, 112, 112, 3)).astype(np.uint8).copy()
    smooth[..., 2] = 40
    new = sightings(["aa"])
    made.add(Sightings(new.pictures, new.faces, new.templates, EMBEDDER, crops=smooth), purpose="archive", by="me")
    made.add(Sightings(new.pictures, new.faces, new.templates, EMBEDDER), purpose="archive", by="me")
    crop = made.crop(1)
    assert crop is not None
    assert np.abs(crop.astype(int) - smooth[0]).mean() < 3
    assert made.crop(2) is None


def test_what_a_pipeline_found_is_taken_as_it_is(tmp_path: Path) -> None:
    new = sightings(["aa", "aa", "aa"])
    assert new.crops is not None
    found = Found(new.faces, new.crops, new.templates)
    taken = Sightings.of(found, bytes.fromhex("aa"), "/photos/a.jpg", embedder=EMBEDDER)
    assert list(taken.pictures) == ["aa"] * 3
    ids = gallery(tmp_path).add(taken[np.array([True, False, True])], purpose="archive", by="me")
    assert len(ids) == 2


def test_names_templates_crops_pictures_and_reasons_are_nowhere_on_disk_in_the_clear(tmp_path: Path) -> None:
    made, new = gallery(tmp_path), sightings(["feedface00112233"], sources=["/photos/anna.jpg"])
    made.enrol("Annabella", new, consent=True, purpose="wedding", by="photographer")
    made.identify(new.templates, threshold=0.5, by="detective", why="looking for Annabella")
    data = on_disk(made.path)
    assert len(data) > 10_000
    for secret in (b"Annabella", b"feedface00112233", bytes.fromhex("feedface00112233"), b"anna.jpg", b"wedding",
                   b"detective", b"photographer", b"looking", b"JFIF", new.templates.tobytes()[:16]):  # fmt: skip
        assert secret not in data
    assert EMBEDDER.encode() in data  # what is not personal is not sealed: the search above does look at the data


def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    assert os.stat(made.path).st_mode & 0o077 == 0
    for path in [*made.path.iterdir(), tmp_path / "people.key"]:
        assert os.stat(path).st_mode & 0o077 == 0


def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    first = enrol(made, "Anna", ["aa"])
    made.forget(first, by="desk")
    assert enrol(made, "Berta", ["bb"]) == first + 1
    assert made.templates()[1].tolist() == [2]


def test_a_name_finds_one_person_and_a_number_always_does(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    anna, berta = enrol(made, "Anna", ["aa"]), enrol(made, "Berta", ["bb"])
    assert enrol(made, "Anna", ["cc"]) == anna
    assert made.person(str(berta)).name == "Berta"
    made.name(berta, "Anna", by="desk")
    with pytest.raises(EyeError, match="2 people are called 'Anna': 1, 2; give the number"):
        made.person("Anna")
    with pytest.raises(EyeError, match="nobody in this gallery is called 'Carla'"):
        made.person("Carla")
    with pytest.raises(EyeError, match="no person 9"):
        made.enrol(9, sightings(["dd"]), consent=True, purpose="door", by="desk")
    with pytest.raises(EyeError, match="is no name"):
        made.name(anna, "42", by="desk")


def test_what_is_missing_is_told_and_nothing_is_kept(tmp_path: Path) -> None:
    made, new = gallery(tmp_path), sightings(["aa"])
    with pytest.raises(EyeError, match="what the faces are kept for"):
        made.enrol("Anna", new, consent=True, purpose=" ", by="desk")
    with pytest.raises(EyeError, match="say who asks"):
        made.enrol("Anna", new, consent=True, purpose="door", by="")
    with pytest.raises(EyeError, match="no face to enrol as Anna"):
        made.enrol("Anna", new[:0], consent=True, purpose="door", by="desk")
    assert (made.people(), len(made.templates()[1])) == ([], 0)
    made.add(new, purpose="archive", by="me")
    with pytest.raises(EyeError, match="cannot be compared"):
        made.add(sightings(["bb"], embedder="other/1"), purpose="archive", by="me")


def test_templates_that_are_none_are_refused() -> None:
    faces = Faces(np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros((1, 5, 2), np.float32))
    for wrong in (np.zeros((1, 128), np.float32), np.full((1, 128), np.nan, np.float32)):
        with pytest.raises(EyeError, match="have length 1"):
            Sightings(["aa"], faces, wrong, EMBEDDER)
    with pytest.raises(EyeError, match="2 pictures are named"):
        Sightings(["aa", "bb"], faces, directions(2), EMBEDDER)


def test_keys_that_are_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = gallery(tmp_path)
    key = tmp_path / "people.key"
    monkeypatch.delenv("EYE_GALLERY_KEY", raising=False)
    with pytest.raises(EyeError, match="a gallery needs its key"):
        Gallery.open(made.path)
    monkeypatch.setenv("EYE_GALLERY_KEY", key.read_text().strip())
    assert Gallery.open(made.path).people() == []
    Gallery.create(tmp_path / "other.gallery", tmp_path / "other.key")
    with pytest.raises(EyeError, match="another gallery's"):
        Gallery.open(made.path, tmp_path / "other.key")
    with pytest.raises(EyeError, match="keep it elsewhere"):
        Gallery.create(tmp_path / "third", tmp_path / "third" / "key")
    with pytest.raises(EyeError, match="there already"):
        Gallery.create(made.path, key)
    (tmp_path / "poem.key").write_text("roses are red")
    os.chmod(tmp_path / "poem.key", 0o600)
    with pytest.raises(EyeError, match="holds no key"):
        Gallery.open(made.path, tmp_path / "poem.key")
    os.chmod(key, 0o640)
    with pytest.raises(EyeError, match="chmod 600"):
        Gallery.open(made.path, key)
    with pytest.raises(EyeError, match="there is no gallery"):
        Gallery.open(tmp_path / "nowhere", key)


def test_who_may_not_write_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EyeError, match="cannot make a gallery"):
        Gallery.create(tmp_path / "no" / "folder", tmp_path / "people.key")
