"""Run folders as a training leaves them, and a corpus that one was measured on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from compoundeye.corpus import Corpus, ingest
from compoundeye.runs import RunFolder

MakeRun = Callable[..., RunFolder]


def _made(
    parent: Path, name: str, losses: Sequence[float] = (), accuracies: Sequence[float] = (), **settings: Any
) -> RunFolder:
    """A run that told a loss every ten steps and an accuracy every twenty."""
    run = RunFolder.create(parent, name)
    run.write_settings({"name": name, "data": {"corpora": [{"path": "/data/x.lance", "version": 3}]}, **settings})
    for number, loss in enumerate(losses, 1):
        run.log("train", 10 * number, 80 * number, loss=loss)
    for number, accuracy in enumerate(accuracies, 1):
        run.log("validation", 20 * number, 160 * number, accuracy=accuracy, loss=1 - accuracy)
    return run


def _answers(pairs: Sequence[tuple[str, str]], ids: Sequence[bytes] | None = None) -> pa.Table:
    """Answers with these (target, predicted); later ones have higher losses."""
    count = len(pairs)
    return pa.table(
        {
            "id": pa.array(ids or [n.to_bytes(16, "big") for n in range(count)], pa.binary(16)),
            "source": pa.array([0] * count, pa.int16()),
            "target": [target for target, _ in pairs],
            "predicted": [predicted for _, predicted in pairs],
            "confidence": pa.array(np.linspace(0.5, 1, count), pa.float32()),
            "loss": pa.array(np.arange(count), pa.float32()),
        }
    )


@pytest.fixture
def made() -> MakeRun:
    """``made(parent, name, losses, accuracies, **settings)`` is a run."""
    return _made


@pytest.fixture
def answers() -> Callable[..., pa.Table]:
    """``answers([(target, predicted), ...])`` is a table for validation.parquet."""
    return _answers


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Six small pictures."""
    place = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    (place / "pictures").mkdir()
    for number in range(6):
        pixels = rng.integers(0, 256, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(place / "pictures" / f"{number}.png")
    ingest([str(place / "pictures")], str(place / "corpus.lance"), workers=1)
    return Corpus.open(str(place / "corpus.lance"))
