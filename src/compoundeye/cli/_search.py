"""`eye search`: find pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compoundeye.cli._output import note, print_json, print_table
from compoundeye.cli._progress import progress
from compoundeye.corpus import Corpus, contact_sheet, ensure_index
from compoundeye.corpus import search as find


def search(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    picture: Annotated[str | None, typer.Argument(help="What to be like: a picture, or an id in the corpus.")] = None,
    meaning: Annotated[
        str | None, typer.Option(help="What to see, in words; for embeddings of a model that reads.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Words in caption, metadata, name, camera or category.")] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="A category, or anything below it; may be repeated.")
    ] = None,
    where: Annotated[str | None, typer.Option(help="SQL over the columns.")] = None,
    since: Annotated[str | None, typer.Option(help="Taken then or later: 2024, 2024-05, 2024-05-17.")] = None,
    until: Annotated[str | None, typer.Option(help="Taken then or before.")] = None,
    min_size: Annotated[int | None, typer.Option(min=1, help="Pixels that both sides have at least.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-k", min=1, help="Pictures at most.")] = 20,
    name: Annotated[str, typer.Option(help="Which result of categorising to use.")] = "category",
    model: Annotated[
        str | None, typer.Option(help="Model to look at the picture with, if not the corpus's own.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Never use the index.")] = False,
    sheet: Annotated[Path | None, typer.Option(help="Draw the pictures found into this PNG or JPEG too.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Find pictures like one, or by category, date, size and text; every condition narrows.

    Examples:
      eye search corpus.lance photo.jpg
      eye search corpus.lance photo.jpg --category cat --since 2024 -k 50
      eye search corpus.lance --text "harbour" --where "width > 2000" --sheet found.png
    """
    store = Corpus.open(corpus)
    if not exact and (picture is not None or meaning is not None):
        _index(store)
    found = find(
        store,
        picture,
        meaning=meaning,
        text=text,
        category=category or None,
        where=where,
        since=since,
        until=until,
        min_size=min_size,
        k=limit,
        name=name,
        model=model,
        exact=exact or None,
    )
    rows = found.to_pylist()
    if json:
        print_json(rows)
    elif rows:
        print_table(
            ("id", "like", "category", "sure", "size", "taken", "source", "why"),
            [
                (
                    row["id"].hex()[:12],
                    row["similarity"],
                    row["label"] or row["category"],
                    None if row["label"] else row["confidence"],
                    f"{row['width']}x{row['height']}",
                    row["taken_at"] and f"{row['taken_at']:%Y-%m-%d}",
                    row["source"],
                    row["why"],
                )
                for row in rows
            ],
        )
    if not rows:
        note("No picture fits.")
    elif sheet is not None:
        captions = [f"{row['similarity']:.2f}" for row in rows] if found["similarity"].null_count == 0 else None
        ids = found["id"].to_pylist()
        note(f"drawn: {contact_sheet(store, sheet, ids=ids, captions=captions, limit=min(limit, 2_000), name=name)}")


def _index(store: Corpus) -> None:
    """Make the index where it is due, and say what it misses."""
    with progress("index", unit="steps") as tell:
        report = ensure_index(store, progress=tell)
    if report.built:
        note(
            f"Made an index of {report.rows:,} pictures in {report.seconds:.0f} s: it finds {report.recall:.1%} of "
            f"the ten nearest in {report.search_ms:.0f} ms (measured on {report.queries} of them); --exact finds all."
        )
