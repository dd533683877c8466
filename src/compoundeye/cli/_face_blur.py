"""`eye face blur`: faces of a picture or a video made unrecognisable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from compoundeye.cli._face_gallery import By, Cut, Json, Key, Why, asker, opened, reason, tell_point
from compoundeye.cli._output import note, print_json, say
from compoundeye.cli._progress import progress
from compoundeye.records import EyeError


def blur(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A picture or a video.")],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help=".jpg, .png, .webp; .mp4, .mov, .mkv for a video.")],
    how: Annotated[
        Literal["pixelate", "blur", "cover"], typer.Option(help="cover: nothing at all can be guessed from it.")
    ] = "pixelate",
    keep: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Leave this person as is; needs --gallery. Repeatable.")
    ] = None,
    gallery: Annotated[Path | None, typer.Option(metavar="GALLERY", help="Says who is who.")] = None,
    why: Why = "",
    threshold: Cut = None,
    fpir: Annotated[float | None, typer.Option(help="Share of strangers who may be left unhidden.")] = None,
    key: Key = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Write a picture or a video in which faces are unrecognisable, or all but those of named people.

    Look at the result: what no detector finds is not hidden. Sound and all that a picture carries beside its pixels
    are left out.

    Example:
      eye face blur street.jpg street-safe.jpg
      eye face blur party.mp4 party-safe.mp4 --keep Anna --gallery family.gallery --why "Anna's own copy"
    """
    try:
        from compoundeye.apps.face import blur as blur_faces
    except ModuleNotFoundError as missing:
        raise EyeError(f"blurring needs {missing.name}: pip install 'compoundeye[video]'") from missing
    from compoundeye.apps.face import naming, operating_point

    if keep and gallery is None:
        raise EyeError(f"to leave {', '.join(keep)} unhidden, name the gallery that knows them: --gallery")
    names = None
    if keep and gallery is not None:
        why, known = reason(why), opened(gallery, key)
        for one in keep:
            known.person(one)
        point = operating_point(known, value=threshold, fpir=fpir)
        if not json:
            tell_point(point)
        names = naming(known, point.value, by=asker(by), why=why)
    with progress("blur", unit="frames") as tell:
        done = blur_faces(source, target, how=how, keep=keep or (), who=names, progress=tell)
    if json:
        print_json(done)
        return
    kept = f", {', '.join(done.kept)} left as they are" if done.kept else ""
    say(f"{done.hidden:,} of {done.faces:,} faces hidden in {done.frames:,} frames{kept}: {target}")
    note("Look at it: a face that no detector finds is not hidden.")
