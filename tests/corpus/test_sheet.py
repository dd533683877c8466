"""Contact sheets: every picture is where it should be, under its name."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageColor

from compoundeye.corpus import Corpus, CorpusError, _sheet, contact_sheet, correct
from compoundeye.records import picture_id

COLOURS = ["red", "lime", "blue", "yellow", "cyan", "magenta", "white", "black"]


def thumbnail(colour: str, size: tuple[int, int] = (240, 160)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG", quality=95)
    return file.getvalue()


@pytest.fixture
def store(write_rows: Callable[..., Corpus], tmp_path: Path) -> Corpus:
    return write_rows(
        tmp_path / "c",
        8,
        thumbnail=[thumbnail(colour) for colour in COLOURS],
        source=[f"x.tar/{colour} <b>.jpg" for colour in COLOURS],
        category=["colour", *[None] * 7],
        category_confidence=pa.array([0.876, *[None] * 7], pa.float32()),
        category_best=["colour", "green", *[None] * 6],
        category_best_confidence=pa.array([0.9, 0.25, *[None] * 6], pa.float32()),
    )


def colour_at(sheet: Path, column: int, row: int, *, tile: int, pitch: tuple[int, int]) -> str:
    """Name of the colour in the middle of a picture of 3 : 2."""
    with Image.open(sheet) as image:
        x = _sheet._GAP + column * pitch[0] + tile // 2
        y = _sheet._GAP + row * pitch[1] + tile // 3
        pixel = np.array(image.getpixel((x, y)), int)
    return min(COLOURS, key=lambda name: int(np.abs(pixel - np.array(ImageColor.getrgb(name))).sum()))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that are drawn, in order."""
    lines = list[str]()
    real = _sheet.lettered

    def noted(text: str, size: int, width: int) -> Any:
        lines.append(text)
        return real(text, size, width)

    monkeypatch.setattr(_sheet, "lettered", noted)
    return lines


def test_pictures_stand_in_order_from_left_to_right(store: Corpus, tmp_path: Path) -> None:
    sheet = contact_sheet(store, tmp_path / "sheet.png", across=3, tile=100)
    pitch = (100 + _sheet._GAP, 67 + 2 * _sheet._LINE + _sheet._GAP + 6)
    seen = [colour_at(sheet, place % 3, place // 3, tile=100, pitch=pitch) for place in range(8)]
    assert seen == COLOURS
    with Image.open(sheet) as image:
        assert image.size == (3 * pitch[0] + _sheet._GAP, 3 * pitch[1] + _sheet._GAP)


def test_under_each_picture_is_what_it_is_taken_for(store: Corpus, tmp_path: Path, drawn: list[str]) -> None:
    correct(store, [picture_id(b"0002")], "sky", by="Ada")
    contact_sheet(store, tmp_path / "sheet.jpg", limit=4)
    hexes = [picture_id(b"%04d" % number).hex()[:8] for number in range(4)]
    assert drawn == [
        "colour  88%",
        f"{hexes[0]}  red <b>.jpg",
        "(green  25%?)",
        f"{hexes[1]}  lime <b>.jpg",
        "sky (by a person)",
        f"{hexes[2]}  blue <b>.jpg",
        "",
        f"{hexes[3]}  yellow <b>.jpg",
    ]
    with Image.open(tmp_path / "sheet.jpg") as image:
        assert image.format == "JPEG"


def test_ids_come_in_their_order_with_captions_of_their_own(store: Corpus, tmp_path: Path, drawn: list[str]) -> None:
    asked = [picture_id(b"0005"), picture_id(b"0003").hex()[:10], picture_id(b"0005")]
    sheet = contact_sheet(store, tmp_path / "s.png", ids=asked, captions=["one", "two", "three"], across=3, tile=64)
    pitch = (64 + _sheet._GAP, 0)
    assert [colour_at(sheet, place, 0, tile=64, pitch=pitch) for place in range(3)] == ["magenta", "yellow", "magenta"]
    assert [line for line in drawn if line in ("one", "two", "three")] == ["one", "two", "three"]


def test_a_condition_chooses(store: Corpus, tmp_path: Path) -> None:
    sheet = contact_sheet(store, tmp_path / "s.png", where="source LIKE '%blue%'", tile=64)
    assert colour_at(sheet, 0, 0, tile=64, pitch=(0, 0)) == "blue"


def test_pictures_of_any_shape_keep_it(write_rows: Callable[..., Corpus], tmp_path: Path) -> None:
    sizes = [(240, 10), (10, 240), (3, 2), (240, 240)]
    store = write_rows(tmp_path / "c", 4, thumbnail=[thumbnail("black", size) for size in sizes])
    with Image.open(contact_sheet(store, tmp_path / "s.png", across=4, tile=120)) as image:
        dark = np.asarray(image.convert("L"))[_sheet._GAP : _sheet._GAP + 120] < 60
    widths = [int(dark[:, left : left + 120].any(0).sum()) for left in range(_sheet._GAP, 4 * 132, 120 + _sheet._GAP)]
    assert widths == [120, 5, 96, 120]  # the tiny one is enlarged


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"destination": "sheet.gif"}, r"should end in .png or .jpg"),
        ({"limit": 0}, "a sheet has 1 to 2000 pictures"),
        ({"tile": 9_999}, "of 32 to 1024 pixels"),
        ({"across": 0}, "in one column or more"),
        ({"where": "source = 'x'"}, "no picture fits"),
        ({"where": "colour = 1"}, "has no column colour"),
        ({"where": "true", "ids": ["abcdef"]}, "not by both"),
        ({"ids": [b"0123456789abcdef"]}, "has the id 3031"),
        ({"destination": "no/such/folder/s.png"}, "cannot write .*; give another place"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said(store: Corpus, tmp_path: Path, asked: dict[str, Any], message: str) -> None:
    destination = tmp_path / asked.pop("destination", "sheet.png")
    with pytest.raises(CorpusError, match=message):
        contact_sheet(store, destination, **asked)
    assert not destination.exists()


def test_a_thumbnail_that_cannot_be_read_is_a_grey_square(write_rows: Callable[..., Corpus], tmp_path: Path) -> None:
    store = write_rows(tmp_path / "c", 2, thumbnail=[b"damaged", thumbnail("red")])
    sheet = contact_sheet(store, tmp_path / "s.png", across=2, tile=90)
    with Image.open(sheet) as image:
        assert image.getpixel((_sheet._GAP + 45, _sheet._GAP + 45)) == _sheet._FAINT
        assert image.getpixel((_sheet._GAP + 90 + _sheet._GAP + 45, _sheet._GAP + 60))[0] > 200


def test_an_older_sheet_is_replaced_and_nothing_else_is_left(store: Corpus, tmp_path: Path) -> None:
    place = tmp_path / "out" / "sheet.png"
    place.parent.mkdir()
    place.write_text("old")
    assert contact_sheet(store, place) == place
    assert [child.name for child in place.parent.iterdir()] == ["sheet.png"]
    with Image.open(place) as image:
        image.load()
