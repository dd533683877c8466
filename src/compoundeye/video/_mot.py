"""Boxes as the MOTChallenge writes them: one a line, comma-separated, frames and ids from 1.

Detections are ``frame, -1, left, top, width, height, score, ...``; tracks and ground truth have an id in place of -1;
a ground truth of MOT16 and later has there whether the box counts, then its class and its visibility. The format's
first pixel is 1; boxes are read and written as they stand, so that a result lies on the truth it is compared with.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TextIO

import numpy as np
import numpy.typing as npt

from compoundeye.evaluate import Trajectories
from compoundeye.records import Detections, EyeError, Tracks

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

NAMES = ("person",)
"""The format itself knows one class; what else a file of detections holds is not told apart."""
FEWEST, MOST = 6, 10
"""Numbers in a line that are read: the score may be missing; what follows the tenth is not looked at."""


@dataclass(frozen=True, slots=True)
class MotBoxes:
    """The lines of a file, in order of frames; within a frame in the order of the file."""

    frames: Int64
    """[N] from 1."""
    ids: Int64
    """[N]; -1 of a detection."""
    boxes: Float64
    """[N, 4] left, top, right, bottom in pixels."""
    scores: Float64
    """[N] as written: 1 where a line has none, 0 in a ground truth's lines that do not count."""
    extra: Float64
    """[N, 3] what follows, such as class and visibility; -1 where a line has less."""

    def __len__(self) -> int:
        return len(self.frames)


def read_mot(path: str | os.PathLike[str]) -> MotBoxes:
    """A file of detections, tracks or ground truth.

    Raises:
        EyeError: it cannot be read, or a line is not of the format; the message names the line.
    """
    try:
        with open(path, encoding="utf-8") as file:
            rows = [row for number, line in enumerate(file, 1) if (row := _row(line, f"{path}, line {number}"))]
    except OSError as error:
        raise EyeError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise EyeError(f"{path} is not a text file: MOT files hold comma-separated numbers") from error
    table = np.asarray(rows, np.float64).reshape(-1, MOST)
    table = table[np.argsort(table[:, 0], kind="stable")]
    boxes = table[:, 2:6].copy()
    boxes[:, 2:] += boxes[:, :2]
    return MotBoxes(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), boxes, table[:, 6], table[:, 7:10])


def _row(line: str, where: str) -> list[float] | None:
    if not line.strip():
        return None
    parts = line.replace(",", " ").split()
    if len(parts) < FEWEST:
        raise EyeError(f"{where}: {len(parts)} numbers; at least {FEWEST} are needed: frame, id, left, top, w, h")
    try:
        row = [float(part) for part in parts[:MOST]]
    except ValueError as error:
        raise EyeError(f"{where}: {error}") from error
    if not np.isfinite(row).all():
        raise EyeError(f"{where}: a number is not finite")
    if row[0] < 1 or row[0] != int(row[0]):
        raise EyeError(f"{where}: frame {parts[0]}; frames are whole numbers from 1")
    return row + [1.0] * (len(row) == FEWEST) + [-1.0] * (MOST - max(len(row), FEWEST + 1))


def detections(read: MotBoxes) -> Iterator[tuple[int, Detections]]:
    """Each frame's detections, from frame 1 to the last one, empty ones too.

    Scores outside 0..1, as some detectors of the MOTChallenge give, are scaled so that the file's span 0..1. Where all
    are -1, which stands for "no score", all detections are believed.
    """
    scores = read.scores
    if len(scores) and (scores.min() < 0 or scores.max() > 1):
        span = float(np.ptp(scores))
        scores = (scores - scores.min()) / span if span else np.ones_like(scores)
    last = int(read.frames[-1]) if len(read) else 0
    edges = np.searchsorted(read.frames, np.arange(1, last + 2))
    boxes, kept = read.boxes.astype(np.float32), scores.astype(np.float32)
    for frame in range(1, last + 1):
        which = slice(edges[frame - 1], edges[frame])
        count = edges[frame] - edges[frame - 1]
        yield frame, Detections(boxes[which], kept[which], np.zeros(count, np.int32), NAMES)


def write_mot(file: TextIO, tracked: Iterable[tuple[int, Tracks]]) -> int:
    """Write whom a tracker told, frame by frame. Gives the lines written.

    Boxes that it predicted for a moment in which the detector missed somebody are among them: as results go, they are.
    """
    lines = 0
    for frame, tracks in tracked:
        for who, (left, top, right, bottom), score in zip(
            tracks.ids.tolist(), tracks.boxes.tolist(), tracks.scores.tolist(), strict=True
        ):
            box = f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}"
            file.write(f"{frame},{who},{box},{score:.4f},-1,-1,-1\n")
            lines += 1
    return lines


# Milan et al. 2016 (MOT16, arXiv 1603.00831), table 3: pedestrians are followed; nobody is blamed for following a
# person on a vehicle, a static person, a distractor or a reflection.
FOLLOWED = 1
UNBLAMED = (2, 7, 8, 12)
CLASSES = range(1, 14)


def truth_of(read: MotBoxes) -> tuple[Trajectories, Bool, Bool]:
    """A ground truth as ``evaluate.compare`` takes it: trajectories, what counts, and what nobody is blamed for.

    Files before MOT16 have no classes: there, all lines count whose score is not 0. A file has them if the eighth
    number of every line is one of the 13 classes and the ninth a share; 3D positions, as the sequences of 2015 have
    them there, are neither.
    """
    of, visible = read.extra[:, 0], read.extra[:, 1]
    classed = bool(len(read)) and bool(np.isin(of, CLASSES).all() and ((visible >= 0) & (visible <= 1)).all())
    counted = read.scores != 0
    unblamed = np.isin(of, UNBLAMED) if classed else np.zeros(len(read), np.bool_)
    return Trajectories(read.frames, read.ids, read.boxes), counted & (of == FOLLOWED) if classed else counted, unblamed
