"""Who is this, among those who are enrolled? Open-set search with its two errors, and ranks.

ISO/IEC 19795-1:2021 and NIST's Face Recognition Technology Evaluation (Grother, Ngan and Hanaoka, NIST IR 8271,
section 3): FPIR is the share of searches for people who are not enrolled that return anybody from the threshold up;
FNIR(R, T) the share of searches for enrolled people whose own entry is not among the first R or not from the threshold
up. A search that could not be made, for want of a face, returns nobody; who could not be enrolled is never found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.evaluate._verification import NO_SCORE

Floats = npt.NDArray[np.floating[Any]]
Float64 = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]
Int64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NO_RANK = np.iinfo(np.int64).max
"""The rank of who is not found at all."""


@dataclass(frozen=True, slots=True)
class Searches:
    """What each of P searches gave, as far as its errors depend on it. Its candidates are people, not their pictures:
    a person has the score of her best entry."""

    mate: Float64
    """[P] score of the person looked for; `NO_SCORE` where she or the picture searched for has no template, and for
    searches that are not mated."""
    rank: Int64
    """[P] from 1; `NO_RANK` likewise. Among equal scores the right one comes last, so that ties earn nothing."""
    other: Float64
    """[P] best score of anybody else; `NO_SCORE` where there is nobody else or no template to search for."""
    mated: Flags
    """[P] whether the person looked for was to be enrolled."""

    @classmethod
    def joined(cls, parts: Sequence[Searches]) -> Searches:
        """Of blocks of searches in the same gallery."""
        if not parts:
            return cls(np.empty(0), np.empty(0, np.int64), np.empty(0), np.empty(0, bool))
        names = ("mate", "rank", "other", "mated")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def __len__(self) -> int:
        return len(self.mated)

    def __getitem__(self, which: Any) -> Searches:
        """Those that a mask or an array of places chooses."""
        return Searches(self.mate[which], self.rank[which], self.other[which], self.mated[which])

    def missed(self, threshold: float = NO_SCORE, rank: int | None = None) -> int:
        """Mated searches that do not return the right person."""
        found = (self.mate >= threshold) & (self.rank < NO_RANK)
        if rank is not None:
            found &= self.rank <= rank
        return int((self.mated & ~found).sum())

    def fnir(self, threshold: float = NO_SCORE, rank: int | None = None) -> float:
        """False negative identification rate; with a rank alone it is 1 minus the cumulative match characteristic.
        NaN without mated searches."""
        total = int(self.mated.sum())
        return self.missed(threshold, rank) / total if total else math.nan

    def alarms(self, threshold: float, *, without_mate: bool = False) -> int:
        """Searches for people not enrolled that return somebody; see `fpir`."""
        counted = np.ones(len(self), bool) if without_mate else ~self.mated
        return int((counted & (self.other >= threshold) & (self.other > NO_SCORE)).sum())

    def fpir(self, threshold: float, *, without_mate: bool = False) -> float:
        """False positive identification rate.

        Args:
            without_mate: count every search as if the person looked for had been taken out of the gallery. So each
                picture serves both rates, in a gallery that is smaller by one person.

        Returns:
            0 to 1; NaN where there is no such search.
        """
        total = len(self) if without_mate else int((~self.mated).sum())
        return self.alarms(threshold, without_mate=without_mate) / total if total else math.nan

    def threshold_at(self, fpir: float, *, without_mate: bool = False) -> float:
        """The lowest threshold whose FPIR is at most this; NaN where no search tells.

        Raises:
            ValueError: the rate is not in 0 to 1.
        """
        if not 0 <= fpir <= 1:
            raise ValueError(f"a false positive identification rate is in 0 to 1, not {fpir}")
        scores = np.sort(self.other if without_mate else self.other[~self.mated])
        if not len(scores):
            return math.nan
        allowed = math.floor(fpir * len(scores) * (1 + 1e-12))  # 0.003 * 1000 shall be 3
        if allowed >= len(scores):
            return NO_SCORE
        return float(np.nextafter(scores[len(scores) - 1 - allowed], math.inf))

    def cmc(self, ranks: int) -> Float64:
        """[ranks] share of mated searches whose person is among the first 1, 2, ... (cumulative match
        characteristic); NaN without mated searches."""
        return np.array([1 - self.fnir(rank=rank) for rank in range(1, ranks + 1)])


def searched(scores: Floats, probes: Integers, gallery: Integers) -> Searches:
    """What searches gave, from all their scores. Give searches in blocks and join them to bound memory.

    Args:
        scores: [P, G] of each search with each entry; NaN where either has no template.
        probes: [P] number of the person in each search.
        gallery: [G] number of the person of each entry; may repeat.

    Raises:
        ValueError: shapes do not fit.
    """
    probes, gallery = np.asarray(probes), np.asarray(gallery)
    if scores.ndim != 2 or scores.shape != (len(probes), len(gallery)):
        raise ValueError(f"expected [P, G], [P] and [G], not {scores.shape}, {probes.shape} and {gallery.shape}")
    people, column = np.unique(gallery, return_inverse=True)
    best = _best_by_person(np.where(np.isnan(scores), NO_SCORE, scores), column, len(people))
    place = np.searchsorted(people, probes)
    mated = np.isin(probes, people)
    rows = np.arange(len(probes))
    mate = np.full(len(probes), NO_SCORE)
    mate[mated] = best[rows[mated], place[mated]]
    best[rows[mated], place[mated]] = NO_SCORE
    ahead = (best >= mate[:, None]).sum(axis=1)
    # The place of the right one was emptied, so it does not count itself, for only what has a score has a rank.
    rank = np.where(mate > NO_SCORE, ahead + 1, NO_RANK)
    other = best.max(axis=1, initial=NO_SCORE)
    return Searches(mate, rank.astype(np.int64), other, mated)


def _best_by_person(scores: Float64, column: npt.NDArray[np.intp], people: int) -> Float64:
    """[P, people] from [P, G]: the best of each person's entries."""
    if not people:
        return np.empty((len(scores), 0))
    order = np.argsort(column, kind="stable")
    starts = np.searchsorted(column[order], np.arange(people))
    return np.asarray(np.maximum.reduceat(scores[:, order], starts, axis=1), np.float64)
