"""What every format of export is given: pictures with their bytes and what is known of them, one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._store import Corpus

_LEFT_OUT = ("image", "thumbnail", "embedding", "embedding_by", "phash", "label")
"""Not among the facts unless asked for; ``label`` is there as what a person or else the model said."""

_BATCH_ROWS = 16


@dataclass(frozen=True, slots=True)
class Row:
    """A picture on its way out."""

    id: bytes
    data: bytes
    """The encoded picture, unchanged."""
    format: str
    source: str
    width: int
    height: int
    label: str | None
    """What a person said, else what the model said."""
    caption: str | None
    facts: Mapping[str, Any]
    """Further columns, as Arrow gives them to Python."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to export, and how."""

    fields: tuple[pa.Field, ...]
    """Columns that go into the facts."""
    labels: tuple[str, ...]
    """All labels of the pictures to be exported, sorted."""
    captions: bool
    """Whether any of them has a caption."""
    shard_bytes: int
    """Pictures' bytes after which a file of a sharded format ends."""
    single: bool
    """One file rather than a folder of them."""


class Writer(Protocol):
    """A format: writes below a folder that nobody sees until it is complete."""

    def add(self, row: Row) -> bool:
        """Write a picture; False where the format has no place for it (no label)."""
        ...

    def close(self) -> None:
        """Write what comes last."""
        ...


class OpenWriter(Protocol):
    """Makes a writer; with ``order.single`` it writes one file, ``folder / "single"``."""

    def __call__(self, folder: Path, order: Order) -> Writer: ...


def fact_fields(corpus: Corpus, columns: Sequence[str] | None) -> tuple[pa.Field, ...]:
    """The columns that go with each picture: all small ones, or those asked for.

    Raises:
        CorpusError: a column that is not there.
    """
    schema = corpus.dataset.schema
    if columns is None:
        return tuple(field for field in schema if field.name not in (*_LEFT_OUT, "id"))
    for column in columns:
        if column not in schema.names:
            raise CorpusError(f"{corpus.path} has no column {column}; its columns are {', '.join(schema.names)}")
    return tuple(schema.field(column) for column in dict.fromkeys(columns) if column not in ("id", "image", "label"))


def read_rows(corpus: Corpus, where: str | None, fields: Sequence[pa.Field], name: str) -> Iterator[Row]:
    """Pictures that fit, as ingested; some tens of them in memory at a time."""
    own = ["id", "image", "format", "source", "width", "height", "caption"]
    said = [column for column in ("label", name) if corpus.has_column(column)]
    facts = [field.name for field in fields]
    scanner = corpus.dataset.scanner(
        columns=list(dict.fromkeys([*own, *said, *facts])),
        filter=where,
        scan_in_order=True,
        batch_size=_BATCH_ROWS,
        batch_readahead=1,
        fragment_readahead=1,
        io_buffer_size=64 << 20,
    )
    for batch in scanner.to_batches():
        for values in batch.to_pylist():
            yield Row(
                id=values["id"],
                data=values["image"],
                format=values["format"],
                source=values["source"],
                width=values["width"],
                height=values["height"],
                label=next((values[column] for column in said if values[column] is not None), None),
                caption=values["caption"],
                facts={fact: values[fact] for fact in facts},
            )


def read_labels(corpus: Corpus, where: str | None, name: str) -> tuple[str, ...]:
    """All labels of the pictures that fit, sorted."""
    said = [column for column in ("label", name) if corpus.has_column(column)]
    found = set[str]()
    for batch in corpus.dataset.scanner(columns=said, filter=where).to_batches() if said else ():
        for values in batch.to_pylist():
            label = next((values[column] for column in said if values[column] is not None), None)
            if label is not None:
                found.add(label)
    return tuple(sorted(found))


def plain(row: Row) -> dict[str, Any]:
    """What is known of a picture as JSON has it: ids in hexadecimal, times in ISO 8601, metadata as it was given."""
    facts = {"id": row.id.hex(), "label": row.label} | {name: _plain(value) for name, value in row.facts.items()}
    if isinstance(facts.get("metadata"), str):
        facts["metadata"] = _parsed(facts["metadata"])
    return {name: value for name, value in facts.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
