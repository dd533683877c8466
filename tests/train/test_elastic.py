"""A run that is killed on four processes goes on with two, then with three, and comes to the same."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from elastic_worker import committed, each_once_an_epoch, train
from PIL import Image
from processes import run

from compoundeye.corpus import Corpus, ingest


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 pictures, 8 steps an epoch."""
    place = tmp_path_factory.mktemp("elastic")
    (place / "pictures").mkdir()
    for number in range(96):
        pixels = np.random.default_rng(number).integers(0, 256, (2, 2, 3), np.uint8)
        Image.fromarray(pixels).resize((16, 16)).save(place / "pictures" / f"{number}.png")
    ingest([str(place / "pictures")], str(place / "corpus.lance"), workers=1)
    return place / "corpus.lance"


def test_killed_on_four_resumed_on_two_then_three(corpus: Path, tmp_path: Path) -> None:
    draw = random.Random(0)
    (whole := tmp_path / "whole").mkdir()
    (broken := tmp_path / "broken").mkdir()
    expected = run(train, 1, corpus, whole, 0, None, 0, 0.0)[0]
    for attempt, (world, step) in enumerate(((4, 5), (2, 10))):
        with pytest.raises(AssertionError, match="exit code -9"):
            run(train, world, corpus, broken, attempt, draw.randrange(world), step, draw.uniform(0, 0.05))
    losses = run(train, 3, corpus, broken, 2, None, 0, 0.0)[0]
    assert len(losses) < len(expected)
    assert losses == pytest.approx(expected[-len(losses) :], rel=1e-3)
    every = {row["id"].hex() for row in Corpus.open(corpus).dataset.to_table(columns=["id"]).to_pylist()}
    assert len(every) == 96
    assert each_once_an_epoch(committed(broken), every)
    assert [sorted(step) for step in committed(broken)] == [sorted(step) for step in committed(whole)]
