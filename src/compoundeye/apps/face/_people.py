"""Who is who: naming, merging, splitting, and what was said stays said when an archive is grouped again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compoundeye.apps.face._gallery_rows import Int64, Known, Reader, new_key, tidy
from compoundeye.apps.face._gallery_secret import Secret
from compoundeye.records import EyeError

NOBODY = -1
AT_ONCE = 500
"""Faces in one statement; SQLite takes 32,766 values (sqlite.org/limits.html, 9)."""


@dataclass(frozen=True, slots=True)
class Said:
    """What grouping must respect, in rows of `Known`."""

    people: Int64
    """[N] the person that somebody said this face is, -1: nobody said."""
    apart: Int64
    """[K, 2] pairs of rows that are two people."""


def new_person(connection: sqlite3.Connection, secret: Secret, name: str | None, now: float) -> int:
    """Somebody new; the number."""
    number = connection.execute("INSERT INTO people (made) VALUES (?)", (now,)).lastrowid
    assert number is not None
    seal = new_key(connection, secret, "person", number)
    if name is not None:
        sealed = seal(tidy(name).encode(), secret.about("name", number))
        connection.execute("UPDATE people SET name = ? WHERE id = ?", (sealed, number))
    return number


def rename(connection: sqlite3.Connection, secret: Secret, person: int, name: str) -> None:
    """Give a person a name. All faces of a group are that person's from now on: somebody said so."""
    row = connection.execute("SELECT wrapped FROM of_person WHERE id = ?", (person,)).fetchone()
    seal, _ = Reader(connection, secret).sealer("person", person, row and row[0])
    sealed = seal(tidy(name).encode(), secret.about("name", person))
    connection.execute("UPDATE people SET name = ? WHERE id = ?", (sealed, person))
    connection.execute("UPDATE faces SET said = 1 WHERE person = ?", (person,))


def merge(connection: sqlite3.Connection, into: int, others: Sequence[int]) -> int:
    """Others are the same person; how many faces went over. What was said against it is said no longer."""
    moved = 0
    for other in others:
        if other == into:
            raise EyeError(f"person {into} cannot be merged with itself")
        for one, two in ((into, other), (other, into)):
            connection.execute(
                "DELETE FROM not_this WHERE person = ? AND face IN (SELECT id FROM faces WHERE person = ?)", (one, two)
            )
        connection.execute("UPDATE OR IGNORE not_this SET person = ? WHERE person = ?", (into, other))
        moved += connection.execute("UPDATE faces SET person = ? WHERE person = ?", (into, other)).rowcount
        remove_person(connection, other)
    connection.execute("UPDATE faces SET said = 1 WHERE person = ?", (into,))
    return moved


def split(connection: sqlite3.Connection, person: int, faces: Sequence[int], to: int) -> None:
    """Faces of a person are somebody else: ``to``. They stay apart from who keeps the others."""
    owned = set(faces_of(connection, person))
    strange = sorted(set(faces) - owned)
    if strange or not faces:
        what = f"face {strange[0]} is not of person {person}" if strange else "name the faces to split off"
        raise EyeError(what)
    if set(faces) == owned:
        raise EyeError(f"these are all faces of person {person}: there is nothing to split them from")
    for face in faces:
        connection.execute("UPDATE faces SET person = ?, said = 1 WHERE id = ?", (to, face))
        connection.execute("DELETE FROM not_this WHERE face = ? AND person = ?", (face, to))
        connection.execute("INSERT OR IGNORE INTO not_this VALUES (?,?)", (face, person))


def not_this_person(connection: sqlite3.Connection, face: int, person: int) -> None:
    """A face is not that person's, however alike they look; it is nobody's if it was the person's."""
    row = connection.execute("SELECT person FROM faces WHERE id = ?", (face,)).fetchone()
    if row is None:
        raise EyeError(f"there is no face {face} in this gallery")
    connection.execute("INSERT OR IGNORE INTO not_this VALUES (?,?)", (face, person))
    if row[0] == person:
        connection.execute("UPDATE faces SET person = NULL, said = 0 WHERE id = ?", (face,))


def faces_of(connection: sqlite3.Connection, person: int) -> list[int]:
    """Ids of a person's faces."""
    return [row[0] for row in connection.execute("SELECT id FROM faces WHERE person = ? ORDER BY id", (person,))]


def remove_person(connection: sqlite3.Connection, person: int) -> None:
    """Take out a person who has no faces any more, key and all."""
    connection.execute("DELETE FROM of_person WHERE id = ?", (person,))
    connection.execute("DELETE FROM people WHERE id = ?", (person,))


def said(connection: sqlite3.Connection, known: Known) -> Said:
    """What was said: who faces are, and who they are not."""
    people = np.where(known.said, known.people, NOBODY)
    by_person = dict[int, list[int]]()
    for row in np.flatnonzero(people != NOBODY).tolist():
        by_person.setdefault(int(people[row]), []).append(row)
    pairs = list[tuple[int, int]]()
    for face, person in connection.execute("SELECT face, person FROM not_this ORDER BY face, person"):
        own = int(np.searchsorted(known.faces, face))
        # Of a person's faces one is enough: all that somebody said to be the person's are together.
        pairs += [(own, row) for row in by_person.get(person, [])[:1] if people[own] != person]
    return Said(people, np.array(pairs, np.int64).reshape(-1, 2))


def regroup(
    connection: sqlite3.Connection, secret: Secret, faces: Int64, labels: Int64, now: float
) -> list[int]:  # fmt: skip
    """Write down what a grouping found, where nobody said otherwise; the people that faces are in now, in order.

    A group that holds faces said to be a person's is that person's; one that is mostly an unnamed group of before
    keeps its number, so that pages do not change for nothing. Faces labelled -1 are nobody's.
    """
    known = {row[0]: row[1:] for row in connection.execute("SELECT id, person, said FROM faces")}
    forbidden = set(connection.execute("SELECT face, person FROM not_this"))
    taken, result = set[int](), list[int]()
    for label in _largest_first(labels):
        own = [face for face in faces[labels == label].tolist() if face in known]
        person = _owner(own, known, taken)
        if person is None:
            person = new_person(connection, secret, None, now)
        taken.add(person)
        free = [(person, face) for face in own if not known[face][1] and (face, person) not in forbidden]
        connection.executemany("UPDATE faces SET person = ? WHERE id = ? AND said = 0", free)
        result.append(person)
    alone = [(face,) for face in faces[labels == NOBODY].tolist()]
    connection.executemany("UPDATE faces SET person = NULL WHERE id = ? AND said = 0", alone)
    empty = "SELECT id FROM people WHERE name IS NULL AND id NOT IN (SELECT person FROM faces WHERE person NOT NULL)"
    for (person,) in connection.execute(empty).fetchall():
        remove_person(connection, person)
    return result


def _largest_first(labels: Int64) -> list[int]:
    found, counts = np.unique(labels[labels != NOBODY], return_counts=True)
    return [int(label) for label in found[np.lexsort((found, -counts))]]


def _owner(own: Sequence[int], known: dict[int, tuple[int | None, int]], taken: set[int]) -> int | None:
    """The person that a group's faces were said to be, or most of them were in, unless another group has it."""
    sure = [person for person, said in (known[face] for face in own) if said and person is not None]
    before = sure or [person for person, _ in (known[face] for face in own) if person is not None]
    values, counts = np.unique(np.array(before, np.int64), return_counts=True)
    for person in values[np.argsort(-counts, kind="stable")].tolist():
        if sure or person not in taken:
            return int(person)
    return None
