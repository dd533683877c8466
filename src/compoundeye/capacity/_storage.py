"""What a corpus takes on disk, and in how many fragments."""

from __future__ import annotations

from math import ceil, log

from compoundeye.capacity._rates import ModelRates, Rates
from compoundeye.capacity._term import Term

_LARGEST_FRAGMENT, _SMALLEST_FRAGMENT, _FRAGMENTS = 32_768, 1_024, 16
_FRAGMENT_BYTES = 256 << 20
_LAYOUT = (
    "src/compoundeye/corpus/_ingest.py: fragments of 1,024 to 32,768 rows, a sixteenth of the corpus in between, and "
    "of 256 MiB of pictures at most"
)
_CODE_OVERHEAD = 16
_CODES = (
    "IVF_RQ: one bit a dimension (Gao and Long, RaBitQ, SIGMOD 2024, arXiv:2405.12497), and 16 bytes of factors and "
    "row number: 32 bytes measured at 128 dimensions (docs/scale.md)"
)


def rows_of_fragment(picture_bytes: float) -> int:
    """Rows of a fragment of a large corpus."""
    return max(1, min(_LARGEST_FRAGMENT, int(_FRAGMENT_BYTES / picture_bytes)))


def fragments_of(rows: int, picture_bytes: float) -> int:
    """Fragments of a corpus of so many rows that one ingest made (`_LAYOUT`)."""
    most = rows_of_fragment(picture_bytes)
    least = min(_SMALLEST_FRAGMENT, most)
    if rows <= _FRAGMENTS * least:
        return ceil(rows / least)
    # Each fragment adds a sixteenth to the rows, until fragments are as large as they get.
    grown = min(rows, _FRAGMENTS * most)
    growing = log(grown / (_FRAGMENTS * least)) / log(1 + 1 / _FRAGMENTS)
    return ceil(_FRAGMENTS + growing + (rows - grown) / most)


def storage(pictures: int, size: float, rates: Rates, model: ModelRates) -> dict[str, float]:
    """Bytes by what they hold, for pictures of ``size`` bytes that a model has looked at."""
    return {
        "originals": pictures * size,
        "thumbnails": pictures * min(rates.thumbnail_bytes, size),
        "metadata": pictures * rates.row_bytes,
        "embeddings": pictures * 2.0 * model.embedding_dim,
        "index": pictures * (model.embedding_dim / 8 + _CODE_OVERHEAD),
        "results": pictures * rates.result_bytes,
    }


def storage_terms(size: float, rates: Rates, model: ModelRates) -> tuple[Term, ...]:
    """What `storage` is made of, a picture."""
    kept = (("thumbnail", rates.thumbnail_bytes), ("row", rates.row_bytes), ("result", rates.result_bytes))
    width = model.embedding_dim
    return (
        *(Term(f"storage.given.{key}", value, "bytes", "", rates.kind, rates.source) for key, value in kept),
        Term(
            "storage.given.embedding", 2.0 * width, "bytes", "2 x dimensions (float16)", "computed", "the model's card"
        ),
        Term("storage.given.code", width / 8 + _CODE_OVERHEAD, "bytes", "dimensions / 8 + 16", "published", _CODES),
        Term("storage.given.fragment", rows_of_fragment(size), "rows", "", "published", _LAYOUT),
    )
