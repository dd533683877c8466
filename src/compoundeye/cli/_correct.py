"""`eye correct`: what a person says a picture shows."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from compoundeye.cli._output import print_json
from compoundeye.corpus import correct as record
from compoundeye.records import EyeError


def correct(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Ids, or six digits of them or more.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="What the pictures show.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the label away.")] = False,
    where: Annotated[str | None, typer.Option(help="Instead of ids: every picture that fits this SQL.")] = None,
    by: Annotated[str | None, typer.Option(help="Who says so; your user name if not given.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Record a person's label for pictures; `eye categorise --use-corrections` learns from it.

    Examples:
      eye correct corpus.lance 1f0c22a9 8b13f200 --label tabby
      eye correct corpus.lance --where "category = 'tabby' AND width < 64" --label icon
    """
    if (label is None) != remove:
        raise EyeError("give either --label NAME or --remove")
    changed = record(corpus, ids or None, label, where=where, by=by or getpass.getuser())
    if json:
        print_json({"pictures": changed, "label": label})
    else:
        print(f"{changed:,} pictures {'lost their label' if remove else f'labelled {label}'}")
