"""`eye face people`: who is in a gallery, and somebody's faces."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from compoundeye.cli._face_gallery import Json, Key, Place, box, opened, who
from compoundeye.cli._output import print_json, print_table


def people(
    gallery: Place,
    person: Annotated[str | None, typer.Argument(metavar="[WHO]", help="Show the faces of this one.")] = None,
    named: Annotated[
        bool | None, typer.Option("--named/--unnamed", help="Only people with, or without, a name.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="SHEET.png", help="Write the faces as one picture.")
    ] = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Who is in a gallery; with WHO, the faces of that person: picture, purpose, consent, when, by whom.

    With -o a sheet shows a face of each person, or all of WHO, above their numbers.

    Example:
      eye face people family.gallery --unnamed -o groups.png
      eye face people family.gallery Anna --json
    """
    from compoundeye.apps.face import write_crop_sheet

    known = opened(gallery, key)
    if person is None:
        everybody = known.people(named=named)
        if output is not None:
            first = [next(iter(known.faces(one.id, limit=1)), None) for one in everybody]
            crops = [None if face is None else known.crop(face.id) for face in first]
            write_crop_sheet(output, crops, [f"{one.id} {one.name or ''} ({one.faces})" for one in everybody])
        if json:
            print_json(everybody)
        else:
            rows = [[str(one.id), one.name, one.faces, one.said] for one in everybody]
            print_table(["person", "name", "faces", "said to be"], rows)
        return
    faces = known.faces(who(person))
    if output is not None:
        write_crop_sheet(output, [known.crop(face.id) for face in faces], [str(face.id) for face in faces])
    if json:
        print_json(faces)
        return
    rows = [
        [str(one.id), one.said, None if one.quality is None else round(one.quality), one.consent, one.purpose,
         datetime.fromtimestamp(one.at).isoformat(" ", "minutes"), one.by, box(one.box), one.source]
        for one in faces
    ]  # fmt: skip
    print_table(["face", "said", "quality", "consent", "purpose", "when", "by", "box", "picture"], rows)
