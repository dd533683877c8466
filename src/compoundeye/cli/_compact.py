"""`eye compact`: tidy a corpus."""

from __future__ import annotations

from typing import Annotated

import typer

from compoundeye.cli._output import print_json
from compoundeye.corpus import compact as tidy


def compact(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Join small fragments, drop old versions and what killed jobs left behind. No picture and no result changes.

    Example:
      eye compact corpus.lance
    """
    done = tidy(corpus)
    print_json(done) if json else print(done)
