"""`eye evaluate`: tracks beside the truth, by the field's metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from compoundeye.cli._output import print_json, print_table
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from compoundeye.evaluate import Comparison

SHOWN = ("HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDSW", "Frag", "FP", "FN", "MT", "ML")
TOGETHER = "all"


def evaluate(
    tracks: Annotated[list[Path], typer.Argument(metavar="TRACKS.txt...", help="Tracks, one file a sequence.")],
    truth: Annotated[
        list[Path],
        typer.Option(metavar="GT.txt", help="Ground truth; once for each file of tracks, in the same order."),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Measure how well tracks follow the truth: HOTA, MOTA, IDF1 and their parts.

    All are text files in the format of the MOTChallenge; what a ground truth marks as not counted is not.
    Figures equal TrackEval's. Several sequences are measured one by one and together.

    Example:
      eye evaluate tracks.txt --truth gt/gt.txt
      eye evaluate a.txt b.txt --truth a/gt.txt --truth b/gt.txt --json
    """
    if len(tracks) != len(truth):
        raise EyeError(f"{len(tracks)} files of tracks and {len(truth)} of truth: give --truth once for each, in order")
    compared = [_compared(*pair) for pair in zip(truth, tracks, strict=True)]
    rows = [(str(path), _figures([one])) for path, one in zip(tracks, compared, strict=True)]
    if len(compared) > 1:
        rows.append((TOGETHER, _figures(compared)))
    if json:
        print_json([{"tracks": name, **figures} for name, figures in rows])
    else:
        print_table(["tracks", *SHOWN], [[name, *(figures[one] for one in SHOWN)] for name, figures in rows])


def _compared(truth: Path, tracks: Path) -> Comparison:
    try:
        from compoundeye.video import mot_truth, read_mot
    except ModuleNotFoundError as missing:
        raise EyeError(
            f"reading tracks needs {missing.name}, which is not installed: pip install 'compoundeye[video]'"
        ) from missing
    from compoundeye.evaluate import Trajectories, compare

    trajectories, counted, unblamed = mot_truth(read_mot(truth))
    found = read_mot(tracks)
    try:
        return compare(
            trajectories,
            Trajectories(found.frames, found.ids, found.boxes),
            counted=counted,
            distractors=unblamed,
        )
    except EyeError as mistake:
        raise EyeError(f"{tracks} beside {truth}: {mistake}") from mistake


def _figures(compared: Sequence[Comparison]) -> dict[str, Any]:
    from compoundeye.evaluate import clear, hota, identity

    return hota(*compared).summary() | clear(*compared).summary() | identity(*compared).summary()
