"""Lists of pairs: a CSV of one's own, and the pairs.txt of Labeled Faces in the Wild."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from compoundeye.apps.face._study import Pairs, Shot, Study, Template, linked
from compoundeye.records import EyeError

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".gif", ".jp2")

YES, NO = ("1", "true", "yes", "same"), ("0", "false", "no", "different", "-1")
COLUMNS = ("path_a", "path_b", "same")

LFW_SOURCE = "Huang and others, Labeled Faces in the Wild, University of Massachusetts report 07-49 (2007)"
OWN_SOURCE = "ISO/IEC 19795-1:2021"


class Templates:
    """Templates of single pictures, each once."""

    def __init__(self) -> None:
        self.all = list[Template]()
        self._places = dict[str, int]()

    def place(self, name: str, path: Path, group: str = "") -> int:
        """Where the template of this picture is in the list."""
        at = self._places.setdefault(name, len(self.all))
        if at == len(self.all):
            self.all.append(Template(name, (Shot(path),), group))
        return at


def read_csv_pairs(file: Path, folder: Path | None = None) -> Study:
    """Columns path_a, path_b, same; and, if there, fold, group, group_a and group_b, subject_a and subject_b, score.

    Paths are relative to the file's folder unless another is named. With scores no picture is looked at.

    Raises:
        EyeError: a column is missing, or a line makes no sense; it is named.
    """
    rows = list(_rows(file))
    if not rows:
        raise EyeError(f"{file}: there are no pairs in it")
    templates, folder = Templates(), folder or file.parent
    first = np.array([templates.place(row["path_a"], folder / row["path_a"], _group(row, "a")) for row in rows])
    second = np.array([templates.place(row["path_b"], folder / row["path_b"], _group(row, "b")) for row in rows])
    same = np.array([_same(row, file, number) for number, row in enumerate(rows, 2)])
    named = "subject_a" in rows[0] and "subject_b" in rows[0]
    links = _named_links(rows, first, second) if named else (first[same], second[same])
    subjects = linked(len(templates.all), *links)
    _consistent(file, same, subjects[first] == subjects[second])
    folds = np.unique([row["fold"] for row in rows], return_inverse=True)[1] if "fold" in rows[0] else None
    groups = tuple(row["group"] for row in rows) if "group" in rows[0] else None
    scores = np.array([_score(row, file, at) for at, row in enumerate(rows, 2)]) if "score" in rows[0] else None
    return Study(
        data=file.name, split=f"all {len(rows)} pairs", source=OWN_SOURCE, templates=tuple(templates.all),
        subjects=subjects, pairs=Pairs(first, second, same, folds, groups), scores=scores,
        subjects_inferred=not named,
    )  # fmt: skip


def _rows(file: Path) -> Iterator[Mapping[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise EyeError(f"{file}: its first line must name the columns path_a,path_b,same; without {missing[0]}")
            for number, row in enumerate(reader, 2):
                if None in row or None in row.values():
                    raise EyeError(f"{file}, line {number}: not as many columns as in the first line")
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EyeError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error


def _group(row: Mapping[str, str], side: str) -> str:
    return row.get(f"group_{side}") or ""


def _same(row: Mapping[str, str], file: Path, number: int) -> bool:
    word = row["same"].strip().lower()
    if word not in YES + NO:
        raise EyeError(f"{file}, line {number}: same is {row['same']!r}; write 1 or 0")
    return word in YES


def _score(row: Mapping[str, str], file: Path, number: int) -> float:
    try:
        score = float(row["score"] or "nan")
    except ValueError:
        score = math.inf
    if math.isinf(score):
        raise EyeError(f"{file}, line {number}: score is {row['score']!r}; write a number, or nothing where none is")
    return score


def _named_links(
    rows: list[Mapping[str, str]], first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Each template linked to the first one of its person."""
    ones, others, seen = list[int](), list[int](), dict[str, int]()
    for row, a, b in zip(rows, first.tolist(), second.tolist(), strict=True):
        for side, at in (("a", a), ("b", b)):
            ones.append(at)
            others.append(seen.setdefault(row[f"subject_{side}"], at))
    return np.array(ones), np.array(others)


def _consistent(file: Path, same: np.ndarray, linked_too: np.ndarray) -> None:
    wrong = np.flatnonzero(same != linked_too)
    if len(wrong):
        says = "two people, whom other lines make one" if not same[wrong[0]] else "one person, but names two"
        raise EyeError(f"{file}, line {wrong[0] + 2}: it says {says}; correct one of them")


def is_lfw(file: Path) -> bool:
    """Whether a file begins as LFW's do: with the number of folds and of pairs in each, of pairs alone, or a pair."""
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            head = lines.readline().split()
    except OSError:
        return False
    return _is_head(head) or _is_pair(head)


def _is_head(words: list[str]) -> bool:
    return len(words) in (1, 2) and all(word.isdecimal() for word in words)


def _is_pair(words: list[str]) -> bool:
    return len(words) in (3, 4) and words[1].isdecimal() and words[-1].isdecimal()


def read_lfw_pairs(file: Path, folder: Path | None = None) -> Study:
    """pairs.txt, or pairsDevTest.txt: in each fold n mated pairs ``name i j``, then n others ``name i name j``.

    A copy without its first line, which some projects carry, has no folds.

    Args:
        folder: where ``name/name_0001.jpg`` are; else beside the file or in a folder ``lfw...`` beside it.

    Raises:
        EyeError: a line makes no sense, or lines are missing.
    """
    body = _lfw_lines(file)
    head = [int(word) for word in body.pop(0)] if _is_head(body[0]) else []
    folds, each = (1, 0) if not head else head if len(head) == 2 else (1, head[0])
    if head and len(body) != 2 * folds * each:
        raise EyeError(f"{file}: {2 * folds * each} pairs are announced and {len(body)} there; fetch it again")
    for number, words in enumerate(body):
        kind = len(words) if not head else 3 if number % (2 * each) < each else 4
        if not _is_pair(words) or len(words) != kind:
            raise EyeError(f"{file}, pair {number + 1}: {' '.join(words)!r} is none of LFW's")
    folder = folder or _lfw_folder(file.parent, body[0][0])
    templates, people = Templates(), dict[str, int]()
    subjects, pairs = list[int](), list[tuple[int, int]]()
    for words in body:
        sides = ((words[0], words[1]), (words[-2] if len(words) == 4 else words[0], words[-1]))
        places = [templates.place(*_lfw_picture(folder, *side)) for side in sides]
        for (name, _), at in zip(sides, places, strict=True):
            if at == len(subjects):
                subjects.append(people.setdefault(name, len(people)))
        pairs.append((places[0], places[1]))
    first, second = np.array(pairs, np.int64).T
    who = np.array(subjects, np.int64)
    numbers = np.arange(len(body)) // max(2 * each, 1) if folds > 1 else None
    return Study(
        data="Labeled Faces in the Wild", split=file.name, source=LFW_SOURCE, templates=tuple(templates.all),
        subjects=who, pairs=Pairs(first, second, who[first] == who[second], numbers), which="central",
    )  # fmt: skip


def _lfw_lines(file: Path) -> list[list[str]]:
    try:
        return [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise EyeError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error


def _lfw_folder(beside: Path, name: str) -> Path:
    for folder in (beside, *sorted(beside.glob("lfw*/"))):
        if (folder / name).is_dir():
            return folder
    raise EyeError(f"no folder {name} beside {beside}: say where LFW's pictures are with --pictures")


def _lfw_picture(folder: Path, name: str, number: str) -> tuple[str, Path]:
    stem = f"{name}/{name}_{int(number):04d}"
    found = next((folder / (stem + end) for end in PICTURES if (folder / (stem + end)).exists()), None)
    return stem, found or folder / f"{stem}.jpg"
