"""`eye face identify`: who of a gallery is in a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from compoundeye.cli._face_gallery import (
    By,
    Cut,
    Detector,
    Embedder,
    Json,
    Key,
    Place,
    Sources,
    Why,
    asker,
    box,
    opened,
    pipeline,
    pixels,
    reason,
    same_model,
    tell_failed,
    tell_point,
)
from compoundeye.cli._output import print_json, print_table
from compoundeye.cli._progress import progress

if TYPE_CHECKING:
    from compoundeye.apps.face import Analysis


def identify(
    gallery: Place,
    sources: Sources,
    why: Why = "",
    threshold: Cut = None,
    fpir: Annotated[
        float | None, typer.Option(help="Share of strangers who may be taken for somebody; told from the gallery.")
    ] = None,
    candidates: Annotated[int, typer.Option("--candidates", "-k", min=1, help="People at most for a face.")] = 5,
    named: Annotated[bool, typer.Option("--named", help="Only people with a name.")] = False,
    key: Key = None,
    by: By = "",
    detector: Detector = "yunet",
    embedder: Embedder = "sface",
    json: Json = False,
) -> None:
    """Say who of a gallery each face of some pictures may be; every search is written to the audit log.

    A list of candidates is a hint for a person who decides, not an answer. With neither --threshold nor --fpir the
    score that OpenCV publishes is taken; --fpir 0.003 finds the one that the gallery's own people show to be that
    seldom wrong, and says when they are too few to show it.

    Example:
      eye face identify staff.gallery visitor.jpg --why "who is at the door"
      eye face identify staff.gallery party/ --fpir 0.003 --why "pictures for those in them" --json
    """
    from compoundeye.apps.face import analyse, operating_point

    why, people = reason(why), opened(gallery, key)
    models = pipeline(detector, embedder)
    same_model(people, str(models.embedder.identity))
    point = operating_point(people, value=threshold, fpir=fpir)
    failed: list[Analysis] = []
    rows = list[dict[str, Any]]()
    with progress("faces") as tell:
        for one in analyse(sources, models, progress=tell):
            if one.found is None or one.quality is None:
                failed.append(one)
                continue
            if not len(one.found):
                continue
            found = people.identify(
                one.found.embeddings, threshold=point.value, k=candidates, named=named, by=asker(by), why=why
            )
            rows += [
                {"source": one.source, "box": pixels(one.found.faces.boxes[at]),
                 "quality": round(float(one.quality.overall[at]), 1), "candidates": who}
                for at, who in enumerate(found)
            ]  # fmt: skip
    if json:
        print_json({"threshold": point, "faces": rows,
                    "failed": [{"source": one.source, "reason": one.reason} for one in failed]})  # fmt: skip
        return
    tell_point(point)
    shown = list[list[Any]]()
    for row in rows:
        for candidate in row["candidates"] or [None]:
            told = (
                [None, None] if candidate is None else [candidate.name or f"person {candidate.person}", candidate.score]
            )
            shown.append([row["source"], box(row["box"]), row["quality"], *told])
    print_table(["picture", "face", "quality", "may be", "cosine"], shown)
    tell_failed(failed)
