"""`eye duplicates`: near-duplicates in groups."""

from __future__ import annotations

from typing import Annotated

import typer

from compoundeye.cli._output import note, print_json, print_table
from compoundeye.cli._progress import progress
from compoundeye.corpus import duplicates as find


def duplicates(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    max_distance: Annotated[int, typer.Option(help="Bits of 64 between the hashes of a copy and the best.")] = 6,
    where: Annotated[str | None, typer.Option(help="Only pictures that fit this SQL over the columns.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Groups to show at most; --json has all.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Near-duplicates in groups, the best copy of each first: re-encoded, resized, brightened or lightly edited.

    Examples:
      eye duplicates corpus.lance
      eye duplicates corpus.lance --max-distance 3 --json
    """
    with progress("duplicates", unit="candidates") as tell:
        rows = find(corpus, max_distance=max_distance, where=where, progress=tell).to_pylist()
    groups = len({row["group"] for row in rows})
    if json:
        print_json(rows)
        return
    columns = ("group", "id", "distance", "similarity", "width", "height", "bytes", "source")
    shown = [row | {"id": row["id"].hex()[:12]} for row in rows if row["group"] < limit]
    print_table(columns, [[row[column] for column in columns] for row in shown])
    note(f"{groups:,} groups; {len(rows) - groups:,} pictures are copies of better ones.")
