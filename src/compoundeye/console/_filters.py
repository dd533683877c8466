"""What a person asks of pictures, with one meaning everywhere: gallery, histogram, search, review, corrections."""

from __future__ import annotations

from dataclasses import dataclass

from compoundeye.console._functions import check_calls
from compoundeye.corpus import Condition, Corpus, CorpusError, condition

STATES = ("done", "abstained", "failed", "new")
"""What categorising came to; "new" is a picture that it has not looked at."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions, each of which narrows; a filter without any fits every picture."""

    where: str | None = None
    """SQL over the corpus's columns."""
    category: tuple[str, ...] = ()
    """Any of these; a person's label counts before the model's, and "cat" finds tabbies too."""
    state: tuple[str, ...] = ()
    """Any of `STATES`."""
    min_confidence: float | None = None
    max_confidence: float | None = None
    """Of the category; pictures without one fit neither."""
    since: str | None = None
    until: str | None = None
    """When taken, both included: ``2024``, ``2024-05``, ``2024-05-17`` or a time."""
    min_size: int | None = None
    """Pixels that both sides have at least."""
    corrected: bool | None = None
    """Whether a person gave a label."""
    duplicate: bool | None = None
    """Whether another picture shows the same: no condition in SQL, so `condition` leaves it out."""
    text: str | None = None
    """Words that must all occur in caption, metadata, source, camera, or the category that counts."""
    name: str = "category"
    """Which result of categorising is meant."""

    def condition(self, corpus: Corpus) -> Condition:
        """The filter as SQL for Lance and in words, all but ``duplicate``.

        Raises:
            CorpusError: a condition that cannot be read, a column that is not there, or no categories yet.
        """
        self.check(corpus)
        fits = condition(
            corpus,
            where=self.where,
            category=self.category or None,
            since=self.since,
            until=self.until,
            min_size=self.min_size,
            text=self.text,
            name=self.name,
        )
        more = list(self._columns(corpus))
        sql = " AND ".join([*([fits.sql] if fits.sql else []), *(part for part, _ in more)])
        return Condition(sql or None, (*fits.why, *(why for _, why in more)), fits.words, fits.texts)

    def check(self, corpus: Corpus) -> None:
        """See that what is asked for can be there.

        Raises:
            CorpusError: an unknown state, or no categories yet.
            Unprocessable: the SQL calls a function that could keep the server busy.
        """
        check_calls(self.where or "")
        for state in self.state:
            if state not in STATES:
                raise CorpusError(f"there is no state {state}; there is {', '.join(STATES)}")
        wanted = {self.name: bool(self.category) and not corpus.has_column("label")}
        wanted[f"{self.name}_state"] = bool(set(self.state) - {"new"})
        wanted[f"{self.name}_confidence"] = (self.min_confidence, self.max_confidence) != (None, None)
        if any(asked and not corpus.has_column(column) for column, asked in wanted.items()):
            raise CorpusError(f"{corpus.path} has no {self.name} yet; run `eye categorise {corpus.path}` first")

    def _columns(self, corpus: Corpus) -> list[tuple[str, str]]:
        """Parts that `condition` has no words for: SQL, and what they say."""
        parts = []
        if self.state:
            known = corpus.has_column(f"{self.name}_state")
            named = ", ".join(f"'{one}'" for one in self.state)
            fits = f"(coalesce({self.name}_state, 'new') IN ({named}))" if known else "true"
            parts.append((fits, f"{self.name} is {' or '.join(self.state)}"))
        sure = f"{self.name}_confidence"
        if self.min_confidence is not None:
            # In the column's own precision, or 0.9 itself would not be at least 0.9.
            parts.append((f"{sure} >= {_float(self.min_confidence)}", f"at least {self.min_confidence:.0%} sure"))
        if self.max_confidence is not None:
            parts.append((f"{sure} <= {_float(self.max_confidence)}", f"at most {self.max_confidence:.0%} sure"))
        if self.corrected is not None:
            has = "IS NOT NULL" if self.corrected else "IS NULL"
            known = corpus.has_column("label")
            sql = f"label {has}" if known else ("false" if self.corrected else "true")
            parts.append((sql, "labelled by a person" if self.corrected else "not labelled by a person"))
        return parts


def _float(value: float) -> str:
    return f"arrow_cast({float(value)!r}, 'Float32')"
