"""`eye track`: from a detector's boxes to tracks, in the format of the MOTChallenge."""

from __future__ import annotations

import configparser
import os
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from compoundeye.cli._output import note, print_json, print_table
from compoundeye.records import EyeError, Tracks

if TYPE_CHECKING:
    from compoundeye.video import MotBoxes, Tracker

RATE = 30.0


def track(
    source: Annotated[Path, typer.Argument(metavar="DET.txt", help="Detections: frame, -1, left, top, w, h, score.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where tracks go; stdout if not given.")] = None,
    name: Annotated[str, typer.Option("--tracker", help="bytetrack, ocsort or sort.")] = "bytetrack",
    rate: Annotated[
        float | None,
        typer.Option(min=0.01, help="Frames a second; if not given, seqinfo.ini's, or 30."),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the tracker: --set lost_s=2. May be repeated."),
    ] = None,
    truth: Annotated[Path | None, typer.Option(metavar="GT.txt", help="Ground truth: print HOTA, MOTA, IDF1.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON (-o takes the tracks).")] = False,
) -> None:
    """Follow whom a detector found: boxes in, tracks out.

    Both are text files in the format of the MOTChallenge. Equal input gives equal output.

    Example:
      eye track det/det.txt -o tracks.txt
      eye track det/det.txt -o tracks.txt --tracker ocsort --truth gt/gt.txt
      eye track det/det.txt --rate 12.5 --set lost_s=2 --set sure_score=0.4 > tracks.txt
    """
    try:
        from compoundeye.video import mot_detections, read_mot, tracker, write_mot
    except ModuleNotFoundError as missing:
        raise EyeError(
            f"tracking needs {missing.name}, which is not installed: pip install 'compoundeye[video]'"
        ) from missing
    read = read_mot(source)
    told = rate or _announced(source)
    follow = tracker(name, _settings(change or ()))
    answer = read_mot(truth) if truth else None  # a mistake is told before the work
    begin = time.process_time()
    tracked = list(_followed(follow, mot_detections(read), told or RATE))
    spent = time.process_time() - begin
    facts: dict[str, Any] = {
        "tracker": name,
        "frames": len(tracked),
        "rate": told or RATE,
        "detections": len(read),
        "boxes": sum(len(tracks.ids) for _, tracks in tracked),
        "ids": max((int(tracks.ids.max(initial=0)) for _, tracks in tracked), default=0),
        "cpu_s": round(spent, 3),
    }
    if answer is not None:
        facts |= _figures(answer, tracked)
    if output is not None:
        with _whole(output) as file:
            write_mot(file, tracked)
    elif not json and truth is None:
        write_mot(sys.stdout, tracked)
    if told is None:
        note(f"Frames a second are not known: {RATE:g} are taken (--rate says otherwise).")
    if json:
        print_json(facts)
    elif truth is not None:
        print_table(list(facts), [list(facts.values())])
    else:
        note("{boxes:,} boxes of {ids:,} tracks in {frames:,} frames, {cpu_s:g} s of processor time".format(**facts))


def _followed(follow: Tracker, found: Iterator[tuple[int, Any]], rate: float) -> Iterator[tuple[int, Tracks]]:
    for frame, detections in found:
        yield frame, follow.update(detections, frame / rate)


def _announced(source: Path) -> float | None:
    """The rate that a sequence of the MOTChallenge announces: seqinfo.ini is beside det.txt's folder, or beside it."""
    for folder in (source.parent, source.parent.parent):
        parser = configparser.ConfigParser()
        try:
            parser.read(folder / "seqinfo.ini", encoding="utf-8")
            rate = parser.getfloat("Sequence", "frameRate")
        except (configparser.Error, UnicodeDecodeError, ValueError):
            continue
        return rate if rate > 0 else None
    return None


def _settings(changes: Sequence[str]) -> dict[str, Any]:
    settings = dict[str, Any]()
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise EyeError(f"--set {change}: write KEY=VALUE")
        try:
            settings[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            settings[key.strip()] = value
    return settings


def _figures(answer: MotBoxes, tracked: list[tuple[int, Tracks]]) -> dict[str, float]:
    import numpy as np

    from compoundeye.evaluate import Trajectories, clear, compare, hota, identity
    from compoundeye.video import mot_truth

    ours = Trajectories(
        np.repeat([frame for frame, _ in tracked], [len(tracks.ids) for _, tracks in tracked]).astype(np.int64),
        np.concatenate([np.empty(0, np.int64), *(tracks.ids for _, tracks in tracked)]),
        np.concatenate([np.empty((0, 4)), *(tracks.boxes for _, tracks in tracked)]),
    )
    trajectories, counted, unblamed = mot_truth(answer)
    compared = compare(trajectories, ours, counted=counted, distractors=unblamed)
    of_clear = clear(compared)
    return {
        "HOTA": round(hota(compared).summary()["HOTA"], 4),
        "MOTA": round(of_clear.mota, 4),
        "IDF1": round(identity(compared).f1, 4),
        "switches": of_clear.switches,
    }


@contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    """A text file that is there whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(part, "w", encoding="utf-8") as file:
            yield file
        os.replace(part, path)
    except OSError as error:
        raise EyeError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
