"""`eye search`: find pictures."""

from __future__ import annotations

from typing import Annotated

import typer

from compoundeye.cli._output import note, print_json, print_table
from compoundeye.corpus import Corpus, index_report
from compoundeye.corpus import search as find


def search(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    like: Annotated[
        str | None, typer.Argument(metavar="[PICTURE]", help="A picture file, or the id of one in the corpus.")
    ] = None,
    meaning: Annotated[str | None, typer.Option(help="What to see, in words (embeddings of CLIP or SigLIP).")] = None,
    text: Annotated[str | None, typer.Option(help="Words in caption, metadata, source or camera.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Category; `cat` finds tabbies too. May repeat.")] = None,
    where: Annotated[str | None, typer.Option(help="SQL over the columns.")] = None,
    since: Annotated[str | None, typer.Option(help="Taken then or later: 2024, 2024-05, 2024-05-17.")] = None,
    until: Annotated[str | None, typer.Option(help="Taken then or earlier.")] = None,
    min_size: Annotated[int | None, typer.Option(help="Pixels that both sides have at least.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-k", min=1, help="Pictures at most.")] = 20,
    exact: Annotated[
        bool | None,
        typer.Option("--exact/--index", help="Never or always use the vector index."),
    ] = None,
    name: Annotated[str, typer.Option(help="Which result of categorising to use.")] = "category",
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Find pictures: like one, by category, date, size, words and SQL, and by all of these together.

    Examples:
      eye search corpus.lance photo.jpg
      eye search corpus.lance photo.jpg --category cat --since 2024 --min-size 1000
      eye search corpus.lance --where "width > 1000 AND format = 'PNG'" --json
    """
    store = Corpus.open(corpus)
    before = index_report(store)
    found = find(
        store,
        like,
        meaning=meaning,
        text=text,
        where=where,
        category=category,
        since=since,
        until=until,
        min_size=min_size,
        k=limit,
        name=name,
        exact=exact,
    )
    built = index_report(store.refresh())
    if built is not None and built != before:
        note(f"Vector index built over {built.rows:,} pictures: recall {built.recall:.3f} on these pictures.")
    if json:
        print_json(found.to_pylist())
        return
    rows = [
        (row["id"].hex()[:12], row["similarity"], row["category"], row["confidence"], row["source"], row["why"])
        for row in found.to_pylist()
    ]
    print_table(("id", "similarity", name, "confidence", "source", "why"), rows)
    if not rows:
        note("No picture fits.")
