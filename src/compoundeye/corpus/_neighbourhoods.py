"""Which of millions of 64-bit hashes hang together by steps of a few bits: exact, in memory of a few arrays.

Pigeonhole: cut the bits into ``distance + r`` bands. Two hashes within ``distance`` differ in at most that many bands,
so they agree on some r whole bands (Manku et al., "Detecting near-duplicates for web crawling", WWW 2007, section 3).
For each choice of r bands the hashes are sorted by those bands, and only hashes that agree on them are compared.
"""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int32]
Sizes = npt.NDArray[np.int64]

BITS = 64
_SORT_NS, _PAIR_NS = 100.0, 0.6
"""Nanoseconds to sort one hash by its bands, and to compare one pair (numpy with AVX-512, arrays in the cache): their
ratio chooses the bands and where comparing all pairs is cheaper."""
_CHUNK = 32_768
"""Hashes compared at a time: 256 KiB, which stays in the second-level cache."""
_CROWD = 2_048
"""A bucket above this is a crowd (frames of a still camera, pages of one form): it is divided before it is compared."""


def components(hashes: Hashes, distance: int) -> Sizes:
    """Label of each hash: the same for two if steps of at most ``distance`` bits lead from one to the other.

    Args:
        hashes: uint64 [N], in any order, repeated or not; N below 2³¹.
        distance: bits, 0 to 64.

    Returns:
        int64 [N], labels 0 to (number of components - 1), in the order of the smallest hash of each.
    """
    order = np.argsort(hashes)
    ordered = hashes[order]
    first = np.ones(len(hashes), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    distinct = ordered[first]
    del ordered
    forest = Forest(len(distinct))
    everyone = np.arange(len(distinct), dtype=np.int32)
    if distance > 0:
        _link(distinct, everyone, BITS, distance, forest)
    roots = forest.roots(everyone)
    # The root of a tree is its smallest member, so numbering roots in order numbers components by smallest hash.
    is_root = roots == everyone
    numbers = np.cumsum(is_root) - 1
    labels = np.empty(len(hashes), np.int64)
    labels[order] = numbers[roots][np.cumsum(first) - 1]
    return labels


class Forest:
    """Disjoint sets under union, many pairs at a time."""

    def __init__(self, count: int) -> None:
        self.parent: Places = np.arange(count, dtype=np.int32)

    def roots(self, places: Places) -> Places:
        """The smallest member of each one's set."""
        found = self.parent[places]
        while True:
            above = self.parent[found]
            if np.array_equal(above, found):
                break
            found = above
        self.parent[places] = found
        return found

    def unite(self, left: Places, right: Places) -> None:
        """Join the sets of each pair."""
        while len(left):
            left, right = self.roots(left), self.roots(right)
            apart = left != right
            left, right = left[apart], right[apart]
            # Larger under smaller: no circle can arise. Of several parents for one root the last is kept, and the
            # pairs that lost come round again.
            self.parent[np.maximum(left, right)] = np.minimum(left, right)


def _link(hashes: Hashes, places: Places, bits: int, distance: int, forest: Forest) -> None:
    """Unite all pairs within ``distance`` among distinct hashes that differ in their low ``bits`` only."""
    if len(hashes) < 2:
        return
    hashes, bits = _squeeze(hashes, bits)
    if bits <= distance:
        forest.unite(places[1:], np.full(len(places) - 1, places[0]))
        return
    repeat, cost = _bands(len(hashes), bits, distance)
    if cost >= _all_pairs_cost(len(hashes)):
        _compare(hashes, places, len(hashes), distance, forest)
        return
    edges = [round(band * bits / (distance + repeat)) for band in range(distance + repeat + 1)]
    bands = [(low, high - low) for low, high in pairwise(edges)]
    for chosen in combinations(bands, repeat):
        others = [band for band in bands if band not in chosen]
        keyed = _gather_bits(hashes, [*chosen, *others])
        order = np.argsort(keyed)
        _link_buckets(keyed[order], places[order], bits - sum(width for _, width in chosen), distance, forest)


def _squeeze(hashes: Hashes, bits: int) -> tuple[Hashes, int]:
    """Leave out the bits that all share: bands made of them would tell nothing apart."""
    differ = int(np.bitwise_or.reduce(hashes ^ hashes[0]))
    if differ.bit_count() == bits:
        return hashes, bits
    kept = [(bit, 1) for bit in range(BITS) if differ >> bit & 1]
    return _gather_bits(hashes, kept), len(kept)


def _bands(count: int, bits: int, distance: int) -> tuple[int, float]:
    """How many of ``distance + r`` bands to agree on, and the nanoseconds that takes if hashes spread evenly."""

    def cost(repeat: int) -> float:
        bucket = count / 2 ** (bits * repeat / (distance + repeat))
        return math.comb(distance + repeat, repeat) * count * (_SORT_NS + _PAIR_NS * bucket / 2)

    able = [repeat for repeat in (1, 2, 3) if distance + repeat <= bits]
    best = min(able, key=cost)
    return best, cost(best)


def _all_pairs_cost(count: int) -> float:
    return _PAIR_NS * count * count / 2


def _gather_bits(hashes: Hashes, bands: list[tuple[int, int]]) -> Hashes:
    """The bands one after another, the first on top: a permutation of bits, which keeps every distance."""
    out = np.zeros_like(hashes)
    for low, width in bands:
        out <<= np.uint64(width)
        out |= (hashes >> np.uint64(low)) & np.uint64((1 << width) - 1)
    return out


def _link_buckets(hashes: Hashes, places: Places, bits: int, distance: int, forest: Forest) -> None:
    """Unite within each run of sorted hashes that agree above their low ``bits``."""
    above = hashes >> np.uint64(bits)
    starts = np.concatenate(([0], np.flatnonzero(above[1:] != above[:-1]) + 1, [len(hashes)]))
    sizes = np.diff(starts)
    crowds = np.flatnonzero(sizes > _CROWD)
    for before, crowd in pairwise([-1, *crowds.tolist(), len(sizes)]):
        _link_small(hashes, places, starts[before + 1 : crowd + 1], distance, forest)
        if crowd < len(sizes):
            part = slice(int(starts[crowd]), int(starts[crowd + 1]))
            _link_crowd(hashes[part], places[part], bits, distance, forest)


def _link_small(hashes: Hashes, places: Places, starts: Sizes, distance: int, forest: Forest) -> None:
    """Buckets between consecutive ``starts``, in chunks that end where a bucket ends."""
    first = 0
    while first + 1 < len(starts):
        last = int(np.searchsorted(starts, starts[first] + _CHUNK, side="right")) - 1
        longest = int(np.diff(starts[first : last + 1]).max())
        part = slice(int(starts[first]), int(starts[last]))
        _compare(hashes[part], places[part], longest, distance, forest)
        first = last


def _link_crowd(hashes: Hashes, places: Places, bits: int, distance: int, forest: Forest) -> None:
    """A large bucket: neighbours in the sorted order first; mostly they already hang together, and few are left."""
    _compare(hashes, places, 9, distance, forest)
    roots = forest.roots(places)
    values, counts = np.unique(roots, return_counts=True)
    outside = np.flatnonzero(roots != values[counts.argmax()])
    low = hashes & np.uint64((1 << bits) - 1)
    if _PAIR_NS * len(outside) * len(hashes) <= _bands(len(hashes), bits, distance)[1]:
        for place in outside.tolist():
            near = np.flatnonzero(np.bitwise_count(hashes ^ hashes[place]) <= distance)
            forest.unite(places[near], np.full(len(near), places[place]))
    else:
        _link(low, places, bits, distance, forest)


def _compare(hashes: Hashes, places: Places, longest: int, distance: int, forest: Forest) -> None:
    """Each with the ``longest - 1`` that follow it."""
    for first in range(0, len(hashes), _CHUNK):
        # What follows a chunk's last hashes belongs to their comparisons.
        part = slice(first, first + _CHUNK + longest - 1)
        chunk, where = hashes[part], places[part]
        if longest > 2 and np.ptp(forest.roots(where)) == 0:
            continue
        left, right, waiting = list[Places](), list[Places](), 0
        for step in range(1, min(longest, len(chunk))):
            near = np.bitwise_count(chunk[step:] ^ chunk[:-step]) <= distance
            if near.any():
                hits = np.flatnonzero(near)
                left.append(where[hits + step])
                right.append(where[hits])
                waiting += len(hits)
            if waiting > _CHUNK:
                forest.unite(np.concatenate(left), np.concatenate(right))
                left, right, waiting = [], [], 0
        if waiting:
            forest.unite(np.concatenate(left), np.concatenate(right))
