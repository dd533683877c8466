"""A corpus as `eye categorise` leaves it: right and wrong answers, abstentions, a failure, a near-duplicate."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from browser import chromium, open_context, page, site
from PIL import Image

from compoundeye.corpus import Corpus, ingest

__all__ = ["album", "chromium", "home", "open_context", "page", "site"]

KINDS = ("tabby", "beagle", "pizza")
EACH = 8
BY = "corners/1.2 sha256:0123456789abcdef fp32 recipe:fedcba9876543210"
RESULT = pa.schema(
    [
        pa.field("embedding", pa.list_(pa.float16(), 4)),
        pa.field("embedding_by", pa.string()),
        pa.field("category", pa.string()),
        pa.field("category_confidence", pa.float32()),
        pa.field("category_best", pa.string()),
        pa.field("category_best_confidence", pa.float32()),
        pa.field("category_state", pa.string()),
        pa.field("category_reason", pa.string()),
        pa.field("category_by", pa.string()),
        pa.field("category_version", pa.int64()),
    ]
)


def picture(seed: int, kind: int, size: tuple[int, int] = (320, 220)) -> bytes:
    """A JPEG of coarse colours, mostly of its kind's own."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 120, (5, 7, 3))
    pixels[..., kind] += 120
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def vector(seed: int, kind: int) -> npt.NDArray[np.float16]:
    """[4], near the corner of its kind."""
    found = np.random.default_rng(1_000 + seed).normal(0, 0.08, 4)
    found[kind] += 1
    return found.astype(np.float16)


def make_album(place: Path) -> Corpus:
    """24 pictures of three kinds, numbered by kind, and a smaller copy of the first.

    The model said that 07 (a tabby) is a beagle and 15 (a beagle) a pizza; it abstained from 05, 13 and 21, and 22
    failed. Confidence rises with the number, from 0.31 on.
    """
    folder = place / "pictures"
    folder.mkdir(parents=True)
    for number in range(3 * EACH):
        (folder / f"{number:02d}.jpg").write_bytes(picture(number, number // EACH))
    (folder / "again.jpg").write_bytes(picture(0, 0, (160, 110)))
    ingest(folder, place / "album.lance")
    store = Corpus.open(place / "album.lance")
    store.ensure_columns(RESULT)
    table = store.dataset.scanner(columns=["source"], with_row_id=True).to_table()
    rows = [_row(Path(source).stem) for source in table["source"].to_pylist()]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate([row.pop("embedding") for row in rows])), 4)
    values = {"_rowid": table["_rowid"], "embedding": vectors}
    values |= {field.name: pa.array([row[field.name] for row in rows], field.type) for field in list(RESULT)[1:]}
    assert store.commit_columns([store.stage_columns(0, pa.table(values))])
    return store.refresh()


def _row(name: str) -> dict[str, object]:
    number = 0 if name == "again" else int(name)
    kind = number // EACH
    said = {7: 1, 15: 2}.get(number, kind)
    state = "abstained" if number in (5, 13, 21) else "failed" if number == 22 else "done"
    sure = None if state == "failed" else 0.3 + (number + 1) / 100
    return {
        "embedding": vector(number, kind),
        "embedding_by": "corners/1.2 sha256:0123456789abcdef",
        "category": KINDS[said] if state == "done" else None,
        "category_confidence": sure if state == "done" else None,
        "category_best": None if state == "failed" else KINDS[said],
        "category_best_confidence": sure,
        "category_state": state,
        "category_reason": {"abstained": "not sure enough", "failed": "cannot be read"}.get(state),
        "category_by": BY,
        "category_version": 2,
    }


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Corpus]:
    """Puts the corpus ``album.lance`` of `make_album` into a folder."""
    made = make_album(tmp_path_factory.mktemp("album")).path

    def copy(place: Path) -> Corpus:
        shutil.copytree(made, place / "album.lance")
        return Corpus.open(place / "album.lance")

    return copy


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, so that no jobs and corrections of others are in it."""
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def store(album: Callable[[Path], Corpus], tmp_path: Path, home: Path) -> Corpus:
    """The album of one test, in a home that nothing has been kept in."""
    assert not home.exists()
    return album(tmp_path)
