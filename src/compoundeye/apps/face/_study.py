"""What an evaluation compares: templates of pictures, pairs of them to verify, and people to search for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

Which = Literal["largest", "central"]
"""Which face of a picture is meant where several are found and no box says so."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One face in one picture."""

    path: Path
    box: tuple[float, float, float, float] | None = None
    """left, top, right, bottom in pixels: the face that is meant."""
    medium: str = ""
    """Shots of one medium (frames of a video) count together as one; empty: a medium of its own."""


@dataclass(frozen=True, slots=True)
class Template:
    """What one side of a comparison is made of."""

    name: str
    """As its file names it."""
    shots: tuple[Shot, ...]
    group: str = ""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Comparisons, as a structure of arrays."""

    first: Int64
    """[P] place of the template."""
    second: Int64
    same: Flags
    folds: Int64 | None = None
    """[P], where the protocol divides its pairs."""
    groups: Sequence[str] | None = None
    """[P], where pairs rather than pictures are labelled."""

    def __len__(self) -> int:
        return len(self.same)


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """Who is enrolled and who is searched for."""

    gallery: Int64
    """[G] places of templates."""
    probes: Int64
    """[Q] places of templates."""
    without_mate: bool = False
    """Nobody is searched for who is not enrolled: false positives come from the mated searches, each as if the person
    looked for had been taken out."""


@dataclass(frozen=True, slots=True)
class Study:
    """A protocol read from its files."""

    data: str
    split: str
    source: str
    """Paper or standard of the protocol."""
    templates: tuple[Template, ...]
    subjects: Int64
    """[T] number of the person of each template. Where no file tells, see ``subjects_inferred``."""
    pairs: Pairs
    searches: tuple[tuple[str, SearchPlan], ...] = ()
    which: Which = "largest"
    subjects_inferred: bool = False
    """Templates that a pair calls one person are one, all others different people."""
    embeddings: Float32 | None = None
    """[T, D] where they are there already; NaN rows: failed."""
    scores: Float64 | None = None
    """[P] where they are there already; NaN: could not be compared."""
    notes: tuple[str, ...] = field(default=())


def linked(count: int, first: Int64, second: Int64) -> Int64:
    """[count] a number for each set of things that are linked, directly or through others, from 0."""
    parent = list(range(count))

    def root(of: int) -> int:
        while parent[of] != of:
            parent[of] = parent[parent[of]]
            of = parent[of]
        return of

    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        parent[root(one)] = root(other)
    return np.unique([root(one) for one in range(count)], return_inverse=True)[1].astype(np.int64)


# Comparisons of all with all grow with the square; this many tell an FMR of 1e-5 by the rule of 30 errors.
MOST_NONMATED = 3_000_000


def all_pairs(subjects: Int64, *, most_nonmated: int = MOST_NONMATED, seed: int = 0) -> tuple[Pairs, bool]:
    """Every mated comparison of [T] templates, and every non-mated one or that many drawn; and whether drawn."""
    order = np.argsort(subjects, kind="stable")
    own = [members for members in np.split(order, np.flatnonzero(np.diff(subjects[order])) + 1) if len(members)]
    mated = [np.stack([members[at] for at in np.triu_indices(len(members), 1)]) for members in own]
    joined = np.concatenate([np.empty((2, 0), np.int64), *mated], axis=1)
    others, drawn = _nonmated(subjects, joined.shape[1], most_nonmated, seed)
    first, second = np.concatenate([joined, others], axis=1)
    return Pairs(first, second, np.arange(len(first)) < joined.shape[1]), drawn


def _nonmated(subjects: Int64, mated: int, most: int, seed: int) -> tuple[Int64, bool]:
    """[2, N] non-mated pairs, each at most once."""
    count = len(subjects)
    if count * (count - 1) // 2 - mated <= most:
        every = np.stack(np.triu_indices(count, 1)).astype(np.int64)
        return every[:, subjects[every[0]] != subjects[every[1]]], False
    rng = np.random.default_rng(seed)
    codes = np.empty(0, np.int64)
    while len(codes) < most:
        pair = np.sort(rng.integers(0, count, (2, most)), axis=0)
        pair = pair[:, subjects[pair[0]] != subjects[pair[1]]]
        # In the order of drawing: np.unique sorts, and cutting what is sorted would favour the first templates.
        fresh = np.concatenate([codes, pair[0] * count + pair[1]])
        codes = fresh[np.sort(np.unique(fresh, return_index=True)[1])][:most]
    return np.stack([codes // count, codes % count]), True


def pooled(embeddings: Float32, shots: Int64, media: Int64, templates: int) -> Float32:
    """Templates [T, D] of length 1 from shots [S, D]: the mean of media, each the mean of its shots; NaN: none.

    N. Crosswhite and others, "Template adaptation for face verification and identification" (FG 2017), section III:
    frames of one video shall not outvote a photograph.

    Args:
        embeddings: [S, D], NaN rows where no face was found.
        shots: [S] which template each belongs to.
        media: [S] which medium; numbers are compared within a template only.
    """
    there = ~np.isnan(embeddings).any(axis=1)
    exact, shots, media = embeddings[there].astype(np.float64), shots[there], media[there]
    keys, of = np.unique(np.stack([shots, media]), axis=1, return_inverse=True)
    means = _means(exact, of.reshape(-1), keys.shape[1])
    sums = _means(means, keys[0], templates)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    out = np.full(sums.shape, np.nan)
    np.divide(sums, lengths, out=out, where=lengths > 0)
    return out.astype(np.float32)


def _means(rows: Float64, of: Int64, count: int) -> Float64:
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, of, rows)
    return np.asarray(sums / np.maximum(np.bincount(of, minlength=count), 1)[:, None], np.float64)
