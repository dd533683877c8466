"""A gallery of a real little corpus: written whole, showing what the corpus holds."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compoundeye.console import gallery
from compoundeye.corpus import Corpus, CorpusError, ingest


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Six noise pictures, one of them also saved smaller, and one wreck."""
    folder = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(7)
    for number in range(6):
        smooth = Image.fromarray(draw.integers(0, 256, (6, 8, 3), np.uint8)).resize(
            (320, 240), Image.Resampling.BICUBIC
        )
        smooth.save(folder / f"scene {number}.png")
    with Image.open(folder / "scene 0.png") as first:
        first.resize((160, 120)).save(folder / "scene 0 for the web.jpg", quality=80)
    (folder / "<b>wreck.jpg").write_bytes((folder / "scene 0 for the web.jpg").read_bytes()[:500])
    place = str(tmp_path_factory.mktemp("corpus") / "little.lance")
    ingest([str(folder)], place, workers=1)
    return place


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_every_picture_is_on_the_page_with_its_copies_and_the_wreck(corpus: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert gallery(corpus, page) == 7
    text = text_of(page)
    assert text.count("<article") == 7 + 2  # the group of copies shows its two again
    assert text.index("scene 0 for the web", text.index("id=duplicates")) > text.index(
        "scene 0.png", text.index("id=duplicates")
    )
    assert "&lt;b&gt;wreck.jpg" in text
    assert "<b>wreck" not in text
    assert "7 stored, 1 failed" in text


def test_a_condition_narrows_it(corpus: str, tmp_path: Path) -> None:
    assert gallery(corpus, tmp_path / "page.html", where="format = 'JPEG'") == 1
    assert "1 picture. Of 8 inputs" in text_of(tmp_path / "page.html")


def test_a_limit_is_said(corpus: str, tmp_path: Path) -> None:
    assert gallery(corpus, tmp_path / "page.html", limit=3) == 3
    assert "3 of 7 pictures" in text_of(tmp_path / "page.html")


def test_an_opened_corpus_will_do(corpus: str, tmp_path: Path) -> None:
    assert gallery(Corpus.open(corpus), tmp_path / "page.html") == 7


def test_writing_again_replaces_the_page_and_leaves_nothing_else(corpus: str, tmp_path: Path) -> None:
    for _ in range(2):
        gallery(corpus, tmp_path / "page.html")
    assert os.listdir(tmp_path) == ["page.html"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"where": "nonsense = 1"}, "has no column nonsense"),
        ({"like": "scene 0.png"}, "no embeddings yet"),
        ({"destination": "no/such/folder/page.html"}, "cannot write"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_mistake_is_one_sentence_and_leaves_no_page(
    corpus: str, tmp_path: Path, more: dict[str, str], said: str
) -> None:
    asked = {"destination": "page.html"} | more
    with pytest.raises(CorpusError, match=said):
        gallery(corpus, tmp_path / asked.pop("destination"), **asked)  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == []


def test_there_must_be_a_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no corpus at"):
        gallery(tmp_path / "none.lance", tmp_path / "page.html")
