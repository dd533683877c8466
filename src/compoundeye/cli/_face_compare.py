"""`eye face compare`: whether two pictures show one person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compoundeye.cli._face_gallery import (
    FEW_PX,
    Cut,
    Detector,
    Embedder,
    Json,
    Key,
    box,
    opened,
    pipeline,
    pixels,
    same_model,
    tell_point,
)
from compoundeye.cli._output import note, print_json, print_table
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from compoundeye.apps.face import Found, Quality


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="A picture.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another picture.")],
    every: Annotated[bool, typer.Option("--all", help="All faces of both; else the largest of each.")] = False,
    threshold: Cut = None,
    fmr: Annotated[
        float | None, typer.Option(help="Share of pairs of two people that may match; told from --gallery.")
    ] = None,
    gallery: Annotated[Path | None, typer.Option(metavar="GALLERY", help="Known people, for --fmr.")] = None,
    key: Key = None,
    detector: Detector = "yunet",
    embedder: Embedder = "sface",
    json: Json = False,
) -> None:
    """Say whether two pictures show one person, by the cosine of two faces. Nothing is kept.

    "yes" means: at or above the threshold. It is no probability, and twins and children are taken for each other.

    Example:
      eye face compare passport.jpg door.jpg
      eye face compare a.jpg b.jpg --all --fmr 1e-4 --gallery staff.gallery
    """
    from compoundeye.apps.face import analyse, operating_point

    known = None if gallery is None else opened(gallery, key)
    models = pipeline(detector, embedder)
    if known is not None:
        same_model(known, str(models.embedder.identity))
    point = operating_point(known, value=threshold, fmr=fmr)
    both = list(analyse([first, second], models))
    if len(both) != 2:
        raise EyeError("two pictures are compared: name two files, no folders")
    sides: list[tuple[Found, Quality, list[int]]] = []
    for one in both:
        if one.found is None or one.quality is None:
            raise EyeError(f"{one.source}: {one.reason}")
        largest = one.largest()
        if largest is None:
            raise EyeError(f"{one.source}: no face found; name a picture in which a face is seen from the front")
        sides.append((one.found, one.quality, list(range(len(one.found))) if every else [largest]))
    (left, quality_a, lefts), (right, quality_b, rights) = sides
    scores = left.embeddings @ right.embeddings.T
    pairs = sorted(((float(scores[a, b]), a, b) for a in lefts for b in rights), reverse=True)
    rows = [
        {
            "a": pixels(left.faces.boxes[a]), "b": pixels(right.faces.boxes[b]),
            "quality_a": quality_a.row(a)["overall"], "quality_b": quality_b.row(b)["overall"],
            "score": score, "same": score >= point.value,
        }
        for score, a, b in pairs
    ]  # fmt: skip
    if json:
        print_json({"a": both[0].source, "b": both[1].source, "threshold": point, "pairs": rows})
        return
    tell_point(point)
    shown = [
        [row["same"], row["score"], box(row["a"]), row["quality_a"], box(row["b"]), row["quality_b"]] for row in rows
    ]
    print_table(["one person", "cosine", "face in A", "quality", "face in B", "quality"], shown)
    if min(float(quality.inter_eye_px[at]) for _, quality, chosen in sides for at in chosen) < FEW_PX:
        note(f"note: a face has fewer than {FEW_PX} pixels between the eyes: its score says little")
