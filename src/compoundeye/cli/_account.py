"""`eye account`: what became of every input."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from compoundeye.cli._output import note, print_json, print_table
from compoundeye.corpus import account as sums
from compoundeye.corpus import failures


def account(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    failed: Annotated[int, typer.Option(help="List this many of the inputs that failed.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """What became of every input: stored, duplicate or failed, and why. The sums are checked against the pictures.

    Example:
      eye account corpus.lance
      eye account corpus.lance --failed 100 --json
    """
    found = sums(corpus)
    listed = list(islice(failures(corpus), failed))
    if json:
        print_json(found.as_dict() | ({"failures": listed} if failed else {}))
        return
    print_table(
        ("seen", "stored", "duplicate", "failed"),
        [(found.seen, found.done, found.duplicate, found.failed)],
    )
    if found.reasons:
        print_table(("failed", "why"), [(count, reason) for reason, count in found.reasons.most_common()])
    if listed:
        print_table(("why", "input"), [(one["reason"], one["source"]) for one in listed])
    elif found.failed:
        note("--failed 100 lists the first hundred of them.")
