"""`eye ingest`: pictures into a corpus."""

from __future__ import annotations

from typing import Annotated

import typer

from compoundeye.cli._output import note, print_json, print_table
from compoundeye.cli._progress import progress
from compoundeye.corpus import IngestAccount
from compoundeye.corpus import ingest as put
from compoundeye.pixels import MAX_PIXELS


def ingest(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Folders, pictures, patterns in quotes, tar (WebDataset too), zip, Parquet or CSV files, s3:// or gs://.",
        ),
    ],
    corpus: Annotated[str, typer.Argument(help="The corpus; made if it is not there.")],
    workers: Annotated[int | None, typer.Option(help="Processes; one a core if not given.")] = None,
    max_pixels: Annotated[int, typer.Option(help="Larger pictures fail.")] = MAX_PIXELS,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Look again at what failed before.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Put pictures into a corpus, each one once. Run it again to add what is new, or to go on after a stop.

    Example:
      eye ingest ~/Pictures corpus.lance
      eye ingest 'shards/*.tar' list.csv s3://bucket/folder corpus.lance
    """
    with progress("ingest", unit="pictures") as tell:
        found = put(sources, corpus, workers=workers, max_pixels=max_pixels, retry_failed=retry_failed, progress=tell)
    if json:
        print_json(found)
    else:
        _show(found, sources)


def _show(found: IngestAccount, sources: list[str]) -> None:
    print_table(
        ("seen", "stored", "duplicate", "failed", "known before"),
        [(found.seen, found.done, found.duplicate, found.failed, found.known)],
    )
    if found.reasons:
        print_table(("failed", "why"), [(count, reason) for reason, count in found.reasons.most_common()])
    if found.known_failed:
        note(f"{found.known_failed:,} inputs failed before; --retry-failed looks at them again.")
    if found.left_alone:
        kinds = ", ".join(f"{ending} {count:,}" for ending, count in list(found.endings.items())[:5])
        note(f"{found.left_alone:,} files that are no pictures by their names were left alone ({kinds}).")
    if not found.seen and not found.known:
        note(f"No pictures in {', '.join(sources)}; archives and lists are read when they are named themselves.")
