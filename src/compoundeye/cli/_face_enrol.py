"""`eye face enrol`: pictures of somebody, kept under the name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from compoundeye.cli._face_gallery import (
    By,
    Detector,
    Embedder,
    Json,
    Key,
    Place,
    Sources,
    asker,
    opened_or_new,
    pipeline,
    same_model,
    who,
)
from compoundeye.cli._output import note, print_json, say
from compoundeye.cli._progress import progress
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from compoundeye.apps.face import Analysis


def enrol(
    gallery: Place,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who it is: a name, new or known, or a number.")],
    sources: Sources,
    purpose: Annotated[str, typer.Option(help="What the faces are kept for.")] = "",
    consent: Annotated[
        bool | None, typer.Option("--consent/--no-consent", help="Whether the person agreed; kept with each face.")
    ] = None,
    largest: Annotated[
        bool, typer.Option("--largest", help="Of several faces in a picture take the largest; else it is left out.")
    ] = False,
    min_quality: Annotated[float, typer.Option(min=0, max=100, help="Leave out faces of less quality.")] = 0,
    key: Key = None,
    by: By = "",
    detector: Detector = "yunet",
    embedder: Embedder = "sface",
    json: Json = False,
) -> None:
    """Keep somebody's faces in a gallery, under the name. A gallery that is not there is made, with its key.

    Three to five pictures that differ in light and pose do better than one. A picture that shows several people is
    left out, for nobody said which of them it is; so is one that was enrolled for this person before.

    Example:
      eye face enrol staff.gallery Anna anna/*.jpg --consent --purpose "opening the door"
    """
    from compoundeye.apps.face import analyse

    if consent is None:
        raise EyeError("say whether the person agreed to be enrolled: --consent or --no-consent")
    if not purpose.strip():
        raise EyeError('say what the faces are kept for: --purpose "..."')
    people = opened_or_new(gallery, key, by)
    person = who(name)
    models = pipeline(detector, embedder)
    made_by = str(models.embedder.identity)
    same_model(people, made_by)
    # A name that nobody has yet is a new person; a number, or a name that several have, is a mistake.
    known = isinstance(person, int) or any(one.name == person for one in people.people(named=True))
    before = {face.picture for face in people.faces(person)} if known else set[str]()
    taken, left = 0, list[tuple[str, str]]()
    with progress("faces") as tell:
        for one in analyse(sources, models, progress=tell):
            said = "enrolled before" if one.picture in before else _unfit(one, largest, min_quality)
            if said is not None:
                left.append((one.source, said))
                continue
            people.enrol(person, one.sightings(made_by)[one.largest()], consent=consent, purpose=purpose, by=asker(by))
            before.add(one.picture)
            taken += 1
    if not taken and not before:
        for source, said in left:
            note(f"{source}: {said}")
        raise EyeError(f"none of {len(left):,} pictures can be enrolled as {name}; the lines above say why")
    result = people.person(person)
    if json:
        print_json({"person": result, "enrolled": taken, "left_out": [{"source": s, "reason": r} for s, r in left]})
        return
    for source, said in left:
        note(f"{source}: {said}")
    say(f"{taken:,} of {taken + len(left):,} pictures enrolled: person {result.id}, {name}, has {result.faces:,} faces")


def _unfit(one: Analysis, largest: bool, min_quality: float) -> str | None:
    """Why a picture cannot be enrolled; None: it can."""
    at = one.largest()
    if one.found is None or one.quality is None:
        return one.reason or "cannot be looked at"
    if at is None:
        return "no face found"
    if len(one.found) > 1 and not largest:
        return f"{len(one.found)} faces, and nobody said which one (--largest takes the largest)"
    if one.quality.overall[at] < min_quality:
        return f"quality {one.quality.overall[at]:.0f} is below {min_quality:g}"
    return None
