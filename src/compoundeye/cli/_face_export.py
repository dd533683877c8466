"""`eye face export`: what is kept of somebody, handed over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compoundeye.cli._face_gallery import By, Json, Key, Place, asker, opened, who
from compoundeye.cli._output import print_json, say


def export(
    gallery: Place,
    person: Annotated[str, typer.Argument(metavar="WHO", help="Number or name.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="A new folder.")],
    why: Annotated[str, typer.Option("--why", help="What for, for the audit log.")] = "",
    key: Key = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Write all that is kept of a person to a folder: faces, templates, crops, audit entries. It is not sealed.

    Example:
      eye face export staff.gallery Anna -o anna-export --why "she asked for her data"
    """
    file = opened(gallery, key).export(who(person), output, by=asker(by), why=why)
    if json:
        print_json({"file": file.absolute()})
    else:
        say(str(file.absolute()))
