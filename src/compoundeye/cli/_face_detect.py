"""`eye face detect`: where faces are, and how good they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from compoundeye.cli._face_gallery import Detector, Embedder, Json, Sources, box, pipeline, pixels
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

    told, rows = list[dict[str, Any]](), list[list[Any]]()
    crops, failed = [], list[tuple[str, str | None]]()
    with progress("faces") as tell:
        for one in analyse(sources, pipeline(detector, embedder), progress=tell):
            told += [described(one)] if json else []
            if one.found is None or one.quality is None:
                failed.append((one.source, one.reason))
                continue
            crops += list(one.found.crops) if output else []
            for at in range(len(one.found)):
                quality, faces = one.quality.row(at), one.found.faces
                rows.append([len(rows) + 1, one.source, box(faces.boxes[at]), float(faces.scores[at]),
                             round(quality["overall"]), round(quality["inter_eye_px"]),
                             round(quality["yaw"])])  # fmt: skip
    if output is not None:
        write_crop_sheet(output, crops, [str(number) for number in range(1, len(crops) + 1)])
    if json:
        print_json(told)
        return
    if rows:
        print_table(["face", "picture", "box", "sure", "quality", "eyes px", "yaw"], rows)
    for source, reason in failed:
        note(f"{source}: {reason}")
    note(f"faces found: {len(rows):,}")


def described(one: Analysis) -> dict[str, Any]:
    """One picture's faces as plain values."""
    faces = []
    if one.found is not None and one.quality is not None:
        found = one.found.faces
        faces = [
            {"box": pixels(found.boxes[at]), "score": float(found.scores[at]),
             "landmarks": pixels(found.landmarks[at]), "quality": one.quality.row(at)}
            for at in range(len(found))
        ]  # fmt: skip
    return {"source": one.source, "picture": one.picture, "width": one.size[0], "height": one.size[1],
            "faces": faces, "reason": one.reason}  # fmt: skip
