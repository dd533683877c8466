"""Pictures of files, folders and corpora, each once: its faces and how good they are, or why it has none."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._pipeline import FacePipeline, Found
from compoundeye.apps.face._quality import Quality
from compoundeye.apps.face._sightings import Sightings
from compoundeye.apps.face._study_pairs import PICTURES
from compoundeye.corpus import Corpus
from compoundeye.pixels import PictureError, decode
from compoundeye.records import EyeError, Progress, picture_id

TOGETHER = 32
"""Pictures in one call of the pipeline, at most: the more, the better its small networks are used."""
_ROWS = 8
"""Of a corpus that are read at a time."""
_PIXELS = 32_000_000
"""Fewer, once they have so many pixels together: decoded, they are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """One picture."""

    source: str
    """File, or what a corpus says where it came from."""
    picture: str
    """Its id, hexadecimal; empty where not even bytes could be read."""
    size: tuple[int, int]
    """Width and height in pixels as shown; 0, 0 where it could not be decoded."""
    found: Found | None
    """None: it could not be looked at."""
    reason: str | None
    """Why it could not be looked at."""

    @property
    def quality(self) -> Quality | None:
        """Of its faces."""
        return None if self.found is None else self.found.quality

    def sightings(self, embedder: str) -> Sightings:
        """Its faces, to be kept in a gallery or searched for.

        Raises:
            EyeError: it could not be looked at.
        """
        if self.found is None:
            raise EyeError(f"{self.source}: {self.reason}")
        return Sightings.of(self.found, self.picture, self.source, embedder=embedder)

    def largest(self) -> int | None:
        """Which face has the largest box; None: there is no face."""
        if self.found is None or not len(self.found):
            return None
        boxes = self.found.faces.boxes
        return int(np.argmax((boxes[:, 2:] - boxes[:, :2]).prod(axis=1)))


def analyse(
    sources: Sequence[str | os.PathLike[str]],
    pipeline: FacePipeline,
    *,
    skip: Collection[str] = (),
    progress: Progress | None = None,
) -> Iterator[Analysis]:
    """Look at every picture of some sources, in order.

    Args:
        sources: picture files, folders (all pictures below, by name) and corpora.
        skip: ids, hexadecimal, of pictures that need not be looked at again: they do not appear.
        progress: told the pictures that are done, and how many there are.

    Raises:
        EyeError: a source is not there, or a folder holds no picture.
    """
    listed = [_listed(os.fspath(source)) for source in sources]
    total, done = sum(count for _, count in listed), 0
    inputs = chain.from_iterable(_read(one) for one, _ in listed)
    some, passed = list[_Picture](), 0
    for one in inputs:
        passed += 1
        if one.id not in skip:
            some.append(_decoded(one))
        if passed == TOGETHER or sum(picture.pixels for picture in some) >= _PIXELS:
            yield from _looked(some, pipeline)
            done, passed = done + passed, 0
            some.clear()
            if progress is not None:
                progress(done, total)
    yield from _looked(some, pipeline)
    if progress is not None and passed:
        progress(done + passed, total)


@dataclass(frozen=True, slots=True)
class _Bytes:
    source: str
    data: bytes | None
    id: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Picture:
    source: str
    id: str
    rgb: npt.NDArray[np.uint8] | None
    reason: str | None

    @property
    def pixels(self) -> int:
        return 0 if self.rgb is None else self.rgb.shape[0] * self.rgb.shape[1]


def _listed(source: str) -> tuple[list[Path] | Corpus, int]:
    """The files of a source, or the corpus that it is; and how many pictures that are."""
    path = Path(source).expanduser()
    if "://" in source or (path / "_versions").is_dir():  # where Lance keeps the versions of a data set
        corpus = Corpus.open(source)
        return corpus, corpus.rows
    if path.is_dir():
        files = [one for one in sorted(path.rglob("*")) if one.suffix.lower() in PICTURES and one.is_file()]
        if not files:
            raise EyeError(f"{path} holds no picture ({', '.join(PICTURES)})")
        return files, len(files)
    if not path.exists():
        raise EyeError(f"there is no {path}: name a picture, a folder or a corpus")
    return [path], 1


def _read(listed: list[Path] | Corpus) -> Iterator[_Bytes]:
    if isinstance(listed, Corpus):
        columns = ["id", "image", "source"]
        for batch in listed.dataset.scanner(columns=columns, batch_size=_ROWS).to_batches():
            for row in batch.to_pylist():
                yield _Bytes(row["source"], row["image"], row["id"].hex())
        return
    for path in listed:
        try:
            data = path.read_bytes()
        except OSError as error:
            yield _Bytes(str(path.absolute()), None, "", (error.strerror or "cannot be read").lower())
            continue
        yield _Bytes(str(path.absolute()), data, picture_id(data).hex())


def _decoded(one: _Bytes) -> _Picture:
    if one.data is None:
        return _Picture(one.source, one.id, None, one.reason or "cannot be read")
    try:
        return _Picture(one.source, one.id, decode(one.data), None)
    except PictureError as error:
        return _Picture(one.source, one.id, None, str(error))


def _looked(some: Sequence[_Picture], pipeline: FacePipeline) -> Iterator[Analysis]:
    found = iter(pipeline.batch([one.rgb for one in some if one.rgb is not None]))
    for one in some:
        if one.rgb is None:
            yield Analysis(one.source, one.id, (0, 0), None, one.reason)
        else:
            yield Analysis(one.source, one.id, (one.rgb.shape[1], one.rgb.shape[0]), next(found), None)
