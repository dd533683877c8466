"""A contact sheet: thumbnails in a grid, each with what is known of it, as one picture."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image, ImageDraw

from compoundeye.corpus._condition import check, sql_errors
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._lettering import lettered
from compoundeye.corpus._rows import find_ids, opened, rows_of, take_rows
from compoundeye.corpus._store import Corpus

_ENDINGS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
_GAP, _LINE, _SIZE = 12, 18, 13
"""Pixels between tiles, of a line of text, and of its letters."""
_PAPER, _INK, _FAINT = (240, 240, 240), (20, 20, 20), (110, 110, 110)
_MOST = 2_000
"""Pictures on a sheet: a JPEG has at most 65,535 pixels a side, and nobody looks at more."""
_ID_DIGITS = 8


def contact_sheet(
    corpus: Corpus | str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    ids: Sequence[bytes | str] | None = None,
    where: str | None = None,
    captions: Sequence[str] | None = None,
    limit: int = 60,
    across: int | None = None,
    tile: int = 180,
    name: str = "category",
) -> Path:
    """Draw pictures as a grid, each above its category with confidence, its id's beginning, and its name.

    Args:
        destination: a file whose name ends in .png, .jpg or .jpeg; one that is there is replaced.
        ids: which pictures, in this order (16 bytes or hexadecimal); or ``where``; or neither: the first ones.
        where: SQL over the columns.
        captions: a line for each of ``ids``, above the others.
        limit: pictures at most, up to 2,000.
        across: columns; by default about as many as rows.
        tile: pixels of a picture's longer side.
        name: which result of categorising to show.

    Returns:
        The destination.

    Raises:
        CorpusError: no such pictures, both ids and where, another ending, or nothing can be written there.
    """
    place = Path(destination).expanduser()
    if place.suffix.lower() not in _ENDINGS:
        raise CorpusError(f"{place} should end in .png or .jpg: it is a picture")
    if not 1 <= limit <= _MOST or not 32 <= tile <= 1_024 or (across is not None and across < 1):
        raise CorpusError(f"a sheet has 1 to {_MOST} pictures of 32 to 1024 pixels in one column or more")
    if ids is not None and where is not None:
        raise CorpusError("say which pictures: by their ids or by a condition, not by both")
    table = _chosen(opened(corpus), ids, where, limit, name)
    if not table.num_rows:
        raise CorpusError("no picture fits: there is nothing to draw")
    lines = [[caption] for caption in captions[: table.num_rows]] if captions else [[] for _ in range(table.num_rows)]
    for own, row in zip(lines, table.to_pylist(), strict=True):
        own.extend(_about(row, name))
    sheet = _draw(table["thumbnail"].to_pylist(), lines, tile, across)
    _save(sheet, place)
    return place


def _chosen(corpus: Corpus, ids: Sequence[bytes | str] | None, where: str | None, limit: int, name: str) -> pa.Table:
    wanted = [
        "id",
        "thumbnail",
        "source",
        "label",
        name,
        f"{name}_confidence",
        f"{name}_best",
        f"{name}_best_confidence",
    ]
    columns = [column for column in wanted if corpus.has_column(column)]
    if ids is None:
        if where is not None:
            check(corpus, where)
        with sql_errors(corpus, where):
            return corpus.dataset.to_table(columns=columns, filter=where, limit=limit)
    full = [one if isinstance(one, bytes) else find_ids(corpus, [one])[0] for one in ids[:limit]]
    found = take_rows(corpus.dataset, rows_of(corpus.dataset, full), columns)
    places = {id_: place for place, id_ in enumerate(found["id"].to_pylist())}
    missing = [one.hex() for one in full if one not in places]
    if missing:
        raise CorpusError(f"no picture of {corpus.path} has the id {missing[0]}")
    return found.take([places[one] for one in full])


def _about(row: dict[str, Any], name: str) -> list[str]:
    """Lines under a picture: what it is taken for, and which it is."""
    said, guess = row.get("label"), row.get(f"{name}_best")
    if said is not None:
        first = f"{said} (by a person)"
    elif row.get(name) is not None:
        first = _with_share(row[name], row.get(f"{name}_confidence"))
    else:
        first = f"({_with_share(guess, row.get(f'{name}_best_confidence'))}?)" if guess else ""
    file = row["source"].rstrip("/").rpartition("/")[2]
    return [first, f"{row['id'].hex()[:_ID_DIGITS]}  {file}"]


def _with_share(text: str, share: float | None) -> str:
    return text if share is None else f"{text}  {share:.0%}"


_TINY = 96
"""Pixels of the longer side up to which a picture is enlarged."""


def _draw(thumbnails: Sequence[bytes], lines: Sequence[Sequence[str]], tile: int, across: int | None) -> Image.Image:
    text_lines = max(len(own) for own in lines)
    if not any(own[-2] for own in lines):  # nothing categorised yet: no empty line
        lines = [[*own[:-2], own[-1]] for own in lines]
        text_lines -= 1
    text_height = text_lines * _LINE + _GAP + 6
    pictures = [_fitted(thumbnail, tile) for thumbnail in thumbnails]
    typical = sum(picture.height for picture in pictures) / len(pictures) + text_height
    width = tile + _GAP
    across = min(len(lines), across or math.ceil(math.sqrt(len(lines) * typical / width * 4 / 3)))
    # A row is as high as its highest picture; pictures stand on one line, above their text.
    heights = [max(one.height for one in pictures[first : first + across]) for first in range(0, len(lines), across)]
    tops = [_GAP, *(_GAP + end for end in accumulate(height + text_height for height in heights))]
    sheet = Image.new("RGB", (across * width + _GAP, tops[-1]), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for place, (picture, own) in enumerate(zip(pictures, lines, strict=True)):
        row, column = divmod(place, across)
        left, foot = _GAP + column * width, tops[row] + heights[row]
        sheet.paste(picture, (left + (tile - picture.width) // 2, foot - picture.height))
        for number, text in enumerate(own):
            line, font = lettered(text, _SIZE, tile)
            ink = _FAINT if number == len(own) - 1 else _INK
            draw.text((left, foot + 3 + number * _LINE), line, fill=ink, font=font)
    return sheet


def _fitted(thumbnail: bytes, tile: int) -> Image.Image:
    """The thumbnail within a square, a tiny one enlarged by a whole factor; grey if it cannot be read."""
    try:
        with Image.open(io.BytesIO(thumbnail)) as picture:
            picture.thumbnail((tile, tile), Image.Resampling.LANCZOS)
            factor = max(1, min(_TINY, tile) // max(picture.size))
            size = (picture.width * factor, picture.height * factor)
            return picture.convert("RGB").resize(size, Image.Resampling.NEAREST)
    except (OSError, ValueError):
        return Image.new("RGB", (tile, tile), _FAINT)


def _save(sheet: Image.Image, place: Path) -> None:
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        try:
            sheet.save(part, _ENDINGS[place.suffix.lower()], quality=90)
            os.replace(part, place)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise CorpusError(f"cannot write {place}: {error.strerror or error}; give another place with -o") from error
