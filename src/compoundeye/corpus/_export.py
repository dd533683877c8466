"""Pictures and what is known of them, handed to training and other tools."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from compoundeye.corpus._condition import check, sql_errors
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._export_coco import Coco
from compoundeye.corpus._export_folders import ImageFolder
from compoundeye.corpus._export_row import OpenWriter, Order, fact_fields, read_labels, read_rows
from compoundeye.corpus._export_tables import Csv, Parquet
from compoundeye.corpus._export_webdataset import WebDataset
from compoundeye.corpus._lock import writer_lock
from compoundeye.corpus._rows import opened
from compoundeye.corpus._store import Corpus
from compoundeye.records import Account, Progress, picture_id

FORMATS: Mapping[str, OpenWriter] = {
    "webdataset": WebDataset,
    "imagefolder": ImageFolder,
    "parquet": Parquet,
    "coco": Coco,
    "csv": Csv,
}
_SINGLE = {"webdataset": ".tar", "parquet": ".parquet", "csv": ".csv"}
"""Formats that are one file where the name of the destination ends so."""

SHARD_BYTES = 512 << 20
CHANGED = "the bytes are not those of the id: the storage is damaged"


def export(
    corpus: Corpus | str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    to: str = "webdataset",
    where: str | None = None,
    columns: Sequence[str] | None = None,
    name: str = "category",
    shard_bytes: int = SHARD_BYTES,
    progress: Progress | None = None,
) -> Account:
    """Write pictures, their bytes unchanged, in a format that others read. The label is a person's, else the model's.

    The destination appears when it is complete, and not before. Each picture's bytes are compared with its id on the
    way. WebDataset, ImageFolder, Parquet and COCO can be ingested again, and give the same ids.

    Args:
        destination: a folder that is not there yet; or a file, for names that end in .tar, .parquet or .csv.
        to: "webdataset" (tar shards), "imagefolder" (a folder a label; pictures without a label are left out and
            counted as abstained), "parquet" (as Hugging Face's datasets read it), "coco", or "csv" (no pictures).
        where: SQL; only pictures that fit.
        columns: what goes with each picture; None for all but thumbnail, embedding and perceptual hash.
        name: which result of categorising gives the labels.
        shard_bytes: pictures' bytes a file of a sharded format holds.
        progress: told of pictures done, of those that fit.

    Raises:
        CorpusError: no such format or column, a condition that cannot be read, no categories where the format needs
            them, something is at the destination already, or nothing can be written there.
    """
    if to not in FORMATS:
        raise CorpusError(f"cannot export to {to!r}; the formats are {', '.join(FORMATS)}")
    if shard_bytes < 1:
        raise CorpusError(f"a shard holds at least one byte, not {shard_bytes}")
    corpus = opened(corpus)
    if to == "imagefolder" and not (corpus.has_column(name) or corpus.has_column("label")):
        raise CorpusError(
            f"{corpus.path} has no {name} to make folders of; run `eye categorise {corpus.path}` first, "
            "or export to another format"
        )
    if where is not None:
        check(corpus, where)
    place = Path(destination).expanduser()
    with sql_errors(corpus, where):
        order = Order(
            fact_fields(corpus, columns),
            read_labels(corpus, where, name),
            bool(corpus.dataset.count_rows(f"({where}) AND caption IS NOT NULL" if where else "caption IS NOT NULL")),
            shard_bytes,
            single=place.suffix.lower() == _SINGLE.get(to),
        )
        total = corpus.dataset.count_rows(where)
    with _appearing(place, order.single) as folder:
        return _write(corpus, where, name, FORMATS[to], folder, order, total, progress)


def _write(
    corpus: Corpus,
    where: str | None,
    name: str,
    format_: OpenWriter,
    folder: Path,
    order: Order,
    total: int,
    progress: Progress | None,
) -> Account:
    account = Account()
    writer = format_(folder, order)
    try:
        for row in read_rows(corpus, where, order.fields, name):
            account.seen += 1
            if picture_id(row.data) != row.id:
                account.failed += 1
                account.reasons[CHANGED] += 1
            elif writer.add(row):
                account.done += 1
            else:
                account.abstained += 1
            if progress is not None:
                progress(account.seen, total)
    except BaseException:
        with suppress(Exception):  # its files are closed; what it wrote is removed
            writer.close()
        raise
    writer.close()
    return account.check()


@contextmanager
def _appearing(place: Path, single: bool) -> Iterator[Path]:
    """A hidden folder beside the destination to write in; moved there at the end, removed on failure.

    Raises:
        CorpusError: something is there already, another export is writing it, or nothing can be written there.
    """
    if place.exists() and (single or not place.is_dir() or any(place.iterdir())):
        raise CorpusError(f"{place} is there already; give another name, or remove it first")
    if place.parent.exists() and not place.parent.is_dir():
        raise CorpusError(f"{place.parent} is a file, not a folder; give another place")
    hidden = place.parent / f".{place.name}.part"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        hidden.mkdir(exist_ok=True)
        with writer_lock(str(hidden), "export"):
            _empty(hidden, keep="_export.lock")  # what a killed export left
            try:
                folder = hidden / "export"
                folder.mkdir()
                yield folder
                os.rename(folder / "single" if single else folder, place)
            finally:
                shutil.rmtree(hidden, ignore_errors=True)
    except OSError as error:
        if error.errno is None:  # of reading the corpus, not of writing here
            raise
        raise CorpusError(f"cannot write to {place}: {error.strerror or error}") from error


def _empty(folder: Path, keep: str) -> None:
    for child in folder.iterdir():
        if child.is_dir():
            shutil.rmtree(child)
        elif child.name != keep:
            child.unlink()
