"""What a row of a corpus takes on disk beside its picture and thumbnail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import simplejpeg

from compoundeye.capacity._workloads import on_disk
from compoundeye.corpus import Corpus, ingest

_COUNTS = (256, 1_024)
_SIDE = 16


def row_bytes(scratch: Path) -> float:
    """Bytes of metadata and ledger a picture: the slope between two corpora of small pictures, no two alike.

    Pictures that are copies of a few, as in the other measurements, would not do: Lance keeps equal thumbnails once.
    """
    taken = [_beside_pictures(scratch / f"rows{count}", count) for count in _COUNTS]
    return (taken[1] - taken[0]) / (_COUNTS[1] - _COUNTS[0])


def _beside_pictures(place: Path, count: int) -> float:
    rng = np.random.default_rng(count)
    files, corpus = place / "files", place / "corpus.lance"
    files.mkdir(parents=True)
    encoded = 0
    for number in range(count):
        data = simplejpeg.encode_jpeg(rng.integers(0, 256, (_SIDE, _SIDE, 3), np.uint8), quality=90)
        encoded += len(data)
        (files / f"{number:06d}.jpg").write_bytes(data)
    ingest(files, corpus, workers=1)
    table = Corpus.open(corpus).dataset.to_table(columns=["thumbnail"])
    return on_disk(corpus) - encoded - sum(map(len, table["thumbnail"].to_pylist()))
