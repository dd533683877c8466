"""`eye face not-this-person`: a face is not who it was taken for."""

from __future__ import annotations

from typing import Annotated

import typer

from compoundeye.cli._face_gallery import By, Json, Key, Place, asker, opened, who
from compoundeye.cli._output import print_json, say


def not_this_person(
    gallery: Place,
    face: Annotated[int, typer.Argument(metavar="FACE", help="Its number, as `eye face people` shows.")],
    person: Annotated[str, typer.Argument(metavar="WHO", help="Who it is not: number or name.")],
    key: Key = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Say that a face is not that person's, however alike they look; grouping never gives it back.

    Example:
      eye face not-this-person family.gallery 31 Anna
    """
    known = opened(gallery, key)
    known.not_this_person(face, who(person), by=asker(by))
    if json:
        print_json(known.face(face))
    else:
        say(f"face {face} is not {person}'s")
