"""A corpus for measuring the console: rows as ingest, categorise and people leave them, written directly.

    python benchmarks/console_rows.py --count 1000000 --place DIR   # DIR/console-1000000.lance

Thumbnails and pictures are real JPEGs out of a small pool, so that browsers show something; no decoder ran.
Everything else is made up: numbers spread as in albums, a thousand categories, one
picture in fifty labelled by a person, one in ten abstained.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import simplejpeg
from lance.fragment import write_fragments

from compoundeye.corpus import Corpus

ROWS_A_FRAGMENT = 131_072
POOL = 256
KINDS = 1_000

_RESULT = (
    ("category", pa.string()),
    ("category_confidence", pa.float32()),
    ("category_best", pa.string()),
    ("category_best_confidence", pa.float32()),
    ("category_state", pa.string()),
    ("category_reason", pa.string()),
    ("category_by", pa.string()),
)
_LABELS = (("label", pa.string()), ("label_by", pa.string()), ("label_at", pa.timestamp("us", tz="UTC")))


def written(count: int, place: Path, dimension: int = 0, side: int = 120) -> Path:
    """The corpus of so many rows below a folder, made unless it is there.

    Args:
        dimension: of the embeddings; 0 leaves them out.
        side: pixels of a thumbnail's longer side: 120 is about 3 KB.
    """
    path = place / f"console-{count}.lance"
    if (path / "_versions").is_dir() and Corpus.open(path).rows == count:
        return path
    shutil.rmtree(path, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    store = Corpus.create(path)
    extra = [pa.field(name, kind) for name, kind in (*_RESULT, *_LABELS)]
    if dimension:
        extra += [pa.field("embedding", pa.list_(pa.float16(), dimension)), pa.field("embedding_by", pa.string())]
    store.ensure_columns(pa.schema(extra))
    pool = pa.array([_jpeg(number, side) for number in range(POOL)], pa.binary())
    for first in range(0, count, ROWS_A_FRAGMENT):
        table = _rows(store.dataset.schema, first, min(ROWS_A_FRAGMENT, count - first), pool, dimension)
        parts = write_fragments(table, store.dataset, max_rows_per_file=ROWS_A_FRAGMENT)
        store.append([json.dumps(part.to_json()) for part in parts], _booked(table, store.inputs.schema))
    return path


def _jpeg(number: int, side: int) -> bytes:
    """A picture that can be told from its neighbours: two colours and a slope."""
    rng = np.random.default_rng(number)
    width, height = (side, side * 3 // 4) if number % 3 else (side * 3 // 4, side)
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    slope = (across * rng.uniform(-1, 1) + down * rng.uniform(-1, 1) + rng.normal(0, 0.04, across.shape))[..., None]
    pixels = rng.uniform(40, 215, 3) + 120 * slope * rng.uniform(-1, 1, 3)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels.clip(0, 255).astype(np.uint8)), quality=80))


def _rows(schema: pa.Schema, first: int, size: int, pool: pa.Array, dimension: int) -> pa.Table:
    rng = np.random.default_rng(first + 1)
    kind = (KINDS * rng.random(size) ** 2).astype(np.int64)
    names = pa.array([f"category {number:03d}" for number in range(KINDS)])
    sure = rng.beta(4, 1.2, size).astype(np.float32)
    abstained, labelled = rng.random(size) < 0.1, rng.random(size) < 0.02
    taken = np.datetime64("2015-01-01", "us") + rng.integers(0, 10 * 365 * 86_400, size).astype("timedelta64[s]")
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), size, [None, pa.py_buffer(rng.bytes(16 * size))])
    # The id after the end of the picture makes the bytes distinct, or Lance would keep each of the pool once.
    drawn = pool.take(pa.array(rng.integers(0, len(pool), size)))
    picture = pc.binary_join_element_wise(drawn, ids.cast(pa.binary()), pa.scalar(b"", pa.binary()))
    cameras = pa.array(["Canon EOS 5D", "NIKON D750", "Apple iPhone 12", "SONY ILCE-7M3"])
    columns: dict[str, Any] = {
        "id": ids,
        "image": picture,
        "thumbnail": picture,
        "source": [f"album-{(first + n) // 500:05d}/IMG_{first + n:08d}.jpg" for n in range(size)],
        "format": ["JPEG"] * size,
        "width": rng.integers(320, 4000, size),
        "height": rng.integers(240, 3000, size),
        "mode": ["RGB"] * size,
        "orientation": np.ones(size, np.int8),
        "bytes": rng.lognormal(13, 1, size).astype(np.int64),
        "taken_at": pa.array(taken, mask=rng.random(size) < 0.3),
        "camera": cameras.take(pa.array(rng.integers(0, len(cameras), size), mask=rng.random(size) < 0.3)),
        "phash": rng.integers(0, 2**64, size, dtype=np.uint64),
        "category": names.take(pa.array(kind, mask=abstained)),
        "category_confidence": pa.array(sure, mask=abstained),
        "category_best": names.take(pa.array(kind)),
        "category_best_confidence": sure,
        "category_state": np.where(abstained, "abstained", "done"),
        "category_reason": pa.array(np.full(size, "not sure enough"), mask=~abstained),
        "category_by": ["written directly"] * size,
        "label": names.take(pa.array((kind + 1) % KINDS, mask=~labelled)),
        "label_by": pa.array(np.full(size, "somebody"), mask=~labelled),
        "label_at": pa.array(taken, pa.timestamp("us", tz="UTC"), mask=~labelled),
    }
    if dimension:
        centres = np.random.default_rng(0).normal(size=(KINDS, dimension))
        vectors = (centres[kind] + rng.normal(scale=0.7, size=(size, dimension))).astype(np.float16)
        columns["embedding"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), dimension)
        columns["embedding_by"] = ["written directly"] * size
    return pa.Table.from_arrays([_column(columns.get(field.name), field, size) for field in schema], schema=schema)


def _column(values: Any, field: pa.Field, size: int) -> pa.Array:
    if values is None:
        return pa.nulls(size, field.type)
    return values.cast(field.type) if isinstance(values, pa.Array) else pa.array(values, field.type)


def _booked(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The ledger's rows of these pictures: each an input that was stored."""
    size = table.num_rows
    now = np.full(size, np.datetime64("2026-01-01", "us"))
    columns = {
        "key": table["id"].combine_chunks(),
        "source": table["source"].combine_chunks(),
        "size": table["bytes"].combine_chunks(),
        "mtime_ns": pa.array(np.zeros(size, np.int64)),
        "outcome": pa.array(["stored"] * size),
        "id": table["id"].combine_chunks(),
        "reason": pa.nulls(size, pa.string()),
        "at": pa.array(now).cast(pa.timestamp("us", tz="UTC")),
    }
    return pa.Table.from_arrays([columns[field.name].cast(field.type) for field in schema], schema=schema)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--place", type=Path, required=True, help="a folder with room: 7 KB a row at 120 pixels")
    parser.add_argument("--dimension", type=int, default=0, help="of embeddings; 0 leaves them out")
    parser.add_argument("--side", type=int, default=120, help="pixels of a thumbnail's longer side")
    options = parser.parse_args()
    start = time.perf_counter()
    path = written(options.count, options.place, options.dimension, options.side)
    print(json.dumps({"corpus": str(path), "seconds": round(time.perf_counter() - start, 1)}))


if __name__ == "__main__":
    main()
