"""Who is one person: an archive's faces put together, as far as what is known of them allows."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._group_links import links
from compoundeye.apps.face._group_merge import NOBODY, Groups
from compoundeye.records import EyeError

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

ALONE = -1
"""The label of a face that is like no other: of nobody else, or not sure enough."""

_LINKS = 32
"""Links kept a face at first. More are looked for only where they may change a group."""
_LEAST_WEIGHT = 0.05
"""What a face of no quality at all is worth beside the best: it must not weigh nothing."""


def group(
    embeddings: Float32, pictures: npt.ArrayLike, *, threshold: float,
    together: Iterable[tuple[int, int]] = (), apart: Iterable[tuple[int, int]] = (),
    people: npt.ArrayLike | None = None, collages: Collection[int] = (), quality: npt.ArrayLike | None = None,
) -> Int64:  # fmt: skip
    """Labels int64 [N]: faces of one person share one, and ``ALONE`` (-1) is like no other.

    Two groups are joined while the pairs of faces between them are alike on average (average linkage, Sokal and
    Michener 1958), the most alike first. Afterwards no two groups that may be joined reach the threshold: this is
    exact whatever N is. The same faces give the same groups in any order, but for ties.

    Args:
        embeddings: [N, D], each of length 1.
        pictures: [N] whole numbers. Two faces of one picture are two people, unless they are said to be together.
        threshold: cosine from which two groups are one person, on average. A false match rate that suits a search
            among N faces suits grouping N faces (``Target(fpir=..., enrolled=N)``): each is compared with all.
        together: pairs of rows that are one person (merge).
        apart: pairs of rows that are two people (split, not this person).
        people: [N] number of the person that a face is known to show, -1 where it is not known: faces with one
            number are together, faces with two numbers apart.
        collages: pictures in which one person may appear twice, as in a collage or in a mirror.
        quality: [N], 0 to 100: the pairs of a face count by its quality.

    Raises:
        EyeError: arrays that do not fit together, embeddings that are not of length 1, or pairs that contradict each
            other.
    """
    vectors = np.ascontiguousarray(embeddings, np.float32)
    shown, known = np.asarray(pictures, np.int64), _known(people, len(vectors))
    _check(vectors, shown, known)
    groups = Groups(vectors.astype(np.float64), _weights(quality, len(vectors)), _shared(shown, collages), known)
    _tell(groups, known, _pairs(together, len(vectors), "together"), _pairs(apart, len(vectors), "apart"))
    _join(groups, threshold)
    return _numbered(groups.roots())


def _join(groups: Groups, threshold: float) -> None:
    """Look for links and join, until what was left out of the links cannot hide a pair that should be joined.

    Two groups that reach the threshold have two faces that do. If their link was left out, both faces had more links
    than were kept: so only groups with such a face are looked at again, by their means.
    """
    rows, most = np.unique(groups.roots()), _LINKS
    while len(rows) > 1:
        means = (groups.sums[rows] / groups.weights[rows, None]).astype(np.float32)
        found = links(means, threshold, most)
        joined = groups.join_alike(found, rows.tolist(), threshold)
        if joined == 0:  # what was kept is all forbidden
            most *= 4
        rows = np.unique([groups.root(row) for row in rows[found.full].tolist()])


def _tell(groups: Groups, known: Int64, together: Int64, apart: Int64) -> None:
    rows = np.flatnonzero(known != NOBODY)
    rows = rows[np.argsort(known[rows], kind="stable")]
    for one, other in zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True):
        if known[one] == known[other]:
            groups.join(one, other)
    for one, other in together.tolist():
        a, b = groups.root(one), groups.root(other)
        if groups.two_people(a, b):
            raise EyeError(f"faces {one} and {other} are said to be together, and to be two people")
        groups.join(a, b)
    for one, other in apart.tolist():
        if groups.root(one) == groups.root(other):
            raise EyeError(f"faces {one} and {other} are said to be apart, and together, if by way of others")
        groups.keep_apart(one, other)


def _check(vectors: Float32, pictures: Int64, people: Int64) -> None:
    if vectors.ndim != 2 or len(pictures) != len(vectors) or len(people) != len(vectors):
        raise EyeError(
            f"faces must have an embedding, a picture and a person each: these are {vectors.shape}, "
            f"{pictures.shape} and {people.shape}"
        )
    length = np.linalg.norm(vectors, axis=1)
    wrong = np.flatnonzero(~(np.abs(length - 1) < 1e-3))
    if len(wrong):
        raise EyeError(f"embedding {wrong[0]} is of length {length[wrong[0]]:.4g}: divide each by its length")


def _known(people: npt.ArrayLike | None, count: int) -> Int64:
    return np.full(count, NOBODY, np.int64) if people is None else np.asarray(people, np.int64)


def _weights(quality: npt.ArrayLike | None, count: int) -> Float64:
    if quality is None:
        return np.ones(count)
    given = np.asarray(quality, np.float64)
    if given.shape != (count,) or not np.isfinite(given).all():
        raise EyeError(f"quality must be a number for each of {count} faces")
    return np.clip(given / 100, _LEAST_WEIGHT, 1.0)


def _pairs(given: Iterable[tuple[int, int]], count: int, what: str) -> Int64:
    pairs = np.array([tuple(pair) for pair in given], np.int64).reshape(-1, 2)
    if len(pairs) and (pairs.min() < 0 or pairs.max() >= count):
        raise EyeError(f"{what} names a face that is not there: there are {count}, counted from 0")
    return pairs


def _shared(pictures: Int64, collages: Collection[int]) -> Int64:
    """Pictures with several faces; ``NOBODY`` where a picture forbids nothing."""
    names, inverse, counts = np.unique(pictures, return_inverse=True, return_counts=True)
    matters = (counts > 1) & ~np.isin(names, np.array(sorted(collages), np.int64))
    return np.where(matters[inverse], inverse, NOBODY)


def _numbered(roots: Int64) -> Int64:
    """Groups of two faces and more, numbered from 0 in the order of their first face."""
    _, first, inverse, counts = np.unique(roots, return_index=True, return_inverse=True, return_counts=True)
    several = counts > 1
    order = np.full(len(first), ALONE, np.int64)
    order[np.flatnonzero(several)[np.argsort(first[several])]] = np.arange(several.sum())
    return order[inverse]
