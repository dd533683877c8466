"""`eye face name`: a name for a group, or another one for somebody."""

from __future__ import annotations

from typing import Annotated

import typer

from compoundeye.cli._face_gallery import By, Json, Key, Place, asker, opened, who
from compoundeye.cli._output import print_json, say


def name(
    gallery: Place,
    person: Annotated[str, typer.Argument(metavar="WHO", help="The person's number, or the name until now.")],
    called: Annotated[str, typer.Argument(metavar="NAME", help="The name from now on.")],
    key: Key = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Give a group, or somebody, a name. Its faces are that person's from now on, whatever grouping finds.

    Example:
      eye face name family.gallery 3 Anna
    """
    named = opened(gallery, key).name(who(person), called, by=asker(by))
    if json:
        print_json(named)
    else:
        say(f"person {named.id} is {named.name}, with {named.faces:,} faces")
