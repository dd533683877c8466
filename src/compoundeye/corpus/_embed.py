"""What to search for, as a vector in the space of the corpus's embeddings."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compoundeye.corpus._condition import made_by
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._rows import HEX_DIGITS, SHORTEST_PREFIX, find_ids
from compoundeye.corpus._store import Corpus
from compoundeye.models import Vision, load, load_text
from compoundeye.records import PICTURE_ID_BYTES, ModelIdentity, picture_id

Vector = npt.NDArray[np.float32]
Like = str | os.PathLike[str] | bytes | Sequence[float] | npt.NDArray[np.floating]
Model = str | os.PathLike[str] | Vision

_load = lru_cache(maxsize=2)(load)
_load_text = lru_cache(maxsize=2)(load_text)


@dataclass(frozen=True, slots=True)
class Query:
    """A vector to be near to, and what it stands for."""

    vector: Vector
    """float32 [D]."""
    what: str
    id: bytes | None
    """Id of the picture it was made of, in the corpus or not."""
    by: str
    """The model of the vectors to compare with, as ``embedding_by`` has it."""


def query_like(corpus: Corpus, like: Like, model: Model | None = None) -> Query:
    """The query of a picture (a file's path, its bytes, an id or its beginning) or of a vector; see `search`.

    Raises:
        CorpusError: no embeddings yet, no such picture, or the model is not the one that made the embeddings.
        EyeError: the model cannot be loaded or the picture not be read.
    """
    by = space(corpus)
    if isinstance(like, (str, os.PathLike)):
        path = Path(like).expanduser()
        if path.is_file():
            return _of_picture(corpus, path.read_bytes(), path.name, by, model)
        if not re.fullmatch(f"[0-9a-fA-F]{{{SHORTEST_PREFIX},{HEX_DIGITS}}}", str(like)):
            raise CorpusError(f"there is no picture at {like}; give a picture's path, or its id in {corpus.path}")
        return _of_id(corpus, find_ids(corpus, [str(like)])[0])
    if isinstance(like, (bytes, bytearray)):
        data = bytes(like)
        return _of_id(corpus, data) if len(data) == PICTURE_ID_BYTES else _of_picture(corpus, data, "it", by, model)
    return Query(_checked(corpus, np.asarray(like)), "the vector", None, by)


def query_meaning(corpus: Corpus, text: str, model: Model | None = None) -> Query:
    """The query of a text, for embeddings of a model that has a text tower.

    Raises:
        CorpusError: no embeddings yet, or the model is not the one that made them.
        EyeError: the model has no text tower, or cannot be loaded.
    """
    by = space(corpus)
    if isinstance(model, Vision):
        model = model.card.name
    encoder = _load_text(str(model) if model is not None else _name(by))
    _same_model(corpus, encoder.identity, by)
    return Query(encoder([text])[0], repr(text), None, by)


def space(corpus: Corpus) -> str:
    """The model that made the embeddings.

    Raises:
        CorpusError: there are none yet.
    """
    by = made_by(corpus, "embedding_by") if corpus.has_column("embedding") else None
    if by is None:
        raise CorpusError(f"{corpus.path} has no embeddings yet; run `eye categorise {corpus.path}` first")
    return by


def dimension(corpus: Corpus) -> int:
    """D of the ``embedding`` column."""
    return int(corpus.dataset.schema.field("embedding").type.list_size)


def _of_id(corpus: Corpus, id_: bytes) -> Query:
    found = corpus.pictures_by_id([id_], ["id", "embedding", "embedding_by"])
    if found.num_rows == 0:
        raise CorpusError(f"no picture of {corpus.path} has the id {id_.hex()}")
    if not found["embedding"][0].is_valid:
        raise CorpusError(f"{id_.hex()} has no embedding yet; run `eye categorise {corpus.path}` first")
    vector = np.asarray(found["embedding"][0].as_py(), np.float32)
    return Query(_checked(corpus, vector), id_.hex()[:12], id_, str(found["embedding_by"][0].as_py()))


def _of_picture(corpus: Corpus, data: bytes, what: str, by: str, model: Model | None) -> Query:
    vision = model if isinstance(model, Vision) else _load(str(model) if model is not None else _name(by))
    _same_model(corpus, vision.identity, by)
    vector = vision(vision.prepare(data)[None]).embedding[0]
    return Query(_checked(corpus, vector), what, picture_id(data), by)


def _name(by: str) -> str:
    return by.partition("/")[0]


def _same_model(corpus: Corpus, found: ModelIdentity, by: str) -> None:
    digest = re.search(r"sha256:([0-9a-f]+)", by)
    if digest is None or not found.digest.startswith(digest[1]):
        raise CorpusError(
            f"the embeddings of {corpus.path} were made by {by}, and this is {found}: "
            "name that model, or run `eye categorise` with this one"
        )


def _checked(corpus: Corpus, vector: npt.NDArray[np.floating]) -> Vector:
    width = dimension(corpus)
    if vector.shape != (width,):
        raise CorpusError(f"the embeddings of {corpus.path} have {width} numbers, not {vector.shape}")
    found = vector.astype(np.float32)
    if not (np.isfinite(found).all() and found.any()):
        raise CorpusError("the vector to search for is zero or not finite: the model sees nothing in this picture")
    return found
