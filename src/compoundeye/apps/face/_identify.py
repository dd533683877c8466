"""One against the people of a gallery: of each person the face that is most alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compoundeye.apps.face._gallery_rows import Known
from compoundeye.apps.face._search import TemplateIndex
from compoundeye.apps.face._sightings import Float32
from compoundeye.records import EyeError


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be who was looked for."""

    person: int
    name: str | None
    face: int
    """The person's face that is most alike."""
    score: float
    """Cosine, -1..1."""


class PeopleIndex:
    """Faces of people, to be searched; made anew when the gallery has changed."""

    def __init__(self, known: Known) -> None:
        self._rows = np.flatnonzero(known.people >= 0)
        self._known = known
        self._index = TemplateIndex(known.templates[self._rows]) if len(self._rows) else None

    def search(
        self, probes: Float32, k: int, threshold: float, names: dict[int, str | None], *, named: bool
    ) -> list[list[Candidate]]:  # fmt: skip
        """Of each probe at most ``k`` people at or above the threshold, the most alike first.

        Raises:
            EyeError: probes that are no templates of this gallery, or k below one.
        """
        if k < 1:
            raise EyeError(f"{k} candidates cannot be looked for; ask for one or more")
        if self._index is None:
            return [[] for _ in probes]
        allowed = {number for number, name in names.items() if name is not None or not named}
        wide = k
        while True:
            wide = min(wide * 4, len(self._index))
            scores, rows = self._index.search(probes, wide)
            found = [
                self._people(score, row, k, threshold, allowed, names) for score, row in zip(scores, rows, strict=True)
            ]
            # A person with many faces may fill the list: look further where more people could follow.
            short = any(len(one) < k and score[-1] >= threshold for one, score in zip(found, scores, strict=True))
            if wide == len(self._index) or not short:
                return found

    def _people(
        self, scores: Float32, rows: np.ndarray, k: int, threshold: float, allowed: set[int],
        names: dict[int, str | None],
    ) -> list[Candidate]:  # fmt: skip
        best = dict[int, Candidate]()
        for score, row in zip(scores.tolist(), rows.tolist(), strict=True):
            if row < 0 or score < threshold or len(best) == k:
                break
            own = int(self._rows[row])
            person = int(self._known.people[own])
            if person in allowed and person not in best:
                best[person] = Candidate(person, names[person], int(self._known.faces[own]), score)
        return list(best.values())
