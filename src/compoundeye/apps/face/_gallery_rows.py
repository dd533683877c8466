"""Rows of a gallery: sealing what goes in, unsealing what comes out."""

from __future__ import annotations

import json
import math
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._gallery_secret import KEY_BYTES, DamagedError, Secret, sealer
from compoundeye.apps.face._sightings import Float32, Sightings, UInt8
from compoundeye.records import EyeError

Int64 = npt.NDArray[np.int64]
CROP_QUALITY = 92
"""JPEG quality of a kept crop: 6 KB, to be looked at; templates are never made of it."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face that is kept, without its template."""

    id: int
    person: int | None
    said: bool
    """Whether somebody said who this is; False: a grouping did."""
    picture: str
    """The picture's id, hexadecimal."""
    source: str | None
    box: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels of the picture."""
    landmarks: tuple[tuple[float, float], ...]
    quality: float | None
    score: float
    """The detector's."""
    consent: bool
    purpose: str
    at: float
    """When it was enrolled, Unix s."""
    by: str


@dataclass(frozen=True, slots=True)
class Known:
    """All that grouping and search need, as a structure of arrays in the order of face ids."""

    templates: Float32
    """[N, D]"""
    faces: Int64
    """[N] face ids."""
    people: Int64
    """[N] their people, -1: nobody's."""
    said: npt.NDArray[np.bool_]
    """[N] whether somebody said so."""
    pictures: Int64
    """[N] equal for faces of one picture; the numbers mean nothing else."""
    quality: Float32
    """[N] 0..100, NaN where not known."""


def add_faces(
    connection: sqlite3.Connection, secret: Secret, new: Sightings, person: int | None, facts: Mapping[str, Any]
) -> list[int]:
    """Keep faces, each sealed under a key of its own; their ids."""
    return [_add(connection, secret, new, row, person, facts) for row in range(len(new))]


def _add(
    connection: sqlite3.Connection,
    secret: Secret,
    new: Sightings,
    row: int,
    person: int | None,
    facts: Mapping[str, Any],
) -> int:
    quality = None if new.quality is None or not math.isfinite(new.quality[row]) else float(new.quality[row])
    face = connection.execute(
        "INSERT INTO faces (person, said, picture, quality, template) VALUES (?,?,?,?,x'')",
        (person, person is not None, secret.tag(new.pictures[row]), quality),
    ).lastrowid
    assert face is not None
    seal = new_key(connection, secret, "face", face)
    template = np.ascontiguousarray(new.templates[row], "<f4").tobytes()
    sealed = seal(template, secret.about("template", face))
    connection.execute("UPDATE faces SET template = ? WHERE id = ?", (sealed, face))
    said = dict(facts) | {
        "picture": new.pictures[row],
        "source": new.sources[row] if new.sources else None,
        "box": new.faces.boxes[row].astype(float).round(2).tolist(),
        "landmarks": new.faces.landmarks[row].astype(float).round(2).tolist(),
        "score": float(new.faces.scores[row]),
    }
    sealed = seal(json.dumps(said).encode(), secret.about("facts", face))
    connection.execute("INSERT INTO facts VALUES (?,?)", (face, sealed))
    if new.crops is not None:
        done, jpeg = cv2.imencode(".jpg", new.crops[row][:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, CROP_QUALITY])
        assert done
        connection.execute("INSERT INTO crops VALUES (?,?)", (face, seal(jpeg.tobytes(), secret.about("crop", face))))
    return face


def new_key(connection: sqlite3.Connection, secret: Secret, kind: str, number: int) -> Any:
    """A fresh key for a record, kept wrapped; what seals under it."""
    key = secrets.token_bytes(KEY_BYTES)
    wrap, _ = sealer(secret.wrapping)
    wrapped = wrap(key, secret.about(f"key of {kind}", number))
    connection.execute(f"INSERT INTO of_{kind} VALUES (?,?)", (number, wrapped))
    return sealer(key)[0]


class Reader:
    """Unseals records of one look at a gallery."""

    def __init__(self, connection: sqlite3.Connection, secret: Secret) -> None:
        self._connection = connection
        self._secret = secret
        self._unwrap = sealer(secret.wrapping)[1]

    def sealer(self, kind: str, number: int, wrapped: bytes | None) -> Any:
        """Seal and unseal under the key of a record."""
        if wrapped is None:
            raise DamagedError(f"the key of {kind} {number} is missing; restore both files from one copy")
        return sealer(self._unwrap(wrapped, self._secret.about(f"key of {kind}", number)))

    def known(self) -> Known:
        """Everything that search and grouping need."""
        rows = self._connection.execute(
            "SELECT id, person, said, picture, quality, template, wrapped FROM faces LEFT JOIN of_face USING (id)"
            " ORDER BY id"
        ).fetchall()
        templates = [self._unsealed("template", row[0], row[6], row[5]) for row in rows]
        matrix = np.frombuffer(b"".join(templates), "<f4").reshape(len(rows), -1) if rows else np.empty((0, 0))
        codes = dict[bytes, int]()
        return Known(
            matrix.astype(np.float32, copy=True),
            np.array([row[0] for row in rows], np.int64),
            np.array([-1 if row[1] is None else row[1] for row in rows], np.int64),
            np.array([row[2] for row in rows], np.bool_),
            np.array([codes.setdefault(row[3], len(codes)) for row in rows], np.int64),
            np.array([math.nan if row[4] is None else row[4] for row in rows], np.float32),
        )

    def faces(self, where: str = "", values: Sequence[Any] = (), *, limit: int | None = None) -> Iterator[Face]:
        """Faces in the order of their ids; ``where`` is a condition on the table ``faces``."""
        query = (
            "SELECT faces.id, person, said, quality, facts.sealed, wrapped FROM faces"
            " LEFT JOIN facts ON facts.face = faces.id LEFT JOIN of_face ON of_face.id = faces.id"
            f" {where} ORDER BY faces.id LIMIT ?"
        )
        for number, person, said, quality, sealed, wrapped in self._connection.execute(
            query, (*values, -1 if limit is None else limit)
        ):
            facts = json.loads(self._unsealed("facts", number, wrapped, sealed))
            yield Face(
                number, person, bool(said), facts["picture"], facts["source"], tuple(facts["box"]),
                tuple((x, y) for x, y in facts["landmarks"]), quality, facts["score"], facts["consent"],
                facts["purpose"], facts["at"], facts["by"],
            )  # fmt: skip

    def crop(self, face: int) -> UInt8 | None:
        """The aligned face, uint8 [112, 112, 3] RGB, if it was kept."""
        row = self._connection.execute(
            "SELECT sealed, wrapped FROM crops LEFT JOIN of_face ON id = face WHERE face = ?", (face,)
        ).fetchone()
        if row is None:
            return None
        jpeg = np.frombuffer(self._unsealed("crop", face, row[1], row[0]), np.uint8)
        decoded = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
        assert decoded is not None
        return np.ascontiguousarray(decoded[:, :, ::-1], np.uint8)

    def names(self) -> dict[int, str | None]:
        """Every person's name, by number."""
        query = "SELECT id, name, wrapped FROM people LEFT JOIN of_person USING (id) ORDER BY id"
        return {
            number: None if name is None else self._unsealed("name", number, wrapped, name, kind="person").decode()
            for number, name, wrapped in self._connection.execute(query)
        }

    def person(self, who: int | str) -> int:
        """The number of a person, given as a number or by name.

        Raises:
            EyeError: there is no such person, or several.
        """
        if isinstance(who, int):
            if self._connection.execute("SELECT 1 FROM people WHERE id = ?", (who,)).fetchone() is None:
                raise EyeError(f"there is no person {who} in this gallery")
            return who
        if who.isdecimal():
            return self.person(int(who))
        found = [number for number, name in self.names().items() if name == tidy(who)]
        if len(found) == 1:
            return found[0]
        if found:
            numbers = ", ".join(str(number) for number in found)
            raise EyeError(f"{len(found)} people are called {who!r}: {numbers}; give the number")
        raise EyeError(f"nobody in this gallery is called {who!r}")

    def _unsealed(self, what: str, number: int, wrapped: bytes | None, sealed: bytes, kind: str = "face") -> bytes:
        plain: bytes = self.sealer(kind, number, wrapped)[1](sealed, self._secret.about(what, number))
        return plain


def tidy(name: str) -> str:
    """A name without spaces around and with single ones within.

    Raises:
        EyeError: nothing is left, or it is no name but a number or far too long.
    """
    words = " ".join(name.split())
    if not words or len(words) > 200 or words.isdecimal():
        raise EyeError(f"{name[:40]!r} is no name: give 1 to 200 characters that are not all digits")
    return words
