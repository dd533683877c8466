"""From a corpus to a page: what to show is read once, and the file appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from compoundeye.console._page import render
from compoundeye.console._view import Alike, Tile, View
from compoundeye.corpus import Corpus, CorpusError, account, duplicates, failures, search

GROUPS, COPIES, NEAREST, FAILURES = 50, 20, 12, 200
"""At most so many near-duplicate groups, pictures in each, search results and failed inputs on a page."""
_PLAIN = ("id", "source", "thumbnail", "format", "width", "height", "bytes", "taken_at", "camera", "caption", "label")
_RESULT = ("confidence", "best", "best_confidence", "state", "reason", "by")


def gallery(
    corpus: Corpus | str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    where: str | None = None,
    like: str | os.PathLike[str] | None = None,
    limit: int = 500,
    name: str = "category",
) -> int:
    """Write one HTML page of a corpus: pictures with their categories, near-duplicates, a search, what failed.

    Args:
        corpus: an opened corpus or its path.
        destination: the file to write; one that is there is replaced.
        where: SQL over the corpus's columns; only pictures that fit are shown.
        like: a picture, or the id of one in the corpus: the page shows what is most like it.
        limit: pictures at most; about 15 KB each.
        name: which result of categorising to show.

    Returns:
        How many pictures the page shows.

    Raises:
        CorpusError: there is no corpus, the condition cannot be read, or nothing can be written there.
    """
    store = corpus.refresh() if isinstance(corpus, Corpus) else Corpus.open(corpus)
    view = _view(store, where, like, limit, name)
    _write(Path(destination).expanduser(), render(view))
    return len(view.tiles)


def _view(store: Corpus, where: str | None, like: str | os.PathLike[str] | None, limit: int, name: str) -> View:
    columns = _columns(store, name)
    # The search comes first: it turns a condition that cannot be read into one sentence.
    tiles = _tiles(search(store, where=where, k=limit, columns=columns), name)
    alike = None
    if like is not None:
        found = search(store, like, where=where, k=NEAREST, columns=columns, name=name)
        scores = found["similarity"].to_pylist()
        asked = Path(like).name if Path(like).is_file() else f"picture {str(like)[:12]}"
        alike = Alike(asked, list(zip(_tiles(found, name), scores, strict=True)))
    return View(
        title=Path(store.path).name,
        version=store.version,
        total=int(store.dataset.count_rows(where)),
        tiles=sorted(tiles, key=_order),
        account=account(store),
        groups=list(_groups(store, columns, name, where)),
        alike=alike,
        failures=[(row["source"], row["reason"]) for row in islice(failures(store), FAILURES)],
    )


def _columns(store: Corpus, name: str) -> list[str]:
    """What a tile needs, as far as the corpus has it."""
    return [one for one in (*_PLAIN, name, *(f"{name}_{part}" for part in _RESULT)) if store.has_column(one)]


def _tiles(table: Any, name: str) -> list[Tile]:
    return [_tile(row, name) for row in table.to_pylist()]


def _tile(row: dict[str, Any], name: str) -> Tile:
    values: dict[str, Any] = {key: row.get(key) for key in _PLAIN}
    values |= {part: row.get(f"{name}_{part}") for part in _RESULT}
    return Tile(**values | {"id": row["id"].hex(), "category": row.get(name)})


def _order(tile: Tile) -> tuple[bool, str, float]:
    """Categories together, the surest first; then what has none."""
    return tile.category is None, (tile.category or "").casefold(), -(tile.confidence or tile.best_confidence or 0.0)


def _groups(store: Corpus, columns: Sequence[str], name: str, where: str | None) -> Iterator[list[Tile]]:
    rows = duplicates(store, where=where).select(["group", "id"]).to_pylist()
    for _, members in islice(groupby(rows, key=itemgetter("group")), GROUPS):
        ids = [row["id"] for row in islice(members, COPIES)]
        found = {tile.id: tile for tile in _tiles(store.pictures_by_id(ids, columns), name)}
        yield [found[one.hex()] for one in ids]


def _write(path: Path, pieces: Iterable[str]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with open(part, "w", encoding="utf-8") as file:
                file.writelines(pieces)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise CorpusError(f"cannot write {path}: {error.strerror or error}; give another place with -o") from error
