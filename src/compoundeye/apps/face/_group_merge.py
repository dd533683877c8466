"""Groups that grow by joining the two most alike, while nothing forbids it.

Average linkage (Sokal and Michener 1958, UPGMA): two groups are as alike as the pairs of faces between them on
average, each weighted by what its picture is worth. With a sum of vectors kept for each group that is one product. The
average of a joined group is never above those of its parts (Murtagh 1983, reducibility), so an old value in the queue
is an upper bound, and comparing again only what comes to the head of it gives the joins of a full recomputation.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._group_links import Links

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

NOBODY = -1


class Groups:
    """Groups of rows that start as one each, and what forbids joining two of them.

    Args:
        vectors: [N, D], one a row.
        weights: [N], positive.
        pictures: [N] the picture of a row that shares it with another, ``NOBODY`` where it does not matter.
        people: [N] whom a row is known to show, ``NOBODY`` where it is not.
    """

    def __init__(self, vectors: Float64, weights: Float64, pictures: Int64, people: Int64) -> None:
        self.sums = vectors * weights[:, None]
        self.weights = weights.copy()
        self._parent = list(range(len(weights)))
        self._changed = [0] * len(weights)
        self._pictures = {row: {picture} for row, picture in enumerate(pictures.tolist()) if picture != NOBODY}
        self._people: list[int] = people.tolist()
        self._apart: dict[int, set[int]] = {}

    def root(self, row: int) -> int:
        """The row that stands for the group of a row."""
        parent = self._parent
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    def roots(self) -> Int64:
        """[N] the row that stands for each row's group."""
        return np.fromiter((self.root(row) for row in range(len(self._parent))), np.int64, len(self._parent))

    def alike(self, one: int, other: int) -> float:
        """Weighted mean product between two groups, named by their roots."""
        return float(self.sums[one] @ self.sums[other] / (self.weights[one] * self.weights[other]))

    def keep_apart(self, one: int, other: int) -> None:
        """Never join the groups of these rows. They must not be one group already."""
        one, other = self.root(one), self.root(other)
        self._apart.setdefault(one, set()).add(other)
        self._apart.setdefault(other, set()).add(one)

    def two_people(self, one: int, other: int) -> bool:
        """Whether two groups, named by their roots, are known to show two people."""
        return self._people[one] != self._people[other] and NOBODY not in (self._people[one], self._people[other])

    def forbidden(self, one: int, other: int) -> bool:
        """Whether two groups, named by their roots, must not be joined."""
        if self.two_people(one, other) or other in self._apart.get(one, ()):
            return True
        mine, theirs = self._pictures.get(one), self._pictures.get(other)
        return mine is not None and theirs is not None and not mine.isdisjoint(theirs)

    def join(self, one: int, other: int) -> None:
        """Make one group of those of two rows, whatever forbids it."""
        keep, lose = self.root(one), self.root(other)
        if keep == lose:
            return
        if self._burden(lose) > self._burden(keep):
            keep, lose = lose, keep
        self.sums[keep] += self.sums[lose]
        self.weights[keep] += self.weights[lose]
        self._parent[lose] = keep
        self._changed[keep] += 1
        if self._people[keep] == NOBODY:
            self._people[keep] = self._people[lose]
        if (pictures := self._pictures.pop(lose, None)) is not None:
            self._pictures.setdefault(keep, set()).update(pictures)
        for enemy in self._apart.pop(lose, ()):
            self._apart[enemy].discard(lose)
            if enemy != keep:
                self.keep_apart(keep, enemy)

    def join_alike(self, found: Links, rows: Sequence[int], threshold: float) -> int:
        """Join the most alike of the groups that links name, as long as they reach the threshold; how many joined.

        Args:
            found: links between places in ``rows``.
            rows: the root that each place stood for when the links were found.
            threshold: the least mean product.
        """
        joined, at = 0, 0
        scores, left, right = found.scores.tolist(), found.left.tolist(), found.right.tolist()
        again = list[tuple[float, int, int, int, int]]()  # minus the score, two roots, and their states when compared
        waiting = set[tuple[int, int, int, int]]()
        while at < len(scores) or again:
            head = again[0][0] if again else np.inf
            if at < len(scores) and -scores[at] <= head:
                score, one, other, states = scores[at], rows[left[at]], rows[right[at]], (0, 0)
                at += 1
            else:
                minus, one, other, *at_state = heapq.heappop(again)
                score, states = -minus, (at_state[0], at_state[1])
                waiting.discard((one, other, *states))
            one, other = sorted((self.root(one), self.root(other)))
            now = (self._changed[one], self._changed[other])
            if one == other or (one, other, *now) in waiting or self.forbidden(one, other):
                continue
            if states != now or max(now):
                score = self.alike(one, other)
                ahead = max(scores[at] if at < len(scores) else -np.inf, -again[0][0] if again else -np.inf)
                if score < threshold:
                    continue
                if score < ahead:
                    heapq.heappush(again, (-score, one, other, *now))
                    waiting.add((one, other, *now))
                    continue
            self.join(one, other)
            joined += 1
        return joined

    def _burden(self, root: int) -> int:
        return len(self._apart.get(root, ())) + len(self._pictures.get(root, ()))
