"""`eye gallery`: a corpus as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compoundeye.cli._output import print_json, printable
from compoundeye.console import gallery as write


def gallery(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("gallery.html"),
    where: Annotated[str | None, typer.Option(help="Only pictures that fit this SQL over the columns.")] = None,
    like: Annotated[str | None, typer.Option(help="A picture, or an id: show what is most like it.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Pictures at most; about 15 KB each.")] = 500,
    name: Annotated[str, typer.Option(help="Which result of categorising to show.")] = "category",
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """A corpus as one HTML page to look through.

    Filter it by category, see near-duplicates, what is like a picture, and what failed. It needs no server.

    Examples:
      eye gallery corpus.lance
      eye gallery corpus.lance -o cats.html --where "category = 'tabby'" --like cat.jpg
    """
    shown = write(corpus, output, where=where, like=like, limit=limit, name=name)
    if json:
        print_json({"page": output.absolute(), "pictures": shown})
    else:
        print(f"{shown:,} picture{'' if shown == 1 else 's'} on {printable(str(output.absolute()))}")
