"""`eye models`: the catalogue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from compoundeye.cli._output import note, print_json, print_table
from compoundeye.models import catalogue, present


def models(
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """The catalogue: task, size, licence, metric, where from, present here or not.

    Example:
      eye models
      eye models --json
    """
    cards = sorted(catalogue().values(), key=lambda card: (card.task, card.name))
    if json:
        print_json([{**asdict(card), "present": present(card)} for card in cards])
        return
    print_table(
        ("model", "task", "MB", "licence", "metric", "from", "here"),
        [
            (
                card.name,
                card.task,
                round(card.size_bytes / 1e6, 1),
                card.licence,
                card.metric,
                card.source,
                present(card),
            )
            for card in cards
        ],
    )
    note("A model that is not here is fetched when it is first used; its SHA-256 decides whether it is the right one.")
