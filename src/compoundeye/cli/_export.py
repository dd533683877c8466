"""`eye export`: pictures and labels for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compoundeye.cli._output import note, print_json, print_table
from compoundeye.cli._progress import progress
from compoundeye.corpus import FORMATS
from compoundeye.corpus import export as write


def export(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    destination: Annotated[
        Path | None,
        typer.Argument(help="A new folder, or a .tar, .parquet or .csv file; named after corpus and format."),
    ] = None,
    to: Annotated[str, typer.Option(help=f"The format: {', '.join(FORMATS)}.")] = "webdataset",
    where: Annotated[str | None, typer.Option(help="Only pictures that fit this SQL over the columns.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="What goes with each picture; may be repeated.")] = None,
    name: Annotated[str, typer.Option(help="Which result of categorising gives the labels.")] = "category",
    shard_mb: Annotated[int, typer.Option(min=1, help="Megabytes of pictures in a file of a sharded format.")] = 512,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Hand pictures, their bytes unchanged, and labels to training and other tools.

    The label is a person's, else the model's. The destination appears when it is complete.

    Examples:
      eye export corpus.lance out --to webdataset
      eye export corpus.lance cats --to imagefolder --where "category_confidence > 0.9"
    """
    place = destination or Path(f"{Path(corpus).name.removesuffix('.lance')}-{to}")
    with progress("export") as tell:
        account = write(
            corpus,
            place,
            to=to,
            where=where,
            columns=column or None,
            name=name,
            shard_bytes=shard_mb << 20,
            progress=tell,
        )
    if json:
        print_json({"destination": place.absolute(), **account.as_dict()})
        return
    print_table(
        ("seen", "written", "without label", "failed"),
        [(account.seen, account.done, account.abstained, account.failed)],
    )
    for reason, count in account.reasons.most_common():
        note(f"{count:,} failed: {reason}")
    note(f"written: {place.absolute()}")
