"""Search by a picture or by a meaning, within a filter: `corpus.search`, its results as rows of a view."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from compoundeye.console._aside import Aside
from compoundeye.console._bounded import Bounded
from compoundeye.console._filters import Filter
from compoundeye.console._pictures import told
from compoundeye.console._refusals import NotFound, TooLarge, Unprocessable, WrongType
from compoundeye.console._snapshot import Rows, Snapshot
from compoundeye.console._state import Console
from compoundeye.console._views import Views
from compoundeye.corpus import Condition, ensure_index, index_report, search
from compoundeye.pixels import PictureError, probe
from compoundeye.records import Progress, picture_id

MOST = 500
"""Results of one search: what is less like it than 500 others is no answer any more."""
SEARCHES = 256
"""Results that are kept, some 50 KB each."""
UPLOADED_BYTES = 64 << 20
LARGEST = 50_000_000
"""Pixels of a picture to search by: decoded it takes three bytes each."""
UPLOAD = "upload:"
"""Before the handle of a picture that was sent, where an id could stand."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Rows that are most like something, best first."""

    at: Snapshot
    rows: Rows
    similarity: tuple[float | None, ...]
    why: tuple[str, ...]


class Finder:
    """Searches in all corpora of a console. Safe to use from several threads."""

    def __init__(self, console: Console) -> None:
        self._views = console.part(Views)
        self._found: Bounded[Found] = Bounded(SEARCHES, lambda _: 1)
        self._uploads: Bounded[bytes] = Bounded(UPLOADED_BYTES, len)
        self._indexing: dict[str, Aside] = {}
        self._lock = threading.Lock()

    def keep(self, data: bytes) -> str:
        """Take a picture to search by; the word that stands for it as long as it is among the latest.

        Raises:
            WrongType: it is none.
            TooLarge: it has more than `LARGEST` pixels.
        """
        try:
            header = probe(data)
        except PictureError as error:
            raise WrongType(f"this is no picture that can be searched by: {error}") from error
        if header.width * header.height > LARGEST:
            raise TooLarge(f"a picture to search by has at most {LARGEST // 1_000_000} million pixels; send it smaller")
        handle = picture_id(data).hex()
        self._uploads.put(handle, data)
        return f"{UPLOAD}{handle}"

    def find(
        self, corpus: str, asked: Filter, like: str | None, meaning: str | None, version: int | None, k: int = MOST
    ) -> Found:
        """The pictures most like one, or nearest to a meaning, of those that a filter fits.

        Args:
            like: the id of a picture of the corpus, or what `keep` gave.
            version: of the corpus; the newest by default.

        Raises:
            NotFound: no such corpus, or the picture that was sent is not kept any more.
            Unprocessable: like and meaning, or neither.
            EyeError: no embeddings, or the model cannot be loaded.
        """
        if (like is None) == (meaning is None):
            raise Unprocessable("search by a picture or by a meaning, one of the two")
        looking = self._views.looking(corpus)
        at = looking.snapshots.at(version)
        key: Hashable = (corpus, at.key, asked, like, meaning, k)
        found = self._found.peek(key)
        if found is None:
            found = self._found.get(key, lambda: self._search(corpus, at, asked, like, meaning, k))
        return found

    def _search(self, corpus: str, at: Snapshot, asked: Filter, like: str | None, meaning: str | None, k: int) -> Found:
        fits = asked.condition(at.corpus)
        # Making an index takes minutes where it is worth while: nobody waits for it, and searches are exact until then.
        exact = None
        if index_report(at.corpus) is None:
            exact = True
            self._index_later(at.corpus.path)
        table = search(
            at.corpus, self._picture(like), meaning=meaning, where=fits.sql, k=k, name=asked.name, exact=exact
        )
        ids = table["id"].to_pylist()
        places = at.rows_of(ids)
        rows = np.array([places[one] for one in ids], np.uint32)
        similar = [_similar(why, fits) for why in table["why"].to_pylist()]
        why = [_joined(one, more) for one, more in zip(similar, told(at, rows, fits), strict=True)]
        kept = np.ones(len(rows), np.bool_)
        if asked.duplicate is not None:
            mask = self._views.looking(corpus).masks.mask(at, Filter(duplicate=asked.duplicate))
            assert mask is not None
            kept = mask[rows]
        cosines = [one for one, keep in zip(table["similarity"].to_pylist(), kept, strict=True) if keep]
        return Found(at, rows[kept], tuple(cosines), tuple(np.array(why, object)[kept].tolist()))

    def _index_later(self, path: str) -> None:
        """Have the index made that `eye search` would make, once."""
        with self._lock:
            if path not in self._indexing:
                self._indexing[path] = Aside(make_index, [path])
                self._indexing[path].start()

    def close(self) -> None:
        """End what is under way."""
        for work in self._indexing.values():
            work.stop()

    def _picture(self, like: str | None) -> bytes | str | None:
        if like is None:
            return None
        if like.startswith(UPLOAD):
            data = self._uploads.peek(like.removeprefix(UPLOAD))
            if data is None:
                raise NotFound("the picture that was sent is not kept any more; send it again")
            return data
        try:
            return bytes.fromhex(like)
        except ValueError as error:
            raise Unprocessable("like: give the id of a picture, 32 hexadecimal digits") from error


def make_index(tell: Progress, _folder: str, path: str) -> None:
    """What runs beside the server. If somebody else makes it, or nothing can be written there, searches stay exact."""
    ensure_index(path, progress=tell)


def _similar(why: str, fits: Condition) -> str:
    """What a search says of likeness, without the SQL that it was given."""
    return why.removesuffix(f"; {fits.sql}") if fits.sql else why


def _joined(similar: str, more: str) -> str:
    return similar if more == "everything was asked for" else f"{similar}; {more}"
