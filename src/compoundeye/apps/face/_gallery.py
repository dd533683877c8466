"""A gallery: people, their faces, and what is allowed with them."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from compoundeye.apps.face._audit import AuditCheck, AuditEntry, append_entry, check_entries, read_entries
from compoundeye.apps.face._export_person import export_person
from compoundeye.apps.face._forget import ForgetReport, finish, forget
from compoundeye.apps.face._gallery_files import Files, make_files
from compoundeye.apps.face._gallery_rows import Face, Int64, Known, Reader, add_faces, tidy
from compoundeye.apps.face._gallery_secret import Secret, make_key, read_key
from compoundeye.apps.face._identify import Candidate, PeopleIndex
from compoundeye.apps.face._people import Said, merge, new_person, not_this_person, regroup, rename, said, split
from compoundeye.apps.face._rekey import rewrap, turned
from compoundeye.apps.face._sightings import Float32, Sightings, UInt8
from compoundeye.records import EyeError

Who = int | str
"""A person's number, or the name."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a gallery; without a name: a group that grouping made."""

    id: int
    name: str | None
    faces: int
    said: int
    """How many of the faces somebody said to be this person's."""


class Gallery:
    """People and their faces in a folder, sealed under a key that lies elsewhere.

    Any number of threads and processes may use one. Whatever changes it, and every search, is in the audit log before
    it is answered. ``by`` says who asks, ``why`` what for.

    >>> gallery = Gallery.create("staff.gallery", "staff.key")
    >>> gallery.enrol("Anna", Sightings.of(found, id, embedder=str(embedder.identity)), consent=True,
    ...               purpose="opening the door", by="reception")
    """

    def __init__(self, files: Files, secret: Secret) -> None:
        self.path = files.folder
        self._files = files
        self._secret = secret
        self._cached: tuple[int, Known] | None = None
        self._index: tuple[Known, PeopleIndex] | None = None

    @classmethod
    def create(cls, path: str | os.PathLike[str], key_file: str | os.PathLike[str] | None, *, by: str = "") -> Gallery:
        """A new gallery in a new folder; the key file is made too where there is none.

        Args:
            key_file: None: the key is in the variable EYE_GALLERY_KEY. It must not lie in the gallery.

        Raises:
            EyeError: something is there already, or cannot be written or read.
        """
        folder = Path(path).expanduser()
        if key_file is not None:
            place = Path(key_file).expanduser()
            if folder.resolve() in place.resolve().parents:
                raise EyeError(f"the key {place} would lie in the gallery that it opens; keep it elsewhere")
            if not folder.exists() and not place.exists():
                make_key(place)
        make_files(folder, read_key(key_file), time.time())
        gallery = cls.open(folder, key_file)
        gallery._log("create", by or _somebody())
        return gallery

    @classmethod
    def open(cls, path: str | os.PathLike[str], key_file: str | os.PathLike[str] | None = None) -> Gallery:
        """A gallery that is there. What a forgetting left half done is finished first.

        Raises:
            EyeError: there is none, the key is missing or not this gallery's, or a later version made it.
        """
        files = Files(Path(path).expanduser())
        master = read_key(key_file)
        if Secret.check(master, files.gallery) != files.check:
            raise EyeError(f"this key does not open {path}: it is another gallery's, or was changed")
        secret = Secret(master, files.gallery, files.root)
        finish(files, secret)
        return cls(files, secret)

    def add(self, new: Sightings, *, purpose: str, by: str, consent: bool = False) -> list[int]:
        """Keep faces of people who are not known yet, to be grouped; their ids.

        Raises:
            EyeError: no purpose is given, or another model made the templates of this gallery.
        """
        return self._add(None, new, "add", consent, purpose, by)

    def enrol(self, who: Who, new: Sightings, *, consent: bool, purpose: str, by: str) -> Person:
        """Keep faces as those of a person; a name that nobody has yet is a new person.

        Args:
            consent: whether the person agreed; it is kept with each face.
            purpose: what the faces are kept for.

        Raises:
            EyeError: no purpose is given, no face, or another model made the templates of this gallery.
        """
        if not len(new):
            raise EyeError(f"there is no face to enrol as {who}")
        self._add(who, new, "enrol", consent, purpose, by)
        return self.person(who)

    def people(self, *, named: bool | None = None) -> list[Person]:
        """Everybody, by number.

        Args:
            named: True: only who has a name; False: only groups without.
        """
        with self._files.reading() as connection:
            names = Reader(connection, self._secret).names()
            count, said = Counter[int](), Counter[int]()
            query = "SELECT person, count(*), sum(said) FROM faces WHERE person IS NOT NULL GROUP BY person"
            for person, faces, sure in connection.execute(query):
                count[person], said[person] = faces, sure
        found = [Person(number, name, count[number], said[number]) for number, name in names.items()]
        return [person for person in found if named is None or (person.name is not None) == named]

    def person(self, who: Who) -> Person:
        """One of them, by number or name.

        Raises:
            EyeError: there is no such person, or several have this name.
        """
        with self._files.reading() as connection:
            number = Reader(connection, self._secret).person(who)
        return next(person for person in self.people() if person.id == number)

    def faces(self, who: Who | None = None, *, after: int = 0, limit: int | None = None) -> list[Face]:
        """Faces by id, of one person or of all; with what is known about each, and without templates.

        Raises:
            EyeError: there is no such person.
        """
        with self._files.reading() as connection:
            reader = Reader(connection, self._secret)
            if who is None:
                return list(reader.faces("WHERE faces.id > ?", (after,), limit=limit))
            where = "WHERE person = ? AND faces.id > ?"
            return list(reader.faces(where, (reader.person(who), after), limit=limit))

    def face(self, face: int) -> Face:
        """One face. Raises EyeError: there is none of this id."""
        with self._files.reading() as connection:
            for found in Reader(connection, self._secret).faces("WHERE faces.id = ?", (face,)):
                return found
        raise EyeError(f"there is no face {face} in this gallery")

    def crop(self, face: int) -> UInt8 | None:
        """The aligned face, uint8 [112, 112, 3] RGB; None: it was not kept."""
        with self._files.reading() as connection:
            return Reader(connection, self._secret).crop(face)

    def known(self) -> Known:
        """Templates and all that grouping and search need; kept in memory until the gallery changes."""
        with self._files.reading() as connection:
            revision = self._revision(connection)
            if self._cached is None or self._cached[0] != revision:
                self._cached = revision, Reader(connection, self._secret).known()
            return self._cached[1]

    def templates(self) -> tuple[Float32, Int64]:
        """Templates [N, D] of length 1, and face ids [N]."""
        known = self.known()
        return known.templates, known.faces

    def revision(self) -> int:
        """Grows with every change of people or faces: who keeps an index looks whether it is still the same."""
        with self._files.reading() as connection:
            return self._revision(connection)

    def embedder(self) -> str | None:
        """Which model made the templates; None: there are none yet."""
        with self._files.reading() as connection:
            found: str | None = connection.execute("SELECT embedder FROM gallery").fetchone()[0]
            return found

    def forget(
        self, who: Who | Sequence[Who], *, by: str, why: str = "", pictures: bool = False,
        corpora: Sequence[str | os.PathLike[str]] = (),
    ) -> ForgetReport:  # fmt: skip
        """Erase people: keys, templates, crops, names and all that was said of them, and prove it on the bytes on disk.

        Args:
            pictures: remove the picture files that their faces were found in, too.
            corpora: remove these pictures from there, too, with thumbnails, index entries and old versions.

        Raises:
            EyeError: there is no such person.
        """
        people = [who] if isinstance(who, int | str) else list(who)
        places = [str(Path(corpus).expanduser().absolute()) for corpus in corpora]
        self._cached = self._index = None
        return forget(self._files, self._secret, people, time.time(), by, why, pictures=pictures, corpora=places)

    def name(self, who: Who, name: str, *, by: str) -> Person:
        """Give a person, or a group without a name, a name. Faces of a group are that person's from now on.

        Raises:
            EyeError: there is no such person, or it is no name.
        """
        with self._files.writing() as connection:
            person = Reader(connection, self._secret).person(who)
            rename(connection, self._secret, person, name)
            self._changed(connection, "name", by, [person])
        return self.person(person)

    def merge(self, into: Who, *others: Who, by: str) -> Person:
        """Others are the same person as ``into``: their faces go over, and grouping keeps them together.

        What was said against it (`split`, `not_this_person`) holds no longer.

        Raises:
            EyeError: there is no such person, or it is the same one.
        """
        with self._files.writing() as connection:
            reader = Reader(connection, self._secret)
            person, rest = reader.person(into), [reader.person(other) for other in others]
            moved = merge(connection, person, rest)
            self._changed(connection, "merge", by, [person, *rest], {"faces": moved})
        return self.person(person)

    def split(self, who: Who, faces: Sequence[int], *, to: Who | None = None, by: str) -> Person:
        """Faces of a person are somebody else; who that is now. Grouping keeps the two apart.

        Args:
            faces: ids, some of the person's.
            to: another person, or a new name; None: somebody without a name.

        Raises:
            EyeError: there is no such person, a face is another's, or none would be left.
        """
        now = time.time()
        with self._files.writing() as connection:
            person = Reader(connection, self._secret).person(who)
            other = (
                new_person(connection, self._secret, None, now)
                if to is None
                else self._person_or_new(connection, to, now)
            )
            if other == person:
                raise EyeError(f"person {person} cannot be split from itself")
            split(connection, person, faces, other)
            self._changed(connection, "split", by, [person, other], {"faces": len(faces)})
        return self.person(other)

    def not_this_person(self, face: int, who: Who, *, by: str) -> None:
        """A face is not that person's, however alike they look. Grouping never gives it to the person again.

        Raises:
            EyeError: there is no such face or person.
        """
        with self._files.writing() as connection:
            person = Reader(connection, self._secret).person(who)
            not_this_person(connection, face, person)
            self._changed(connection, "not-this-person", by, [person], {"face": face})

    def said(self) -> Said:
        """What grouping must respect: ``group(..., people=said.people, apart=said.apart)``, in rows of `known`."""
        known = self.known()
        with self._files.reading() as connection:
            return said(connection, known)

    def regroup(self, faces: Int64, labels: Int64, *, by: str, why: str) -> list[Person]:
        """Write down what grouping found; what somebody said stays as it was. The people of the groups, largest first.

        Args:
            faces: [N] ids; labels: [N] equal for faces of one person, -1 for a face that is alone.

        Raises:
            EyeError: arrays of unequal lengths, or the reason is not said: to group is to search for everybody.
        """
        if len(faces) != len(labels):
            raise EyeError(f"{len(faces)} faces cannot have {len(labels)} labels")
        _reason(why)
        with self._files.writing() as connection:
            people = regroup(connection, self._secret, faces, labels, time.time())
            self._changed(connection, "group", by, (), {"faces": len(faces), "groups": len(people)}, why)
        found = {person.id: person for person in self.people()}
        return [found[number] for number in dict.fromkeys(people) if number in found]

    def identify(
        self, probes: Float32, *, threshold: float, k: int = 5, named: bool = False, by: str, why: str
    ) -> list[list[Candidate]]:  # fmt: skip
        """Who of the gallery each probe may be: at most ``k`` people, the most alike first; written down before told.

        Args:
            probes: [M, D] of length 1.
            threshold: cosine from which somebody is a candidate, as `threshold` of this room finds it.
            named: only people with a name.

        Raises:
            EyeError: probes of another model, k below one, or who asks, or why, is not said.
        """
        _reason(why)
        known = self.known()
        if self._index is None or self._index[0] is not known:
            self._index = known, PeopleIndex(known)
        with self._files.reading() as connection:
            names = Reader(connection, self._secret).names()
        found = self._index[1].search(probes, k, threshold, names, named=named)
        people = sorted({candidate.person for one in found for candidate in one})
        self.searched("identify", by=by, why=why, people=people,
                      detail={"probes": len(found), "threshold": float(threshold), "k": k})  # fmt: skip
        return found

    def export(self, who: Who, folder: str | os.PathLike[str], *, by: str, why: str = "") -> Path:
        """Write all that is kept of a person to a new folder: what is known, templates, crops, audit entries; the file.

        The folder is not sealed: it is for the person.

        Raises:
            EyeError: there is no such person, or the folder is not empty or cannot be written.
        """
        person = self.person(who)
        self._log("export", by, [person.id], {"faces": person.faces}, why)
        with self._files.reading() as connection:
            reader = Reader(connection, self._secret)
            faces = list(reader.faces("WHERE person = ?", (person.id,)))
            crops = [reader.crop(face.id) for face in faces]
            known = reader.known()
        facts = {"gallery": self._secret.gallery, "id": person.id, "name": person.name, "embedder": self.embedder()}
        templates = known.templates[known.people == person.id]
        return export_person(folder, facts, faces, templates, crops, self.audit(person=person.id))

    def turned(self, templates: Float32) -> Float32:
        """Templates [N, D] turned in a way that only this gallery's key tells: for an index that lies on a disk.

        Cosines between turned templates are those between the templates themselves. Templates of two galleries, or of
        one before and after `rekey`, cannot be compared. It hides nothing from who holds D templates and their turned
        ones, or the key: what lies sealed in a gallery is protected better.
        """
        return turned(self._secret.rotating, templates)

    def rekey(self, new_key_file: str | os.PathLike[str], *, by: str) -> None:
        """Put another master key in the place of this one; the new file is made if it is not there.

        All keys of records are wrapped anew. Once the old key file is destroyed, no copy of ``keys.sqlite`` from before
        opens anything any more, wherever it lies. Other processes must open the gallery again.

        Raises:
            EyeError: the new key cannot be read or written, or is the old one.
        """
        place = Path(new_key_file).expanduser()
        master = read_key(place) if place.exists() else make_key(place)
        secret = self._secret.renewed(master)
        if secret.checked == self._secret.checked:
            raise EyeError(f"{place} holds the key that this gallery has already")
        with self._files.writing() as connection:
            rewrap(connection, self._secret, secret)
            connection.execute("UPDATE gallery SET uncompacted = 1")
            self._changed(connection, "rekey", by, ())
        self._secret, self._files.check = secret, secret.checked
        self._files.compact()

    def searched(
        self, verb: str, *, by: str, why: str, people: Sequence[int] = (), detail: Mapping[str, Any] | None = None
    ) -> int:
        """Write a search to the audit log, before its result is shown; the entry's number.

        Args:
            people: who was found, or looked for.
            detail: plain values, such as the threshold; no names.

        Raises:
            EyeError: who asks, or why, is not said.
        """
        _reason(why)
        return self._log(verb, by, people, detail, why)

    def audit(
        self, *, after: int = 0, limit: int | None = None, person: int | None = None, newest_first: bool = False
    ) -> list[AuditEntry]:
        """Entries of the audit log.

        Args:
            after: those numbered above.
            person: only those about this person, or in which the person was found.

        Raises:
            DamagedError: an entry was changed.
        """
        with self._files.reading() as connection:
            found = read_entries(connection, self._secret, after, newest=newest_first)
            return list(islice((each for each in found if person is None or person in each.people), limit))

    def check_audit(self, known_end: str | None = None) -> AuditCheck:
        """Whether the audit log is whole: nothing changed, nothing removed.

        Args:
            known_end: ``end`` of an earlier check.

        Raises:
            DamagedError: what was changed.
        """
        with self._files.reading() as connection:
            return check_entries(connection, self._secret, known_end)

    def _add(self, who: Who | None, new: Sightings, verb: str, consent: bool, purpose: str, by: str) -> list[int]:
        if not purpose.strip():
            raise EyeError("say what the faces are kept for: a purpose goes with each")
        now = time.time()
        with self._files.writing() as connection:
            self._same_model(connection, new)
            person = None if who is None else self._person_or_new(connection, who, now)
            facts = {"consent": consent, "purpose": purpose, "at": now, "by": by}
            ids = add_faces(connection, self._secret, new, person, facts)
            self._changed(connection, verb, by, [] if person is None else [person], {"faces": len(ids)})
        return ids

    def _person_or_new(self, connection: Any, who: Who, now: float) -> int:
        reader = Reader(connection, self._secret)
        if isinstance(who, int) or who.isdecimal() or tidy(who) in reader.names().values():
            return reader.person(who)
        return new_person(connection, self._secret, who, now)

    def _same_model(self, connection: Any, new: Sightings) -> None:
        embedder, dim = connection.execute("SELECT embedder, dim FROM gallery").fetchone()
        if embedder is None:
            connection.execute("UPDATE gallery SET embedder = ?, dim = ?", (new.embedder, new.templates.shape[1]))
        elif (embedder, dim) != (new.embedder, new.templates.shape[1]):
            raise EyeError(f"{self.path} holds templates of {embedder}; those of {new.embedder} cannot be compared")

    def _changed(
        self, connection: Any, verb: str, by: str, people: Sequence[int], detail: Mapping[str, Any] | None = None,
        why: str = "",
    ) -> None:  # fmt: skip
        connection.execute("UPDATE gallery SET revision = revision + 1")
        append_entry(connection, self._secret, time.time(), by, verb, people, detail, why)

    def _revision(self, connection: Any) -> int:
        found: int = connection.execute("SELECT revision FROM gallery").fetchone()[0]
        return found

    def _log(
        self, verb: str, by: str, people: Sequence[int] = (), detail: Mapping[str, Any] | None = None, why: str = ""
    ) -> int:
        with self._files.writing() as connection:
            return append_entry(connection, self._secret, time.time(), by, verb, people, detail, why)


def _somebody() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _reason(why: str) -> None:
    if not why.strip():
        raise EyeError("say why: each search is written to the audit log with its reason")
