"""A picture in the list that it was opened from: its place, what comes before and after, and what shows the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compoundeye.console._filters import Filter
from compoundeye.console._found import Finder
from compoundeye.console._snapshot import Rows, Snapshot
from compoundeye.console._state import Console
from compoundeye.console._views import INGESTED, View, Views, ordered_by


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of pictures, as its address has it."""

    asked: Filter
    like: str | None = None
    meaning: str | None = None
    sort: str | None = None
    descending: bool = False
    version: int | None = None
    """Of the corpus, that the list was of; the newest where it is None or not there any more."""

    def view(self, here: Console, corpus: str) -> View:
        """Its rows, in order: what the list of pictures pages through.

        Raises:
            EyeError: as `Views.view` and `Finder.find`.
        """
        views = here.part(Views)
        if not (self.like or self.meaning):
            return views.view(corpus, self.asked, self.sort or INGESTED, self.descending, self.version)
        found = here.part(Finder).find(corpus, self.asked, self.like or None, self.meaning or None, self.version)
        view = View(found.at, self.asked, self.sort or "similarity", self.descending, found.rows)
        return ordered_by(views.looking(corpus), view) if self.sort else view


@dataclass(frozen=True, slots=True)
class Beside:
    """A picture before or after another in a list."""

    place: int
    id: str
    row: int
    """In the version that the list is of."""


@dataclass(frozen=True, slots=True)
class Around:
    """Where a picture stands in a list."""

    version: int
    total: int
    place: int | None
    """From 0; None where it is not in the list (any more)."""
    before: Beside | None
    """Or the one before the place that it had, if it is not there any more."""
    after: Beside | None


def around(here: Console, corpus: str, identity: bytes, listing: Listing, hint: int | None) -> Around:
    """The place of a picture, and its neighbours there.

    Args:
        hint: the place that it had when the list was opened: where a list goes on that it has fallen out of.

    Raises:
        EyeError: the list cannot be made.
    """
    view = listing.view(here, corpus)
    there = None if hint is None else _at(view, hint)
    if there is not None and there.id == identity.hex():
        place = hint
    else:
        row = view.at.rows_of([identity]).get(identity)
        place = None if row is None else view.place(row)
    if place is not None:
        return Around(view.version, view.total, place, _at(view, place - 1), _at(view, place + 1))
    if hint is not None:
        return Around(view.version, view.total, None, _at(view, hint - 1), there)
    return Around(view.version, view.total, None, None, None)


def _at(view: View, place: int) -> Beside | None:
    if not 0 <= place < view.total:
        return None
    row = int(view.page(place, 1)[0])
    return Beside(place, bytes(view.at.take([row], ["id"])["id"][0].as_py()).hex(), row)


def same(here: Console, corpus: str, at: Snapshot, row: int, most: int) -> tuple[int, Rows]:
    """How many other pictures show the same as one, and the largest of them.

    Raises:
        Conflict: near-duplicates are still looked for.
    """
    groups = here.part(Views).looking(corpus).twins.groups(at)
    if not groups.present[row]:
        return 0, np.empty(0, np.uint32)
    rows = np.flatnonzero(groups.present & (groups.values == groups.values[row])).astype(np.uint32)
    rows = rows[rows != row]
    size = at.take(rows[:10_000], ["width", "height"])
    pixels = size["width"].to_numpy().astype(np.int64) * size["height"].to_numpy()
    return len(rows), rows[:10_000][np.argsort(-pixels, kind="stable")][:most]
