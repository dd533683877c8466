"""Labels that a person may mean while they type: what people said here, and what the model can say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compoundeye.console._bounded import Bounded
from compoundeye.console._refusals import Unprocessable
from compoundeye.console._snapshot import Snapshot
from compoundeye.console._state import Console
from compoundeye.console._views import Looking, Views
from compoundeye.models import catalogue, labels

KEPT = 16
"""Lists of labels that are kept: of 65,536 names each takes 10 MB at most."""


@dataclass(frozen=True, slots=True)
class Known:
    """A label."""

    name: str
    people: int
    """Pictures that a person called so."""
    model: int
    """Pictures that the model called so, and those where it was its best guess."""


class Labels:
    """The labels of all corpora of a console. Safe to use from several threads."""

    def __init__(self, console: Console) -> None:
        self._views = console.part(Views)
        self._known: Bounded[tuple[Known, ...]] = Bounded(KEPT, lambda _: 1)

    def known(self, corpus: str, name: str) -> tuple[Known, ...]:
        """All labels, most used by people first, then by the model.

        Args:
            corpus: its name in addresses.
            name: which result of categorising.
        """
        looking = self._views.looking(corpus)
        at = looking.snapshots.newest()
        return self._known.get((corpus, at.key, name), lambda: tuple(_known(looking, at, name)))

    def like(self, corpus: str, name: str, text: str, limit: int) -> list[Known]:
        """Labels that hold what was typed: what it is, then what begins with it and is in use here, then the rest."""
        wanted = text.strip().casefold()
        found = [(order, one) for one in self.known(corpus, name) if (order := _order(one, wanted)) is not None]
        return [one for _, one in sorted(found, key=lambda pair: pair[0])[:limit]]  # sorting keeps the order of equals


def _order(one: Known, wanted: str) -> tuple[int, int] | None:
    """The lower, the likelier that it is meant; None where it is not."""
    name = one.name.casefold()
    if name == wanted or not wanted:
        return 0, 0
    rank = 1 if name.startswith(wanted) else 2 if f" {wanted}" in name.replace("-", " ") else 3 if wanted in name else 4
    if rank == 4:
        return None
    return 1 if rank < 3 and one.people + one.model else 2, rank


def _known(looking: Looking, at: Snapshot, name: str) -> Iterator[Known]:
    people, model = _counts(looking, at, "label"), _counts(looking, at, name)
    for guess, count in _counts(looking, at, f"{name}_best").items():
        model[guess] = max(count, model.get(guess, 0))
    every = dict.fromkeys([*people, *model])
    lower = {one.casefold() for one in every}
    every |= dict.fromkeys(one for one in _vocabulary(looking, at, name) if one.casefold() not in lower)
    found = [Known(one, people.get(one, 0), model.get(one, 0)) for one in every]
    yield from sorted(found, key=lambda one: (-one.people, -one.model, one.name.casefold()))


def _counts(looking: Looking, at: Snapshot, column: str) -> dict[str, int]:
    if not at.corpus.has_column(column):
        return {}
    try:
        found = looking.columns.column(at, column)
    except Unprocessable:  # too many different ones to be names of categories
        return {}
    if found.names is None:
        return {}
    counts = np.bincount(found.values[found.present], minlength=len(found.names))
    return {one: int(count) for one, count in zip(found.names, counts.tolist(), strict=True) if count}


def _vocabulary(looking: Looking, at: Snapshot, name: str) -> Iterator[str]:
    """Every name that the models behind a result can give, and those above them in their tree."""
    for by in _counts(looking, at, f"{name}_by"):
        card = catalogue().get(by.partition("/")[0])
        if card is not None and card.labels:
            known = labels(card.labels)
            yield from (one for one in (known.tree.names if known.tree else known.names) if one)
