"""Small pictures that differ, and what two corpora have to agree in."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from lance.fragment import write_fragments
from PIL import Image

from compoundeye.corpus import Corpus
from compoundeye.records import picture_id

PLAIN = (
    "source",
    "width",
    "height",
    "bytes",
    "phash",
    "taken_at",
    "camera",
    "caption",
    "metadata",
    "thumbnail",
    "image",
    "format",
)
"""Columns that every corpus has and a test may set."""

JpegMaker = Callable[[int], bytes]
Contents = tuple[dict[bytes, dict[str, Any]], dict[bytes, dict[str, Any]]]


def _jpeg(seed: int) -> bytes:
    """A JPEG of about one kilobyte whose bytes are unlike those of any other seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8)).resize((48, 32), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    coarse.save(file, "JPEG", comment=b"%d" % seed)
    return file.getvalue()


@pytest.fixture(scope="session")
def jpeg() -> JpegMaker:
    return _jpeg


def _contents(path: Any) -> Contents:
    """All pictures by id and all inputs by key, but for when they were booked."""
    store = Corpus.open(path)
    pictures = store.dataset.to_table().to_pylist()
    inputs = store.inputs.to_table().drop_columns(["at"]).to_pylist()
    by_id, by_key = {row["id"]: row for row in pictures}, {row["key"]: row for row in inputs}
    assert len(by_id) == len(pictures), "a picture is there twice"
    assert len(by_key) == len(inputs), "an input is booked twice"
    return by_id, by_key


@pytest.fixture(scope="session")
def contents() -> Callable[[Any], Contents]:
    return _contents


RowWriter = Callable[..., Corpus]


def _write_rows(path: Any, count: int, *, first: int = 0, **columns: Any) -> Corpus:
    """A corpus with rows written directly: pictures of four bytes, no thumbnails, one fragment a call."""
    store = Corpus.create(path)
    given = {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    store.ensure_columns(
        pa.schema([pa.field(name, values.type) for name, values in given.items() if name not in PLAIN])
    )
    schema = store.dataset.schema
    images = [b"%04d" % number for number in range(first, first + count)]
    usual: dict[str, Any] = {
        "id": [picture_id(image) for image in images],
        "image": images,
        "thumbnail": [b""] * count,
        "source": [f"folder/{number:04d}.jpg" for number in range(first, first + count)],
        "format": ["JPEG"] * count,
        "width": [640] * count,
        "height": [480] * count,
        "mode": ["RGB"] * count,
        "orientation": [1] * count,
        "bytes": [4] * count,
        "phash": [number * 0x9E3779B97F4A7C15 % 2**64 for number in range(first, first + count)],
    }
    arrays = [
        given[field.name].cast(field.type)
        if field.name in given
        else pa.array(usual.get(field.name, [None] * count), field.type)
        for field in schema
    ]
    parts = write_fragments(pa.Table.from_arrays(arrays, schema=schema), store.dataset)
    store.append([json.dumps(part.to_json()) for part in parts], store.inputs.schema.empty_table())
    return store


@pytest.fixture(scope="session")
def write_rows() -> RowWriter:
    return _write_rows


@pytest.fixture(scope="session")
def vectors() -> Callable[[Any], pa.Array]:
    """Float16 [N, D] as the column ``embedding`` has it; a row of NaN is null."""

    def column(values: Any) -> pa.Array:
        array = np.asarray(values, np.float16)
        missing = pa.array(np.isnan(array).any(1))
        return pa.FixedSizeListArray.from_arrays(pa.array(array.reshape(-1)), array.shape[1], mask=missing)

    return column
