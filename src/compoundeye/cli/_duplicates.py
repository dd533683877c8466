"""`eye duplicates`: near-duplicates in groups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compoundeye.cli._output import note, print_json, print_table
from compoundeye.cli._progress import progress
from compoundeye.corpus import contact_sheet
from compoundeye.corpus import duplicates as find

SHOWN = 200
"""Pictures of a sheet and rows of a table; --json has all."""


def duplicates(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    max_distance: Annotated[int, typer.Option(min=0, max=16, help="Bits of 64 that hashes of copies differ in.")] = 6,
    where: Annotated[str | None, typer.Option(help="Only pictures that fit this SQL over the columns.")] = None,
    hashes_alone: Annotated[
        bool, typer.Option("--hashes-alone", help="Do not let embeddings and colours reject what hashes confuse.")
    ] = False,
    sheet: Annotated[Path | None, typer.Option(help="Draw the largest groups into this PNG or JPEG too.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Near-duplicates in groups, the best copy first: most pixels, then most bytes, then first ingested.

    Examples:
      eye duplicates corpus.lance
      eye duplicates corpus.lance --json --max-distance 4
    """
    with progress("duplicates", unit="candidates") as tell:
        table = find(corpus, max_distance=max_distance, where=where, verify=not hashes_alone, progress=tell)
    groups = len(set(table["group"].to_pylist()))
    if json:
        print_json(table.to_pylist())
    elif not groups:
        note("No near-duplicates.")
    else:
        rows = table.slice(0, SHOWN).to_pylist()
        more = f"; the table shows {SHOWN}, --json all" if table.num_rows > SHOWN else ""
        print_table(
            ("group", "id", "bits apart", "like", "size", "bytes", "source"),
            [
                (
                    row["group"] + 1,
                    row["id"].hex()[:12],
                    row["distance"],
                    row["similarity"],
                    f"{row['width']}x{row['height']}",
                    row["bytes"],
                    row["source"],
                )
                for row in rows
            ],
        )
        note(f"{groups:,} groups of {table.num_rows:,} pictures: {table.num_rows - groups:,} could go{more}.")
    if sheet is not None and table.num_rows:
        drawn = table.slice(0, SHOWN)
        captions = [f"group {group + 1}" for group in drawn["group"].to_pylist()]
        ids = drawn["id"].to_pylist()
        note(f"drawn: {contact_sheet(corpus, sheet, ids=ids, captions=captions, limit=SHOWN)}")
