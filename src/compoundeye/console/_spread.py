"""Histograms of views, kept for the next who asks: a page asks for the same ones again and again."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from compoundeye.console._bounded import Bounded
from compoundeye.console._filters import Filter
from compoundeye.console._histogram import Histogram, histogram
from compoundeye.console._state import Console
from compoundeye.console._views import View, Views

KEPT = 1_000
"""Histograms, some 10 KB each."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A histogram and what sort of values it counts."""

    kind: str
    histogram: Histogram


class Spreads:
    """The histograms of a console's corpora. Safe to use from several threads."""

    def __init__(self, console: Console) -> None:
        self._views = console.part(Views)
        self._kept: Bounded[Spread] = Bounded(KEPT, lambda _: 1)

    def of(self, corpus: str, asked: Filter, column: str, bins: int, version: int | None = None) -> tuple[View, Spread]:
        """How the values of a column are spread among the pictures that fit, and the view of those.

        Args:
            column: what a view could be sorted by.

        Raises:
            NotFound: no such corpus or column.
            EyeError: as `Views.view`.
        """
        view = self._views.view(corpus, asked, version=version)
        key: Hashable = (corpus, view.at.key, asked, column, bins)

        def count() -> Spread:
            values = self._views.column(corpus, view.at, column, asked.name)
            return Spread(values.kind, histogram(values, view.rows, bins))

        return view, self._kept.get(key, count)
