"""`eye correct`: a person's label for pictures."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from compoundeye.cli._output import print_json, printable
from compoundeye.corpus import correct as record
from compoundeye.records import EyeError


def correct(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Ids, or their first six digits on.")] = None,
    label: Annotated[str | None, typer.Option("--label", "-l", help="What they show.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the label away instead.")] = False,
    where: Annotated[str | None, typer.Option(help="All pictures that fit this SQL over the columns.")] = None,
    by: Annotated[str | None, typer.Option(help="Who says so; you, if not given.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Record a person's label for pictures. Labels are a column of their own, and categorising learns from them.

    Examples:
      eye correct corpus.lance --label tabby 3fa9c1 77b0e2d4
      eye correct corpus.lance --label tripod --where "category_best = 'tripod'"
    """
    if remove == (label is not None):
        raise EyeError("give a --label, or --remove to take labels away; one of the two")
    count = record(corpus, ids or None, label, where=where, by=by or _me())
    if json:
        print_json({"label": label, "pictures": count})
    else:
        print(f"{count:,} pictures {'have no label now' if remove else 'labelled ' + printable(str(label))}")


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise EyeError("nobody is logged in here; say who corrects with --by") from error
