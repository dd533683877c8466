"""Pictures of files, folders and corpora, each once: its faces and how good they are, or why it has none."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._pipeline import FacePipeline, Found
from compoundeye.apps.face._quality import Quality, assess
from compoundeye.apps.face._sightings import Sightings
from compoundeye.apps.face._study_pairs import PICTURES
from compoundeye.corpus import Corpus
from compoundeye.pixels import PictureError, decode
from compoundeye.records import EyeError, Progress, picture_id

TOGETHER = 8
"""Pictures in one call of the pipeline: so many are in memory, decoded."""


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
    quality: Quality | None
    reason: str | None
    """Why it could not be looked at."""

    def sightings(self, embedder: str) -> Sightings:
        """Its faces, to be kept in a gallery or searched for.

        Raises:
            EyeError: it could not be looked at.
        """
        if self.found is None or self.quality is None:
            raise EyeError(f"{self.source}: {self.reason}")
        sightings = Sightings.of(self.found, self.picture, self.source, embedder=embedder)
        return replace(sightings, quality=self.quality.overall)

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
    while some := list(islice(inputs, TOGETHER)):
        wanted = [one for one in some if one.id not in skip]
        yield from _looked(wanted, pipeline)
        done += len(some)
        if progress is not None:
            progress(done, total)


@dataclass(frozen=True, slots=True)
class _Bytes:
    source: str
    data: bytes | None
    id: str
    reason: str | None = None


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
        for batch in listed.dataset.scanner(columns=columns, batch_size=TOGETHER).to_batches():
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


def _looked(some: Sequence[_Bytes], pipeline: FacePipeline) -> Iterator[Analysis]:
    pictures, reasons = dict[int, npt.NDArray[np.uint8]](), dict[int, str]()
    for at, one in enumerate(some):
        try:
            if one.data is None:
                reasons[at] = one.reason or "cannot be read"
            else:
                pictures[at] = decode(one.data)
        except PictureError as error:
            reasons[at] = str(error)
    found = dict(zip(pictures, pipeline.batch([*pictures.values()]), strict=True)) if pictures else {}
    for at, one in enumerate(some):
        if at in reasons:
            yield Analysis(one.source, one.id, (0, 0), None, None, reasons[at])
            continue
        height, width = pictures[at].shape[:2]
        quality = assess(found[at].crops, found[at].faces, size=(width, height))
        yield Analysis(one.source, one.id, (width, height), found[at], quality, None)
