"""Small real corpora: crops of photographs that scikit-image and scikit-learn carry, rows written directly."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from lance.fragment import write_fragments
from PIL import Image
from skimage import data as photographs
from sklearn.datasets import load_sample_images

from compoundeye.corpus import Corpus
from compoundeye.records import picture_id

# OpenVINO's Python package reports its use over the network from a forked process, which Lance warns about. Where this
# module is missing, OpenVINO does without.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

Views = Callable[..., list[bytes]]
MakeCorpus = Callable[..., Corpus]


def _jpeg(pixels: np.ndarray, quality: int = 90) -> bytes:
    with io.BytesIO() as sink:
        Image.fromarray(np.ascontiguousarray(pixels)).save(sink, "JPEG", quality=quality)
        return sink.getvalue()


@cache
def _photos() -> dict[str, np.ndarray]:
    china, flower = load_sample_images().images
    return {
        "astronaut": photographs.astronaut(),
        "cat": photographs.chelsea(),
        "coffee": photographs.coffee(),
        "rocket": photographs.rocket(),
        "temple": china,
        "flower": flower,
    }


def _views(name: str, count: int, seed: int = 0) -> list[bytes]:
    """Distinct pictures of one subject: crops of at least 70 % of the side, some mirrored, some darker."""
    photo = _photos()[name]
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        side = int(min(photo.shape[:2]) * rng.uniform(0.7, 1.0))
        top, left = (int(rng.integers(0, limit - side + 1)) for limit in photo.shape[:2])
        crop = photo[top : top + side, left : left + side] * rng.uniform(0.6, 1.0)
        found.append(_jpeg((crop[:, ::-1] if rng.random() < 0.5 else crop).astype(np.uint8)))
    return found


def _add_rows(corpus: Corpus, pictures: Sequence[bytes]) -> None:
    """One fragment, as ingest leaves it but for the thumbnail."""
    schema = pa.schema([field for field in corpus.dataset.schema if field.name in _COLUMNS or not field.nullable])
    count = len(pictures)
    columns = {
        "id": [picture_id(data) for data in pictures],
        "image": list(pictures),
        "thumbnail": [b""] * count,
        "source": [f"made/{place}.jpg" for place in range(count)],
        "format": ["JPEG"] * count,
        "width": [1] * count,
        "height": [1] * count,
        "mode": ["RGB"] * count,
        "orientation": [1] * count,
        "bytes": [len(data) for data in pictures],
        "phash": [0] * count,
    }
    table = pa.table({field.name: pa.array(columns[field.name], field.type) for field in schema}, schema=schema)
    parts = write_fragments(table, corpus.dataset)
    corpus.append([json.dumps(part.to_json()) for part in parts], corpus.inputs.schema.empty_table())


_COLUMNS = {"id", "image", "thumbnail", "source", "format", "width", "height", "mode", "orientation", "bytes", "phash"}


@pytest.fixture(scope="session")
def views() -> Views:
    """``views("cat", 5, seed=1)`` gives five encoded pictures of a cat, other ones for another seed."""
    return _views


@pytest.fixture
def make_corpus(tmp_path: Path) -> MakeCorpus:
    """``make_corpus([pictures of a fragment], [...], name="other")``."""

    def make(*fragments: Sequence[bytes], name: str = "corpus.lance") -> Corpus:
        corpus = Corpus.create(tmp_path / name)
        for pictures in fragments:
            _add_rows(corpus, pictures)
        return corpus

    return make


def _label(corpus: Corpus, words: dict[bytes, str]) -> None:
    """Record corrections as the column that `eye correct` writes."""
    corpus.ensure_columns(
        pa.schema(
            [
                pa.field("label", pa.string()),
                pa.field("label_by", pa.string()),
                pa.field("label_at", pa.timestamp("us", tz="UTC")),
            ]
        )
    )
    for fragment in corpus.dataset.get_fragments():
        rows = fragment.scanner(columns=["id"], with_row_id=True).to_table()
        mine = [(row["_rowid"], words[row["id"]]) for row in rows.to_pylist() if row["id"] in words]
        if mine:
            ids, said = zip(*mine, strict=True)
            values = pa.table({"_rowid": pa.array(ids, pa.uint64()), "label": pa.array(said, pa.string())})
            assert corpus.commit_columns([corpus.stage_columns(fragment.fragment_id, values)])
            corpus.refresh()


def _results(corpus: Corpus, name: str = "category") -> dict[bytes, dict[str, str]]:
    """Every result column and the embedding, by picture id."""
    corpus.refresh()
    columns = [c for c in corpus.dataset.schema.names if c == name or c.startswith((f"{name}_", "embedding"))]
    table = corpus.dataset.to_table(columns=["id", *columns])
    return {row["id"]: {column: str(row[column]) for column in columns} for row in table.to_pylist()}


@pytest.fixture
def add_rows() -> Callable[[Corpus, Sequence[bytes]], None]:
    """``add_rows(corpus, pictures)`` adds a fragment."""
    return _add_rows


@pytest.fixture
def label() -> Callable[[Corpus, dict[bytes, str]], None]:
    """``label(corpus, {id: word})`` records corrections."""
    return _label


@pytest.fixture
def results() -> Callable[..., dict[bytes, dict[str, str]]]:
    """``results(corpus, "category")`` gives everything that categorising wrote, by picture id."""
    return _results


def _models_conftest() -> object:
    """Tiny hub folders are made in one place: the tests of the room that reads them."""
    spec = spec_from_file_location("models_conftest", Path(__file__).parents[1] / "models" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_hub = _models_conftest().make_hub  # type: ignore[attr-defined]
