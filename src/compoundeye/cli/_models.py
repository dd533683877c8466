"""`eye models`: the catalogue."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import typer

from compoundeye.cli._output import note, print_json, print_table
from compoundeye.models import catalogue_rows


def models(
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """The catalogue: task, size, licence, metric, where from, present here or not.

    "yours" are models that were put here, say by exporting a run of `eye train`; --json has their protocol and data.

    Examples:
      eye models
      eye models --json
    """
    rows = catalogue_rows()
    if json:
        print_json(rows)
        return
    print_table(
        ("model", "task", "MB", "licence", "metric", "from", "here"),
        [
            (row.name, row.task, row.megabytes, row.licence, row.metric, _place(row.where_from), row.present)
            for row in rows
        ],
    )
    note("A model that is not here is fetched when it is first used; its SHA-256 decides whether it is the right one.")


def _place(where_from: str) -> str:
    """The first place that is tried, an address by its host; ``--json`` has them all in full."""
    first = where_from.split(", ")[0]
    return urlsplit(first).hostname or first
