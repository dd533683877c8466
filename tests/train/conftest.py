"""A small corpus that can be learnt in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_runs import settings_for

from compoundeye.corpus import ingest
from compoundeye.train import Settings

COLOURS = {"red": 0, "green": 1, "blue": 2}
EACH = 40


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of noise with a touch of one colour: folders train/red, test/red, train/green, ..."""
    place = tmp_path_factory.mktemp("colours")
    chance = np.random.default_rng(0)
    for name, channel in COLOURS.items():
        for number in range(EACH):
            folder = place / "pictures" / ("test" if number % 4 == 0 else "train") / name
            folder.mkdir(parents=True, exist_ok=True)
            pixels = chance.integers(0, 200, (20, 20, 3), np.uint8)
            pixels[..., channel] += 55
            Image.fromarray(pixels).save(folder / f"{number}.png")
    ingest([str(place / "pictures")], str(place / "corpus.lance"), workers=1)
    return place / "corpus.lance"


@pytest.fixture
def settings(colours: Path) -> Settings:
    """A run of 24 steps on it."""
    return settings_for(str(colours))


@pytest.fixture(scope="session")
def captioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of plain colours with captions that name them."""
    place = tmp_path_factory.mktemp("captioned")
    colours = {"red": (220, 0, 0), "green": (0, 220, 0), "blue": (0, 0, 220), "white": (250, 250, 250)}
    rows = ["file,caption"]
    for number in range(6):
        for name, colour in colours.items():
            shade = tuple(max(0, value - 8 * number) for value in colour)
            Image.new("RGB", (16, 16), shade).save(place / f"{name}{number}.png")
            rows.append(f"{name}{number}.png,{name}")
    (place / "list.csv").write_text("\n".join(rows))
    ingest([str(place / "list.csv")], str(place / "corpus.lance"), workers=1)
    return place / "corpus.lance"
