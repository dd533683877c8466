"""`eye face merge`: several are one person."""

from __future__ import annotations

from typing import Annotated

import typer

from compoundeye.cli._face_gallery import By, Json, Key, Place, asker, opened, who
from compoundeye.cli._output import print_json, say


def merge(
    gallery: Place,
    into: Annotated[str, typer.Argument(metavar="WHO", help="Who it is: number or name.")],
    others: Annotated[list[str], typer.Argument(metavar="OTHER...", help="Who is the same person.")],
    key: Key = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Say that several are one person: their faces go to the first, and grouping keeps them together.

    Example:
      eye face merge family.gallery Anna 7 12
    """
    whole = opened(gallery, key).merge(who(into), *map(who, others), by=asker(by))
    if json:
        print_json(whole)
    else:
        say(f"person {whole.id}{'' if whole.name is None else f' ({whole.name})'} has {whole.faces:,} faces now")
