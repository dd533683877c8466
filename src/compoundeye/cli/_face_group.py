"""`eye face group`: whose faces an archive holds, without a name said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from compoundeye.cli._face_gallery import (
    By,
    Cut,
    Detector,
    Embedder,
    Json,
    Key,
    Place,
    Why,
    asker,
    opened_or_new,
    pipeline,
    reason,
    same_model,
    tell_failed,
    tell_point,
)
from compoundeye.cli._output import note, print_json, print_table
from compoundeye.cli._progress import progress
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from compoundeye.apps.face import Analysis, FacePipeline, Gallery


def group(
    gallery: Place,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PICTURES...]", help="Pictures whose faces are added first: files, folders, a corpus."),
    ] = None,
    why: Why = "",
    purpose: Annotated[str, typer.Option(help="What added faces are kept for.")] = "",
    consent: Annotated[bool, typer.Option("--consent/--no-consent", help="Whether those on them agreed.")] = False,
    threshold: Cut = None,
    fpir: Annotated[
        float | None, typer.Option(help="Share of faces that may join somebody else's; told from known people.")
    ] = None,
    min_quality: Annotated[float, typer.Option(min=0, max=100, help="Do not add faces of less quality.")] = 10,
    key: Key = None,
    by: By = "",
    detector: Detector = "yunet",
    embedder: Embedder = "sface",
    json: Json = False,
) -> None:
    """Put the faces of a gallery together by person. What somebody said (name, merge, split) stays as it is.

    Two faces of one picture are two people. Groups get numbers; `eye face name` gives them names. Pictures that the
    gallery has faces of are not looked at again, so that the same command goes on after a stop.

    Example:
      eye face group family.gallery ~/Pictures --purpose "our album" --why "sort by person"
      eye face group family.gallery --threshold 0.45 --why "fewer strangers together"
    """
    from compoundeye.apps.face import group_gallery, operating_point

    why = reason(why)
    if sources and not purpose.strip():
        raise EyeError('say what the added faces are kept for: --purpose "..."')
    people = opened_or_new(gallery, key, by)
    added = 0
    failed: list[Analysis] = []
    if sources:
        models = pipeline(detector, embedder)
        same_model(people, str(models.embedder.identity))
        added, failed = _add(people, sources, models, min_quality, consent, purpose, asker(by))
    faces = len(people.known().faces)
    point = operating_point(people, value=threshold, fpir=fpir, among=max(faces, 1))
    groups = group_gallery(people, threshold=point.value, by=asker(by), why=why)
    alone = int((people.known().people < 0).sum())
    if json:
        print_json({"threshold": point, "added": added, "faces": faces, "alone": alone, "people": groups,
                    "failed": [{"source": one.source, "reason": one.reason} for one in failed]})  # fmt: skip
        return
    tell_point(point)
    print_table(["person", "name", "faces"], [[str(one.id), one.name, one.faces] for one in groups])
    tell_failed(failed)
    note(f"{added:,} faces added; {faces:,} in all: {len(groups):,} people, {alone:,} faces that are like no other")


def _add(
    people: Gallery, sources: list[str], models: FacePipeline, least: float, consent: bool, purpose: str, by: str
) -> tuple[int, list[Analysis]]:
    """Keep the faces of pictures that the gallery has none of; how many, and which pictures failed."""
    from compoundeye.apps.face import analyse

    before = {face.picture for face in people.faces()}
    added = 0
    failed: list[Analysis] = []
    with progress("faces") as tell:
        for one in analyse(sources, models, skip=before, progress=tell):
            if one.quality is None:
                failed.append(one)
                continue
            new = one.sightings(str(models.embedder.identity))[one.quality.overall >= least]
            if len(new) and one.picture not in before:
                added += len(people.add(new, purpose=purpose, by=by, consent=consent))
                before.add(one.picture)
    return added, failed
