"""Several processes at one gallery, and ones that are killed in the middle."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from gallery_samples import enrol, gallery, sightings

from compoundeye.apps.face import Gallery
from compoundeye.apps.face._gallery_files import FACES, KEYS, Files


def _enrol_many(folder: str, name: str) -> None:
    made = Gallery.open(Path(folder) / "people.gallery", Path(folder) / "people.key")
    for number in range(10):
        new = sightings([f"{number:02x}"], seed=number)
        made.enrol(f"{name} {number % 3}a", new, consent=True, purpose="door", by=name)
        made.identify(new.templates, threshold=0.5, by=name, why="check")


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    context = mp.get_context("spawn")
    both = [context.Process(target=_enrol_many, args=(str(tmp_path), name)) for name in ("one", "two")]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert sorted(person.faces for person in made.people()) == [3, 3, 3, 3, 4, 4]
    assert made.check_audit().entries == 1 + 40


def test_threads_share_one_gallery(tmp_path: Path) -> None:
    made, wrong = gallery(tmp_path), list[Exception]()
    enrol(made, "Anna", ["aa"])

    def work(name: str) -> None:
        try:
            for number in range(5):
                made.enrol(name, sightings([f"{number:02x}"], seed=number), consent=True, purpose="door", by="desk")
                made.identify(sightings(["aa"]).templates, threshold=0.5, by="guard", why="door")
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("Berta", "Carla", "Dora")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert [person.faces for person in made.people()] == [1, 5, 5, 5]


def test_a_reader_has_both_files_before_it_looks(tmp_path: Path) -> None:
    """With one of them only, it would wait for a commit that waits for it."""
    files = Files(gallery(tmp_path).path)
    with files.reading():
        for name in (FACES, KEYS):
            writer = sqlite3.connect(files.folder / name, isolation_level=None, timeout=0)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                writer.execute("BEGIN EXCLUSIVE")
            writer.close()


def _killed_at(folder: str, verb: str, at: str) -> None:
    """Die, as by a power cut, in the middle of a verb."""
    made = Gallery.open(Path(folder) / "people.gallery", Path(folder) / "people.key")

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    where, name = at.rsplit(".", 1)
    patch = pytest.MonkeyPatch()
    patch.setattr(f"compoundeye.apps.face.{where}.{name}", die)
    if verb == "enrol":
        made.enrol("Berta", sightings(["bb"], seed=1), consent=True, purpose="door", by="desk")
    else:
        made.forget("Anna", by="officer")


@pytest.mark.parametrize(
    ("verb", "at", "people"),
    [
        ("enrol", "_gallery.append_entry", ["Anna"]),
        ("forget", "_forget.append_entry", ["Anna"]),
        ("forget", "_gallery_files.Files.compact", []),
        ("forget", "_gallery_files.Files.holds", []),
    ],
)
def test_who_is_killed_leaves_all_of_it_or_nothing(tmp_path: Path, verb: str, at: str, people: list[str]) -> None:
    made = gallery(tmp_path)
    enrol(made, "Anna", ["aa"])
    before = made.check_audit()
    process = mp.get_context("spawn").Process(target=_killed_at, args=(str(tmp_path), verb, at))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    again = Gallery.open(made.path, tmp_path / "people.key")
    assert [person.name for person in again.people()] == people
    assert len(again.templates()[1]) == len(people)
    assert again.check_audit(before.end).entries == before.entries + (not people)
    enrol(again, "Carla", ["cc"])
    assert again.people()[-1].name == "Carla"
    assert sorted(path.name for path in made.path.iterdir()) == ["faces.sqlite", "keys.sqlite"]


def _killed_in_a_transaction(folder: str) -> None:
    """Die with pages of both files half written: SQLite has spilled them to disk before the end."""
    files = Files(Path(folder) / "people.gallery")
    with files.writing() as connection:
        for schema in ("main", "ring"):
            connection.execute(f"PRAGMA {schema}.cache_size = 1")
        connection.execute("DELETE FROM of_face")
        connection.execute("UPDATE crops SET sealed = zeroblob(100000)")
        os.kill(os.getpid(), signal.SIGKILL)


def test_pages_half_written_are_taken_back(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    enrol(made, "Anna", [f"{n:02x}" for n in range(40)])
    crop, templates = made.crop(40), made.templates()[0]
    process = mp.get_context("spawn").Process(target=_killed_in_a_transaction, args=(str(tmp_path),))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (made.path / "faces.sqlite-journal").stat().st_size > 0  # there is something to take back
    again = Gallery.open(made.path, tmp_path / "people.key")
    assert (again.crop(40) == crop).all()  # type: ignore[union-attr]
    assert (again.templates()[0] == templates).all()
