"""Pictures that a person has labelled: a folder with a subfolder a category, or the corpus's corrections."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from compoundeye.categorise._look import ModelRef, look, vision
from compoundeye.cluster import Engine
from compoundeye.corpus import Corpus
from compoundeye.records import EyeError, picture_id

MOST_PER_CATEGORY = 1000
"""More examples of one category change a linear probe little and cost a look each."""

_CHUNK = 64
"""Pictures a shard: a worker holds their bytes for as long as they are looked at."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """E labelled pictures, each once, in the order of their ids."""

    ids: tuple[bytes, ...]
    labels: tuple[str, ...]
    embedding: npt.NDArray[np.float16]
    """[E, D] as the corpus keeps it."""
    logits: npt.NDArray[np.float32] | None
    """[E, K] where the model has labels and they were asked for."""
    refused: tuple[tuple[str, str], ...] = ()
    """(where, why) of each picture that cannot be used."""

    @property
    def digest(self) -> str:
        """SHA-256 of which pictures have which labels."""
        hasher = hashlib.sha256()
        for picture, label in zip(self.ids, self.labels, strict=True):
            hasher.update(picture + label.encode() + b"\0")
        return hasher.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """One picture of a shard; picklable."""

    where: str
    label: str
    id: bytes
    embedding: npt.NDArray[np.float16] | None
    logits: npt.NDArray[np.float32] | None
    reason: str | None


def from_folder(folder: str | os.PathLike[str], model: ModelRef, engine: Engine) -> Labelled:
    """Look at ``folder/<category>/**``; hidden files and folders are passed over.

    Raises:
        EyeError: there is no such folder, or it has no subfolders.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise EyeError(f"there is no folder {root}; --examples takes a folder with one subfolder a category")
    named = list(_listed(root))
    if not named:
        raise EyeError(f"{root} has no subfolders with files; put the examples of each category into one of its own")
    return _joined(engine.map(partial(_look_at_files, model), _chunks(named)))


def from_corrections(corpus: Corpus, model: ModelRef, by: str, engine: Engine, *, logits: bool = False) -> Labelled:
    """What people said about pictures of this corpus.

    Embeddings that this model (``by``) left there are taken as they are, unless ``logits`` are wanted too: then each
    picture is looked at.
    """
    if not corpus.has_column("label"):
        return _joined(iter(()))
    known = corpus.has_column("embedding") and not logits
    columns = ["id", "label", "source", *(["embedding", "embedding_by"] if known else [])]
    table = corpus.dataset.to_table(columns=columns, filter="label IS NOT NULL")
    done: list[_Seen] = []
    unseen: list[tuple[bytes, str, str]] = []
    given: dict[str, int] = {}
    for row in sorted(table.to_pylist(), key=lambda row: row["id"]):
        given[row["label"]] = given.get(row["label"], 0) + 1
        if given[row["label"]] > MOST_PER_CATEGORY:
            continue
        if known and row["embedding_by"] == by:
            vector = np.asarray(row["embedding"], np.float16)
            done.append(_Seen(row["source"], row["label"], row["id"], vector, None, None))
        else:
            unseen.append((row["id"], row["label"], row["source"]))
    work = partial(_look_at_rows, model, corpus.path, corpus.version)
    return _joined(iter([done, *engine.map(work, _chunks(unseen))]))


def both(first: Labelled, second: Labelled) -> Labelled:
    """Together; where both label a picture, the first wins if they agree, and neither if they do not."""
    seen = [*_as_seen(first), *_as_seen(second)]
    joined = _joined(iter([seen]))
    return Labelled(joined.ids, joined.labels, joined.embedding, None, first.refused + second.refused + joined.refused)


def _as_seen(labelled: Labelled) -> Iterator[_Seen]:
    for picture, label, vector in zip(labelled.ids, labelled.labels, labelled.embedding, strict=True):
        yield _Seen(picture.hex(), label, picture, vector, None, None)


def _listed(root: Path) -> Iterator[tuple[str, str]]:
    """(category, path) of every file, sorted; at most `MOST_PER_CATEGORY` of each, evenly spread over its files."""
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        # A name need not be UTF-8, a category is text.
        category = os.fsencode(folder.name).decode("utf-8", "backslashreplace")
        files = sorted(_files(folder))
        step = max(1.0, len(files) / MOST_PER_CATEGORY)
        for place in range(min(len(files), MOST_PER_CATEGORY)):
            yield category, files[int(place * step)]


def _files(folder: Path) -> Iterator[str]:
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(here, name) for name in names if not name.startswith("."))


def _chunks(items: Sequence[Item]) -> Iterator[tuple[Item, ...]]:
    stream = iter(items)
    while some := tuple(islice(stream, _CHUNK)):
        yield some


def _look_at_files(model: ModelRef, named: tuple[tuple[str, str], ...]) -> list[_Seen]:
    found: list[tuple[str, str, bytes]] = []
    refused: list[_Seen] = []
    for label, path in named:
        try:
            found.append((os.fsencode(path).decode("utf-8", "backslashreplace"), label, Path(path).read_bytes()))
        except OSError as error:
            refused.append(_Seen(path, label, b"", None, None, f"cannot be read ({error.strerror})"))
    return refused + _look(model, found)


def _look_at_rows(model: ModelRef, path: str, version: int, rows: tuple[tuple[bytes, str, str], ...]) -> list[_Seen]:
    corpus = Corpus.open(path, version=version)
    pictures = corpus.pictures_by_id([picture for picture, _, _ in rows], ["id", "image"])
    images = dict(zip(pictures["id"].to_pylist(), pictures["image"].to_pylist(), strict=True))
    return _look(model, [(source, label, images[picture]) for picture, label, source in rows])


def _look(model: ModelRef, found: list[tuple[str, str, bytes]]) -> list[_Seen]:
    seen: list[_Seen] = []
    for part in look(vision(model), (data for _, _, data in found)):
        for place, reason in enumerate(part.reason):
            where, label, data = found[len(seen)]
            logits = None if part.logits is None else part.logits[place]
            seen.append(_Seen(where, label, picture_id(data), part.embedding[place], logits, reason))
    return seen


def _joined(parts: Iterable[list[_Seen]]) -> Labelled:
    """Each picture once; those that cannot be read, and those that stand under two labels, named and left out."""
    good: dict[bytes, _Seen] = {}
    refused: list[tuple[str, str]] = []
    twice: set[bytes] = set()
    for seen in (one for part in parts for one in part):
        if seen.reason is not None:
            refused.append((seen.where, seen.reason))
        elif seen.id in good and good[seen.id].label != seen.label:
            refused.append((seen.where, f"also under {good[seen.id].label!r}: neither is used"))
            twice.add(seen.id)
        else:
            good.setdefault(seen.id, seen)
    kept = sorted((seen for picture, seen in good.items() if picture not in twice), key=attrgetter("id"))
    embedding: Any = np.array([seen.embedding for seen in kept], np.float16) if kept else np.empty((0, 0), np.float16)
    whole = bool(kept) and all(seen.logits is not None for seen in kept)
    logits: Any = np.array([seen.logits for seen in kept], np.float32) if whole else None
    return Labelled(
        tuple(seen.id for seen in kept), tuple(seen.label for seen in kept), embedding, logits, tuple(refused)
    )
