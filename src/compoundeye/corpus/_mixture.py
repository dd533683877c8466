"""Several orders as one, in given shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._order import Order, Samples, fingerprint
from compoundeye.corpus._permutation import key_of, permuted

Rows = npt.NDArray[np.int64]

MOST_POSITIONS = 10_000
"""Of a round. Shares that do not come out even in as many are rounded to it (Hamilton's largest remainder)."""


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Each lane is cut into rounds; each round takes of each order its quota, in a sequence of its own."""

    orders: tuple[Order, ...]
    edges: Rows
    """Before a round is shuffled, its numbers edges[s] up to edges[s + 1] are those of order s."""
    seed: int
    rows: int
    key: str
    lanes: int
    sources: int

    def at(self, positions: Rows) -> Samples:
        positions = np.asarray(positions, np.int64)
        if len(positions) and positions.min() < 0:
            raise ValueError("a position is negative")
        # Lane by lane, so that a process that takes every R-th position meets the same lanes of each order.
        step = positions // self.lanes
        lane = positions - step * self.lanes
        length = int(self.edges[-1])
        turn = step // length
        key = key_of(self.seed, (turn * self.lanes + lane).view(np.uint64))
        number = permuted((step - turn * length).view(np.uint64), length, key).view(np.int64)
        which = np.searchsorted(self.edges, number, side="right") - 1
        theirs = (turn * np.diff(self.edges)[which] + number - self.edges[which]) * self.lanes + lane
        found = Samples(np.empty(len(positions), np.int16), np.empty(len(positions), np.int64))
        before = 0
        for place, order in enumerate(self.orders):
            mine = np.flatnonzero(which == place)
            samples = order.at(theirs[mine])
            found.source[mine] = samples.source + before
            found.row[mine] = samples.row
            before += order.sources
        return found


def mixture(orders: Sequence[tuple[Order, float]], seed: int = 0) -> Order:
    """Orders of several corpora as one, each with its weight's share of the positions; constant memory.

    In each lane (the greatest number that divides all orders' lanes), every round of Q positions holds each order's
    quota exactly: Q is the least number for which all quotas are whole, or 10,000 and quotas are rounded. Each order
    goes through its own epochs: no row of it comes again before all have come, but for reordering within a round. An
    epoch of the mixture has as many positions as all orders have rows. Samples number the corpora of the first order
    from 0, then those of the second, and so on.

    Args:
        orders: with their weights, above 0, relative to each other.
        seed: of the sequence within rounds.

    Raises:
        CorpusError: there are no orders, one is empty, or a weight is so small that it would never be seen.
    """
    if not orders or any(not (0 < weight < math.inf) or not order.rows for order, weight in orders):
        raise CorpusError("a mixture needs orders that hold pictures, and weights above 0")
    quotas = _quotas([weight for _, weight in orders])
    if 0 in quotas:
        raise CorpusError(
            f"weight {min(weight for _, weight in orders)} is less than one picture in {MOST_POSITIONS:,}: raise it, "
            "or leave that corpus out"
        )
    members = tuple(order for order, _ in orders)
    lanes = math.gcd(*(order.lanes for order in members))
    edges = np.concatenate([np.zeros(1, np.int64), np.cumsum(quotas, dtype=np.int64)])
    key = fingerprint("mixture", seed, lanes, quotas, [order.key for order in members])
    rows = sum(order.rows for order in members)
    return _Mixture(members, edges, seed, rows, key, lanes, sum(order.sources for order in members))


def _quotas(weights: Sequence[float]) -> list[int]:
    """Positions of each in a round."""
    # As written in decimals: 0.1 is a tenth, not the nearest binary fraction.
    exact = [Fraction(repr(float(weight))) for weight in weights]
    shares = [weight / sum(exact) for weight in exact]
    length = math.lcm(*(share.denominator for share in shares))
    if length <= MOST_POSITIONS:
        return [int(share * length) for share in shares]
    quotas = [math.floor(share * MOST_POSITIONS) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda place: quotas[place] - shares[place] * MOST_POSITIONS)
    for place in by_remainder[: MOST_POSITIONS - sum(quotas)]:
        quotas[place] += 1
    return quotas
