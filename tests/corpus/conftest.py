"""Small pictures that differ, and what two corpora have to agree in."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from compoundeye.corpus import Corpus

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
