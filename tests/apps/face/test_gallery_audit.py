"""The audit log says who did what, and whoever tampers with it is found out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from gallery_samples import enrol, gallery, sightings

from compoundeye.apps.face import DamagedError, Gallery
from compoundeye.records import EyeError

Change = Callable[[sqlite3.Connection], object]


def busy(folder: Path) -> Gallery:
    """A gallery with six entries: create, enrol twice, identify, name, identify."""
    made = gallery(folder)
    enrol(made, "Anna", ["aa"])
    enrol(made, "Berta", ["bb"], seed=1)
    probe = sightings(["aa"]).templates
    made.identify(probe, threshold=0.5, by="guard", why="door 3")
    made.name("Anna", "Anne", by="desk")
    made.identify(probe, threshold=0.5, by="guard", why="door 4")
    return made


def change(made: Gallery, what: Change) -> None:
    """As somebody who can write the file and has no key."""
    connection = sqlite3.connect(made.path / "faces.sqlite")
    with connection:
        what(connection)
    connection.close()


def test_everything_that_was_done_is_there_in_order(tmp_path: Path) -> None:
    made = busy(tmp_path)
    log = made.audit()
    assert [(entry.verb, entry.by) for entry in log] == [
        ("create", "owner"), ("enrol", "desk"), ("enrol", "desk"), ("identify", "guard"), ("name", "desk"),
        ("identify", "guard"),
    ]  # fmt: skip
    assert [entry.number for entry in log] == [1, 2, 3, 4, 5, 6]
    assert (log[3].people, log[3].why, log[3].detail["probes"]) == ((1,), "door 3", 1)
    assert [entry.number for entry in made.audit(person=2)] == [3]
    assert [entry.number for entry in made.audit(after=2, limit=2)] == [3, 4]
    assert [entry.number for entry in made.audit(newest_first=True, limit=2)] == [6, 5]
    assert [entry.number for entry in made.audit(newest_first=True, person=1, limit=1)] == [6]


def test_a_search_without_a_reason_or_a_name_is_none(tmp_path: Path) -> None:
    made = busy(tmp_path)
    probe = sightings(["aa"]).templates
    with pytest.raises(EyeError, match="say why"):
        made.identify(probe, threshold=0.5, by="guard", why="")
    with pytest.raises(EyeError, match="say who asks"):
        made.identify(probe, threshold=0.5, by=" ", why="door")
    with pytest.raises(EyeError, match="say why"):
        made.searched("compare", by="guard", why=" ")
    assert len(made.audit()) == 6


def test_a_whole_log_is_whole_and_its_end_proves_it_later(tmp_path: Path) -> None:
    made = busy(tmp_path)
    first = made.check_audit()
    assert (first.entries, first.reasons_removed) == (6, ())
    made.searched("compare", by="guard", why="door 5")
    assert made.check_audit(first.end).entries == 7


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (lambda db: db.execute("UPDATE audit SET at = at + 1 WHERE number = 3"), "entry 3 was changed"),
        (lambda db: db.execute("UPDATE audit SET body = zeroblob(60) WHERE number = 2"), "entry 2 was changed"),
        (lambda db: db.execute("DELETE FROM audit WHERE number = 4"), "entry 4 is missing"),
        (lambda db: db.execute("DELETE FROM audit WHERE number = 6"), "ends after entry 5"),
        (lambda db: db.execute("DELETE FROM audit WHERE number = 1"), "entry 1 is missing"),
        (lambda db: db.execute("UPDATE audit SET why = NULL WHERE number = 4"), "reason of audit entry 4 was removed"),
        (lambda db: db.execute("UPDATE audit SET why = zeroblob(40) WHERE number = 4"), "reason of audit entry 4 was"),
        (lambda db: db.execute("DELETE FROM audit_end"), "end of the audit log was removed"),
        (lambda db: db.executescript("DELETE FROM audit; DELETE FROM audit_end"), "does not hold the end"),
        (
            lambda db: db.executescript(
                "UPDATE audit SET number = -4 WHERE number = 4; UPDATE audit SET number = 4 WHERE number = 5;"
                "UPDATE audit SET number = 5 WHERE number = -4"
            ),
            "entry 4 was changed",
        ),
    ],
    ids=["time", "body", "middle", "last", "first", "reason", "other reason", "end", "all", "order"],
)
def test_tampering_is_found_out(tmp_path: Path, what: Change, told: str) -> None:
    made = busy(tmp_path)
    end = made.check_audit().end
    change(made, what)
    with pytest.raises(DamagedError, match=told):
        made.check_audit(end)


def test_an_older_copy_of_the_log_is_found_out_by_who_kept_its_end(tmp_path: Path) -> None:
    made = busy(tmp_path)
    copy = (made.path / "faces.sqlite").read_bytes()
    made.searched("compare", by="guard", why="door 5")
    end = made.check_audit().end
    (made.path / "faces.sqlite").write_bytes(copy)
    assert made.check_audit().entries == 6
    with pytest.raises(DamagedError, match="does not hold the end"):
        made.check_audit(end)


def test_records_put_in_the_place_of_others_are_found_out(tmp_path: Path) -> None:
    made = busy(tmp_path)
    change(made, lambda db: db.execute("UPDATE faces SET template = (SELECT template FROM faces WHERE id = 2)"))
    again = Gallery.open(made.path, tmp_path / "people.key")
    with pytest.raises(DamagedError, match=r"template\|1 was changed"):
        again.templates()


def test_a_bit_of_a_crop_is_found_out(tmp_path: Path) -> None:
    made = busy(tmp_path)
    change(made, lambda db: db.execute("UPDATE crops SET sealed = CAST(sealed || x'00' AS BLOB) WHERE face = 1"))
    with pytest.raises(DamagedError, match="was changed"):
        made.crop(1)
    assert made.crop(2) is not None
