"""`eye show`: a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compoundeye.cli._output import print_json, printable
from compoundeye.corpus import contact_sheet


def show(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Ids, or their first six digits on.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG or JPEG to write.")] = Path("sheet.png"),
    where: Annotated[str | None, typer.Option(help="Pictures that fit this SQL over the columns.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-k", min=1, max=2_000, help="Pictures at most.")] = 60,
    across: Annotated[int | None, typer.Option(min=1, help="Pictures beside each other.")] = None,
    tile: Annotated[int, typer.Option(min=32, max=1_024, help="Pixels of a picture's longer side.")] = 180,
    name: Annotated[str, typer.Option(help="Which result of categorising to show.")] = "category",
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """A contact sheet of pictures as one PNG or JPEG, each above its category, id and name.

    Examples:
      eye show corpus.lance -o sheet.png
      eye show corpus.lance --where "category = 'tabby'" -o cats.jpg
    """
    place = contact_sheet(
        corpus, output, ids=ids or None, where=where, limit=limit, across=across, tile=tile, name=name
    )
    if json:
        print_json({"sheet": place.absolute()})
    else:
        print(printable(str(place.absolute())))
