"""IARPA Janus Benchmarks A, B and C as their files are: templates of several pictures, pairs of them, galleries.

Two forms are in use. As distributed: tables of templates (TEMPLATE_ID, SUBJECT_ID, a file, where the face is, and what
belongs to one video) and a table of pairs of template ids. As most papers' code reads them: ``*_face_tid_mid.txt``
(file, template, medium) and ``*_template_pair_label.txt`` (template, template, 1 or 0), beside loose crops.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from compoundeye.apps.face._study import Flags, Int64, Pairs, SearchPlan, Shot, Study, Template, linked
from compoundeye.records import EyeError

SOURCE = "Maze and others, IARPA Janus Benchmark C: face dataset and protocol (ICB 2018)"
FILE_COLUMNS = ("FILENAME", "FILE")
MEDIA_COLUMNS = ("MEDIA_ID", "SIGHTING_ID")
BOX_COLUMNS = ("FACE_X", "FACE_Y", "FACE_WIDTH", "FACE_HEIGHT")


def is_ijb_folder(folder: Path) -> bool:
    """Whether it has the two lists, itself or in ``meta``."""
    return bool(_lists(folder, "face_tid_mid"))


def read_ijb_folder(folder: Path, pictures: Path | None = None) -> Study:
    """A folder with the two lists in it or in ``meta``, and ``loose_crop`` beside them; if there, its 1:N tables too.

    Raises:
        EyeError: a list is missing, or a line of it makes no sense.
    """
    listed, paired = _lists(folder, "face_tid_mid"), _lists(folder, "template_pair_label")
    if not paired:
        raise EyeError(f"{folder}: there is no ..._template_pair_label.txt beside {listed[0].name}")
    pictures = pictures or next((one for one in (folder / "loose_crop", folder / "images") if one.is_dir()), folder)
    shots = dict[str, list[Shot]]()
    for name, template, medium in _lines(listed[0], 3):
        shots.setdefault(template, []).append(Shot(pictures / name, None, medium))
    places = {name: at for at, name in enumerate(shots)}
    first, second, label = _columns(paired[0], _lines(paired[0], 3), places)
    people = _people_of([*_lists(folder, "1N_gallery", ".csv"), *_lists(folder, "1N_probe", ".csv")])
    subjects = _subjects(places, people, first[label], second[label])
    wrong = np.flatnonzero((subjects[first] == subjects[second]) != label)
    if len(wrong):
        raise EyeError(f"{paired[0]}, line {wrong[0] + 1}: its label says otherwise than other lines or tables do")
    templates = tuple(Template(name, tuple(own)) for name, own in shots.items())
    pairs = Pairs(first, second, label)
    return Study(
        data=folder.name, split=paired[0].name, source=SOURCE, templates=templates, subjects=subjects,
        pairs=pairs, searches=_searches(folder, places), which="central", subjects_inferred=not people,
    )  # fmt: skip


def read_ijb_tables(pairs: Path, tables: Sequence[Path], pictures: Path | None = None) -> Study:
    """A table of pairs of template ids, without a head, and the tables of templates that it is about.

    Raises:
        EyeError: a table lacks a column, or pairs name a template that no table has.
    """
    folder = pictures or tables[0].parent
    shots, people = dict[str, list[Shot]](), dict[str, str]()
    for table in tables:
        for row in _table(table):
            people[row["TEMPLATE_ID"]] = row["SUBJECT_ID"]
            shots.setdefault(row["TEMPLATE_ID"], []).append(_shot(row, folder, table))
    places = {name: at for at, name in enumerate(shots)}
    first, second, _ = _columns(pairs, _lines(pairs, 2), places)
    subjects = _subjects(places, people, first[:0], second[:0])
    templates = tuple(Template(name, tuple(own)) for name, own in shots.items())
    return Study(
        data=folder.name, split=pairs.name, source=SOURCE, templates=templates, subjects=subjects,
        pairs=Pairs(first, second, subjects[first] == subjects[second]),
    )  # fmt: skip


def _lists(folder: Path, what: str, ending: str = ".txt") -> list[Path]:
    return sorted([*folder.glob(f"*{what}*{ending}"), *folder.glob(f"meta/*{what}*{ending}")])


def _lines(file: Path, least: int) -> list[list[str]]:
    """Words of each line, between blanks or commas."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EyeError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error
    found = [line.replace(",", " ").split() for line in text.splitlines() if line.strip()]
    for number, words in enumerate(found, 1):
        if len(words) < least:
            raise EyeError(f"{file}, line {number}: {least} columns are expected, not {len(words)}")
    return [words[:least] for words in found]


def _columns(file: Path, rows: Sequence[list[str]], places: dict[str, int]) -> tuple[Int64, Int64, Flags]:
    unknown = next((name for row in rows for name in row[:2] if name not in places), None)
    if unknown is not None:
        raise EyeError(f"{file} names template {unknown}, which no list of templates has")
    first, second = (np.array([places[row[side]] for row in rows], np.int64) for side in (0, 1))
    return first, second, np.array([row[-1] == "1" for row in rows])


def _table(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = [
                {(name or "").strip().upper(): value for name, value in row.items()} for row in csv.DictReader(lines)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EyeError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error
    for name in ("TEMPLATE_ID", "SUBJECT_ID"):
        if rows and name not in rows[0]:
            raise EyeError(f"{file}: a table of templates has a column {name}")
    return rows


def _shot(row: dict[str, str], folder: Path, table: Path) -> Shot:
    name = next((row[column] for column in FILE_COLUMNS if row.get(column)), None)
    if name is None:
        raise EyeError(f"{table}: a table of templates has a column FILENAME or FILE")
    medium = next((row[column] for column in MEDIA_COLUMNS if row.get(column)), "")
    try:
        left, top, width, height = (float(row[column]) for column in BOX_COLUMNS)
    except (KeyError, ValueError):
        return Shot(folder / name, None, medium)
    return Shot(folder / name, (left, top, left + width, top + height), medium)


def _people_of(tables: Sequence[Path]) -> dict[str, str]:
    return {row["TEMPLATE_ID"]: row["SUBJECT_ID"] for table in tables for row in _table(table)}


def _subjects(places: dict[str, int], people: dict[str, str], first: Int64, second: Int64) -> Int64:
    """[T] numbers of people: by their ids where tables give them, and by mated pairs."""
    seen = dict[str, int]()
    ones = [places[name] for name in people if name in places]
    others = [seen.setdefault(people[name], places[name]) for name in people if name in places]
    return linked(len(places), np.concatenate([first, np.array(ones, np.int64)]),
                  np.concatenate([second, np.array(others, np.int64)]))  # fmt: skip


def _searches(folder: Path, places: dict[str, int]) -> tuple[tuple[str, SearchPlan], ...]:
    """A search of all probes in each gallery: open-set, for a probe's person is in one of the two only."""
    probes = _chosen(_lists(folder, "1N_probe", ".csv"), places)
    if not len(probes):
        return ()
    galleries = _lists(folder, "1N_gallery", ".csv")
    return tuple((file.stem, SearchPlan(_chosen([file], places), probes)) for file in galleries)


def _chosen(tables: Sequence[Path], places: dict[str, int]) -> Int64:
    names = dict.fromkeys(row["TEMPLATE_ID"] for table in tables for row in _table(table))
    return np.array([places[name] for name in names if name in places], np.int64)
