"""`eye export`: pictures and labels for other tools."""

from __future__ import annotations

from typing import Annotated

import typer

from compoundeye.cli._output import print_json, print_table
from compoundeye.cli._progress import progress
from compoundeye.corpus import export as hand_over


def export(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    destination: Annotated[
        str, typer.Argument(help="A folder that is not there yet; or a file ending in .tar, .parquet or .csv.")
    ],
    to: Annotated[str, typer.Option(help="webdataset, imagefolder, parquet, coco or csv.")] = "webdataset",
    where: Annotated[str | None, typer.Option(help="Only pictures that fit this SQL.")] = None,
    name: Annotated[str, typer.Option(help="Which result of categorising gives the labels.")] = "category",
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Hand pictures and labels to training and other tools, bytes unchanged; a person's label goes before the model's.

    Examples:
      eye export corpus.lance shards --to webdataset
      eye export corpus.lance cats --to imagefolder --where "category_confidence > 0.9"
      eye export corpus.lance table.parquet --to parquet
    """
    with progress("export") as tell:
        found = hand_over(corpus, destination, to=to, where=where, name=name, progress=tell)
    if json:
        print_json(found)
        return
    print_table(
        ("pictures", "written", "without a label", "failed"), [(found.seen, found.done, found.abstained, found.failed)]
    )
    if found.reasons:
        print_table(("failed", "why"), [(count, reason) for reason, count in found.reasons.most_common()])
