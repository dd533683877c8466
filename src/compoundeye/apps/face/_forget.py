"""Forgetting people: whole or not at all, finished after a crash, and proved on the bytes on disk.

The keys and all rows go in one transaction; picture files after it, from a sealed list that is on disk until they are
gone; then both databases are written anew. Article 17 of the General Data Protection Regulation asks for erasure
"without undue delay"; NIST SP 800-88, section 2.5, calls destroying the key of what is encrypted a way to erase it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from compoundeye.apps.face._audit import append_entry, remove_reasons
from compoundeye.apps.face._gallery_files import Files
from compoundeye.apps.face._gallery_rows import Face, Reader
from compoundeye.apps.face._gallery_secret import Secret, sealer
from compoundeye.corpus import erase
from compoundeye.records import EyeError, picture_id

NEEDLE_BYTES = 16
"""Bytes of each sealed thing that are looked for afterwards: 12 are chance, so nothing else matches them."""


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What was erased."""

    people: tuple[int, ...]
    faces: int
    crops: int
    keys: int
    """Keys destroyed: without them, copies of ``faces.sqlite`` say nothing of these people."""
    pictures_removed: tuple[str, ...]
    """Files."""
    pictures_kept: tuple[tuple[str, str], ...]
    """Files and corpora that keep one, each with the reason; a corpus is tried again when the gallery is opened."""
    pictures_from_corpora: int
    shared_pictures: int
    """Pictures in which faces of other people were found, too."""
    reasons_removed: int
    """Audit entries whose reason named one of them."""
    looked_for: int
    """Sealed things that were looked for in the files afterwards, byte for byte."""
    traces: int
    """How many of them were found: 0."""


def forget(
    files: Files,
    secret: Secret,
    who: Sequence[int | str],
    now: float,
    by: str,
    why: str,
    *,
    pictures: bool,
    corpora: Sequence[str],
) -> ForgetReport:
    """Erase people; see `Gallery.forget`."""
    with files.writing() as connection:
        reader = Reader(connection, secret)
        people = sorted({reader.person(one) for one in who})
        faces = [face for person in people for face in reader.faces("WHERE person = ?", (person,))]
        needles = _needles(connection, people)
        names = [name for number, name in reader.names().items() if number in people and name]
        crops, shared = _count_crops(connection, people), _shared(connection, people)
        removed = remove_reasons(connection, secret, names)
        if any(name.casefold() in why.casefold() for name in names):
            why = ""  # the reason of the forgetting itself must not keep the name
        _delete(connection, people)
        listed = None
        if pictures or corpora:
            listed = _list_pictures(connection, secret, faces, corpora, files=pictures)
        connection.execute("UPDATE gallery SET revision = revision + 1, uncompacted = 1")
        detail = {"faces": len(faces), "pictures": pictures, "corpora": len(corpora), "reasons_removed": removed}
        append_entry(connection, secret, now, by, "forget", people, detail, why)
    gone = _Removed() if listed is None else _remove_pictures(files, secret, listed)
    files.compact()
    return ForgetReport(
        tuple(people), len(faces), crops, len(people) + len(faces), tuple(gone.files), tuple(gone.kept),
        gone.from_corpora, shared, len(removed), len(needles), files.holds(needles),
    )  # fmt: skip


def finish(files: Files, secret: Secret) -> None:
    """Do what a forgetting that was cut off left to do."""
    with files.reading() as connection:
        listed = [row[0] for row in connection.execute("SELECT id FROM erasing ORDER BY id")]
        uncompacted = connection.execute("SELECT uncompacted FROM gallery").fetchone()[0]
    for one in listed:
        _remove_pictures(files, secret, one)
    if listed or uncompacted:
        files.compact()


def _needles(connection: sqlite3.Connection, people: Sequence[int]) -> list[bytes]:
    """The beginning of everything sealed about people."""
    of_faces = [
        "SELECT template FROM faces WHERE person = ?",
        "SELECT sealed FROM facts JOIN faces ON id = face WHERE person = ?",
        "SELECT sealed FROM crops JOIN faces ON id = face WHERE person = ?",
        "SELECT wrapped FROM of_face JOIN faces USING (id) WHERE person = ?",
        "SELECT name FROM people WHERE id = ? AND name IS NOT NULL",
        "SELECT wrapped FROM of_person WHERE id = ?",
    ]
    return [row[0][:NEEDLE_BYTES] for query in of_faces for one in people for row in connection.execute(query, (one,))]


def _count_crops(connection: sqlite3.Connection, people: Sequence[int]) -> int:
    query = "SELECT count(*) FROM crops JOIN faces ON id = face WHERE person = ?"
    return sum(connection.execute(query, (one,)).fetchone()[0] for one in people)


def _shared(connection: sqlite3.Connection, people: Sequence[int]) -> int:
    """Pictures of people that show others, too."""
    query = "SELECT DISTINCT picture FROM faces WHERE person = ?"
    pictures = {row[0] for one in people for row in connection.execute(query, (one,))}
    others = "SELECT person FROM faces WHERE picture = ?"
    return sum(
        any(row[0] not in people for row in connection.execute(others, (picture,))) for picture in pictures
    )  # fmt: skip


def _delete(connection: sqlite3.Connection, people: Sequence[int]) -> None:
    for one in people:
        connection.execute("DELETE FROM of_face WHERE id IN (SELECT id FROM faces WHERE person = ?)", (one,))
        connection.execute("DELETE FROM of_person WHERE id = ?", (one,))
        connection.execute("DELETE FROM faces WHERE person = ?", (one,))
        connection.execute("DELETE FROM people WHERE id = ?", (one,))


def _list_pictures(
    connection: sqlite3.Connection, secret: Secret, faces: Sequence[Face], corpora: Sequence[str], *, files: bool
) -> int:
    """Note on disk, sealed, what is to go: files, and pictures of corpora."""
    sources = sorted({(face.source, face.picture) for face in faces if face.source}) if files else []
    listed = {"files": sources, "corpora": list(corpora), "pictures": sorted({face.picture for face in faces})}
    row = connection.execute("INSERT INTO erasing (sealed) VALUES (x'')").lastrowid
    assert row is not None
    sealed = sealer(secret.wrapping)[0](json.dumps(listed).encode(), secret.about("erasing", row))
    connection.execute("UPDATE erasing SET sealed = ? WHERE id = ?", (sealed, row))
    return row


def _remove_pictures(files: Files, secret: Secret, row: int) -> _Removed:
    """Remove what a list names. A corpus that is busy or gone stays on the list: whoever opens next tries again."""
    with files.reading() as connection:
        found = connection.execute("SELECT sealed FROM erasing WHERE id = ?", (row,)).fetchone()
    if found is None:  # another process has done it
        return _Removed()
    listed = json.loads(sealer(secret.wrapping)[1](found[0], secret.about("erasing", row)))
    removed, again = _Removed(), False
    for source, picture in listed["files"]:
        try:
            _remove(source, picture)
            removed.files.append(source)
        except EyeError as error:
            removed.kept.append((source, str(error)))
    for path in listed["corpora"]:
        try:
            removed.from_corpora += erase(path, [bytes.fromhex(one) for one in listed["pictures"]]).pictures
        except EyeError as error:
            removed.kept.append((path, str(error)))
            again = True
    if not again:
        with files.writing() as connection:
            connection.execute("DELETE FROM erasing WHERE id = ?", (row,))
    return removed


@dataclass(slots=True)
class _Removed:
    files: list[str] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    from_corpora: int = 0


def _remove(source: str, picture: str) -> None:
    """Remove a picture file if it is still that picture; what another put there is not ours to remove."""
    try:
        with open(source, "rb") as file:
            if picture_id(file.read()).hex() != picture:
                raise EyeError("another picture lies there now")
        os.remove(source)
    except FileNotFoundError:
        return
    except OSError as error:
        raise EyeError(str(error.strerror)) from error
