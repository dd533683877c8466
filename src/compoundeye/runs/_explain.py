"""Why a run is as good as it is: classes, confusions, and the worst mistakes to look at."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from compoundeye.corpus import Corpus, contact_sheet
from compoundeye.evaluate import wilson_interval
from compoundeye.records import EyeError
from compoundeye.runs._confusion import draw_confusion
from compoundeye.runs._error import RunError
from compoundeye.runs._folder import RunFolder
from compoundeye.runs._list import RunRow, corpora, row_of
from compoundeye.runs._mistakes import ClassRow, Confusion, answered, class_rows, confusions
from compoundeye.runs._whole import write_whole

_CONFUSIONS = 100


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture that was answered wrongly."""

    id: str
    """Hexadecimal: ``eye show`` and ``eye correct`` take it."""
    corpus: str
    """Path of the corpus it is in."""
    target: str
    predicted: str
    confidence: float
    loss: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the last validation of a run says."""

    run: RunRow
    pictures: int
    right: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    """Wilson's, at 95 %."""
    classes: tuple[ClassRow, ...]
    """The worst first."""
    confusions: tuple[Confusion, ...]
    """The most frequent first, 100 at most."""
    mistakes: tuple[Mistake, ...]
    """The worst first: those of the highest loss."""
    files: tuple[str, ...]
    """What was written."""
    notes: tuple[str, ...]
    """What could not be drawn, and why."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {**asdict(self), "run": self.run.as_dict()}


def explain(
    run: str | os.PathLike[str], out: str | os.PathLike[str] | None = None, *, mistakes: int = 60
) -> Explanation:
    """What the last validation says of classes and pictures; with ``out`` also as files.

    ``out`` receives ``confusion.png``, ``classes.csv``, ``mistakes.csv`` (all wrong answers, with ids) and
    ``mistakes.png``, a contact sheet of the worst, for each corpus that the run was measured on
    (``mistakes-2.png``, ...). A corpus that is no longer there costs its sheet, which a note says.

    Args:
        run: its folder.
        out: a folder; files of these names in it are replaced.
        mistakes: how many of the worst to name and to draw.

    Raises:
        RunError: no such run, nothing was validated yet, or nothing can be written there.
    """
    folder = RunFolder.open(run)
    table = folder.validation()
    if not table.num_rows:
        raise RunError(f"{folder.path / 'validation.parquet'} is empty: no picture was validated")
    settings = folder.settings()
    sources = [str(one["path"]) for one in corpora(settings, "validation") or corpora(settings)]
    found = answered(table)
    rows = class_rows(found)
    wrong = table.filter(pc.not_equal(table["target"], table["predicted"])).sort_by([("loss", "descending")])
    worst = _mistakes(wrong.slice(0, mistakes), sources)
    files, notes = list[str](), list[str]()
    if out is not None:
        place = Path(out).expanduser()
        try:
            place.mkdir(parents=True, exist_ok=True)
            _write_csv(place / "classes.csv", [_class_as_row(row) for row in rows])
            _write_csv(place / "mistakes.csv", [_as_row(one) for one in _mistakes(wrong, sources)])
        except OSError as error:
            raise RunError(f"cannot write into {place}: {error.strerror}; give another folder with -o") from error
        draw_confusion(found, place / "confusion.png")
        files = [str(place / name) for name in ("confusion.png", "classes.csv", "mistakes.csv")]
        sheets, notes = _sheets(worst, sources, place)
        files += sheets
    return Explanation(
        run=row_of(folder),
        pictures=table.num_rows,
        right=found.right,
        accuracy=found.right / table.num_rows,
        accuracy_interval=wilson_interval(found.right, table.num_rows),
        classes=tuple(rows),
        confusions=tuple(confusions(found, _CONFUSIONS)),
        mistakes=tuple(worst),
        files=tuple(files),
        notes=tuple(notes),
    )


def _mistakes(wrong: pa.Table, sources: Sequence[str]) -> list[Mistake]:
    return [
        Mistake(
            id=row["id"].hex(),
            corpus=sources[row["source"]] if row["source"] < len(sources) else "",
            target=row["target"],
            predicted=row["predicted"],
            confidence=row["confidence"],
            loss=row["loss"],
        )
        for row in wrong.to_pylist()
    ]


def _sheets(worst: Sequence[Mistake], sources: Sequence[str], place: Path) -> tuple[list[str], list[str]]:
    """A contact sheet for each corpus: what was drawn, and what could not be."""
    drawn, notes = [], []
    for number, path in enumerate(dict.fromkeys(sources), 1):
        own = [one for one in worst if one.corpus == path]
        sheet = place / ("mistakes.png" if number == 1 else f"mistakes-{number}.png")
        sheet.unlink(missing_ok=True)  # of an earlier call
        if not own:
            continue
        captions = [f"{one.target}, not {one.predicted} {one.confidence:.0%}" for one in own]
        try:
            contact_sheet(Corpus.open(path), sheet, ids=[one.id for one in own], captions=captions, limit=len(own))
        except EyeError as error:
            notes.append(f"{sheet.name} was left out: {error}")
        else:
            drawn.append(str(sheet))
    return drawn, notes


def _as_row(value: Mistake | ClassRow) -> dict[str, Any]:
    """Fields by name; ``asdict`` copies them all, which takes longer than everything else of a million pictures."""
    return {name: getattr(value, name) for name in value.__slots__}


def _class_as_row(row: ClassRow) -> dict[str, Any]:
    values = _as_row(row)
    for name in ("recall", "precision"):
        values[f"{name}_low"], values[f"{name}_high"] = values.pop(f"{name}_interval")
    return values


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """RFC 4180, with a heading; no rows are an empty file."""

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8") as stream:
            if rows:
                writer = csv.DictWriter(stream, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)

    write_whole(path, write)
