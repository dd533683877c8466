"""`eye face split`: some of a person's faces are somebody else's."""

from __future__ import annotations

from typing import Annotated

import typer

from compoundeye.cli._face_gallery import By, Json, Key, Place, asker, opened, who
from compoundeye.cli._output import print_json, say


def split(
    gallery: Place,
    person: Annotated[str, typer.Argument(metavar="WHO", help="Whose faces they were said to be.")],
    faces: Annotated[list[int], typer.Argument(metavar="FACE...", help="Their numbers, as `eye face people` shows.")],
    to: Annotated[
        str | None, typer.Option(metavar="WHO", help="Who it is; somebody without a name if left out.")
    ] = None,
    key: Key = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Say that some faces of a person are somebody else's; grouping keeps the two apart.

    Example:
      eye face split family.gallery Anna 31 32 --to Berta
    """
    other = opened(gallery, key).split(who(person), faces, to=None if to is None else who(to), by=asker(by))
    if json:
        print_json(other)
    else:
        say(f"person {other.id}{'' if other.name is None else f' ({other.name})'} has {other.faces:,} faces now")
