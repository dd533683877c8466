"""`eye face detect`: where faces are, and how good they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from compoundeye.cli._face_gallery import Detector, Embedder, Json, Sources, box, pipeline, tell_failed
from compoundeye.cli._output import note, print_json, print_table
from compoundeye.cli._progress import progress

if TYPE_CHECKING:
    from compoundeye.apps.face import Analysis


def detect(
    sources: Sources,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="SHEET.png", help="Write the aligned faces as one picture.")
    ] = None,
    detector: Detector = "yunet",
    embedder: Embedder = "sface",
    json: Json = False,
) -> None:
    """Find faces: boxes, landmarks, quality, pose. Nothing is kept.

    Quality is 0 (useless) to 100; what it is made of is in --json. Angles are degrees, sizes pixels of the picture.

    Example:
      eye face detect group-photo.jpg -o faces.png
      eye face detect ~/Pictures --json
    """
    from compoundeye.apps.face import analyse, write_crop_sheet

    with progress("faces") as tell:
        looked = list(analyse(sources, pipeline(detector, embedder), progress=tell))
    if output is not None:
        crops = [crop for one in looked if one.found for crop in one.found.crops]
        write_crop_sheet(output, crops, [str(number) for number in range(1, len(crops) + 1)])
    if json:
        print_json([described(one) for one in looked])
        return
    rows, number = list[list[Any]](), 0
    for one in looked:
        if one.found is None or one.quality is None:
            continue
        for at in range(len(one.found)):
            number += 1
            quality = one.quality.row(at)
            rows.append([number, one.source, box(one.found.faces.boxes[at]), float(one.found.faces.scores[at]),
                         round(quality["overall"]), round(quality["inter_eye_px"]), round(quality["yaw"])])  # fmt: skip
    if rows:
        print_table(["face", "picture", "box", "sure", "quality", "eyes px", "yaw"], rows)
    tell_failed([one for one in looked if one.found is None])
    note(f"{number:,} faces in {sum(one.found is not None for one in looked):,} pictures")


def described(one: Analysis) -> dict[str, Any]:
    """One picture's faces as plain values."""
    faces = []
    if one.found is not None and one.quality is not None:
        found = one.found.faces
        faces = [
            {"box": found.boxes[at].round(2), "score": float(found.scores[at]),
             "landmarks": found.landmarks[at].round(2), "quality": one.quality.row(at)}
            for at in range(len(found))
        ]  # fmt: skip
    return {"source": one.source, "picture": one.picture, "width": one.size[0], "height": one.size[1],
            "faces": faces, "reason": one.reason}  # fmt: skip
