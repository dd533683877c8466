"""What is forgotten is gone from the bytes on disk, also after a crash, and from copies of the large file."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from gallery_samples import enrol, gallery, on_disk, sightings
from PIL import Image

from compoundeye.apps.face import DamagedError, Gallery
from compoundeye.corpus import Corpus, ingest
from compoundeye.records import picture_id


def sealed(made: Gallery, people: tuple[int, ...]) -> list[bytes]:
    """Everything on disk that was made of people, as it lies there."""
    found = list[bytes]()
    with sqlite3.connect(made.path / "faces.sqlite") as faces, sqlite3.connect(made.path / "keys.sqlite") as keys:
        for person in people:
            ids = [row[0] for row in faces.execute("SELECT id FROM faces WHERE person = ?", (person,))]
            found += [row[0] for row in faces.execute("SELECT name FROM people WHERE id = ?", (person,))]
            found += [row[0] for row in keys.execute("SELECT wrapped FROM of_person WHERE id = ?", (person,))]
            for face in ids:
                found += [row[0] for row in keys.execute("SELECT wrapped FROM of_face WHERE id = ?", (face,))]
                found += [row[0] for row in faces.execute("SELECT template FROM faces WHERE id = ?", (face,))]
                for table in ("facts", "crops"):
                    found += [row[0] for row in faces.execute(f"SELECT sealed FROM {table} WHERE face = ?", (face,))]
    faces.close()
    keys.close()
    return found


def test_nothing_of_who_was_forgotten_is_in_any_byte_on_disk(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    people = [enrol(made, f"Person {n}a", [f"{n:02x}{k:02x}" for k in range(5)], seed=n) for n in range(12)]
    made.merge(people[3], people[4], by="desk")  # rows that were moved about leave copies in pages
    made.split(people[5], [made.faces(people[5])[0].id], to=people[3], by="desk")
    gone = (people[3], people[7])
    traces = sealed(made, gone)
    assert len(traces) == 2 * 2 + 4 * (11 + 5)
    before = on_disk(made.path)
    assert all(trace[:12] in before for trace in traces)  # longer ones go on in other pages
    report = made.forget(gone, by="officer", why="asked to")
    data = on_disk(made.path)
    # Pieces too: a page that was written anew may keep the half of an old one.
    pieces = [trace[at : at + 12] for trace in traces for at in range(0, len(trace) - 12, 200)]
    assert not [piece for piece in pieces if piece in data]
    assert (report.people, report.faces, report.crops, report.keys) == (gone, 16, 16, 18)
    assert (report.looked_for, report.traces) == (len(traces), 0)
    assert {person.id for person in made.people()} == set(people) - {*gone, people[4]}
    assert len(made.templates()[1]) == 60 - 16
    assert made.check_audit().entries == len(made.audit())


def test_a_copy_of_the_large_file_says_nothing_of_who_was_forgotten(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    anna = enrol(made, "Anna", ["aa"])
    enrol(made, "Berta", ["bb"], seed=1)
    shutil.copy(made.path / "faces.sqlite", tmp_path / "copy")
    made.forget(anna, by="officer")
    shutil.copy(tmp_path / "copy", made.path / "faces.sqlite")
    restored = Gallery.open(made.path, tmp_path / "people.key")
    with pytest.raises(DamagedError, match=f"key of person {anna} is missing"):
        restored.people()
    assert restored.crop(2) is not None  # Berta's


def test_pictures_go_too_if_asked_and_only_those_pictures(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    files = [tmp_path / name for name in ("one.jpg", "two.jpg", "changed.jpg", "gone.jpg")]
    for file in files:
        file.write_bytes(file.name.encode())
    ids = [picture_id(file.read_bytes()).hex() for file in files]
    new = sightings(ids, sources=[str(file) for file in files])
    made.enrol("Anna", new, consent=True, purpose="door", by="desk")
    made.enrol("Berta", sightings(ids[:1], seed=5), consent=True, purpose="door", by="desk")
    files[2].write_bytes(b"somebody else's picture by now")
    files[3].unlink()
    report = made.forget("Anna", by="officer", pictures=True)
    assert report.pictures_removed == (str(files[3]), str(files[0]), str(files[1]))
    assert report.pictures_kept == ((str(files[2]), "another picture lies there now"),)
    assert report.shared_pictures == 1
    assert [file.exists() for file in files] == [False, False, True, False]
    assert b"one.jpg" not in on_disk(made.path)


def test_pictures_stay_unless_asked(tmp_path: Path) -> None:
    made, file = gallery(tmp_path), tmp_path / "one.jpg"
    file.write_bytes(b"a picture")
    new = sightings([picture_id(b"a picture").hex()], sources=[str(file)])
    made.enrol("Anna", new, consent=True, purpose="door", by="desk")
    assert made.forget("Anna", by="officer").pictures_removed == ()
    assert file.exists()


def test_reasons_that_name_somebody_go_with_the_person_and_the_log_stays_whole(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    anna = enrol(made, "Anna", ["aa"])
    probe = sightings(["aa"]).templates
    made.identify(probe, threshold=0.5, by="guard", why="is ANNA in the house?")
    made.identify(probe, threshold=0.5, by="guard", why="routine")
    report = made.forget("Anna", by="officer", why="Anna asked for it")
    assert report.reasons_removed == 1
    assert [entry.why for entry in made.audit(person=anna)] == ["", None, "routine", ""]
    assert made.check_audit().reasons_removed == (3,)


@pytest.mark.parametrize("at", ["_remove_pictures", "Files.compact"])
def test_a_forgetting_that_was_cut_off_is_finished_by_who_opens_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    made, file = gallery(tmp_path), tmp_path / "one.jpg"
    file.write_bytes(b"a picture")
    new = sightings([picture_id(b"a picture").hex()], sources=[str(file)])
    anna = made.enrol("Anna", new, consent=True, purpose="door", by="desk").id
    traces = sealed(made, (anna,))

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"compoundeye.apps.face._forget.{at}", cut)
        with pytest.raises(KeyboardInterrupt):
            made.forget("Anna", by="officer", pictures=True)
    opened = Gallery.open(made.path, tmp_path / "people.key")
    assert not file.exists()
    assert not [trace for trace in traces if trace[:12] in on_disk(made.path)]
    assert opened.people() == []
    with sqlite3.connect(made.path / "faces.sqlite") as faces:
        assert faces.execute("SELECT uncompacted FROM gallery").fetchone() == (0,)
        assert faces.execute("SELECT count(*) FROM erasing").fetchone() == (0,)
    faces.close()


def _corpus(folder: Path, count: int) -> list[bytes]:
    """A corpus of random pictures at ``c``; their ids in the order of their files."""
    (folder / "in").mkdir()
    rng, ids = np.random.default_rng(0), list[bytes]()
    for number in range(count):
        file = folder / "in" / f"{number}.jpg"
        Image.fromarray(rng.integers(0, 256, (64, 80, 3), np.uint8)).save(file)
        ids.append(picture_id(file.read_bytes()))
    ingest(folder / "in", folder / "c", workers=1)
    return ids


def test_pictures_of_a_corpus_go_too_if_asked(tmp_path: Path) -> None:
    made, ids = gallery(tmp_path), _corpus(tmp_path, 6)
    made.enrol("Anna", sightings([one.hex() for one in ids[:2]]), consent=True, purpose="door", by="desk")
    report = made.forget("Anna", by="officer", corpora=[tmp_path / "c"])
    assert (report.pictures_from_corpora, report.pictures_kept) == (2, ())
    data = on_disk(tmp_path / "c")
    assert [one in data for one in ids] == [False] * 2 + [True] * 4
    assert (tmp_path / "in" / "0.jpg").exists()  # files only if asked


def test_a_corpus_that_is_busy_is_tried_again(tmp_path: Path) -> None:
    made, ids = gallery(tmp_path), _corpus(tmp_path, 3)
    made.enrol("Anna", sightings([ids[0].hex()]), consent=True, purpose="door", by="desk")
    with Corpus.open(tmp_path / "c").lock("ingest"):
        report = made.forget("Anna", by="officer", corpora=[tmp_path / "c"])
    assert report.pictures_from_corpora == 0
    assert "another ingest" in report.pictures_kept[0][1]
    assert ids[0] in on_disk(tmp_path / "c")
    Gallery.open(made.path, tmp_path / "people.key")
    assert ids[0] not in on_disk(tmp_path / "c")
