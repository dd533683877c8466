"""Curves of what is reached, made of what was published or measured: they rise by construction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compoundeye.capacity._cluster import Curve

_SIZES = [float(2**power) for power in range(10, 35)]
"""Bytes of a curve that is given by its floor and its limit: log-linear between powers of two is within 6 %."""


def rising(points: Iterable[tuple[float, float]]) -> Curve:
    """The rising curve nearest to points of size and fraction: neighbours that fall are put at their mean.

    Of several fractions at one size the lowest counts.

    Isotonic regression by pooling adjacent violators (Ayer et al., "An Empirical Distribution Function for Sampling
    with Incomplete Information", 1955).

    Raises:
        ValueError: there is no point, or a size or a fraction is not above 0.
    """
    lowest: dict[float, float] = {}
    for size, fraction in points:
        lowest[size] = min(fraction, lowest.get(size, fraction))
    if not lowest or min(*lowest, *lowest.values()) <= 0:
        raise ValueError("a curve needs sizes and fractions above 0")
    pools: list[tuple[float, list[float]]] = []
    for size, fraction in sorted(lowest.items()):
        pools.append((fraction, [size]))
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            high, low = pools.pop(), pools.pop()
            count = len(low[1]) + len(high[1])
            pools.append(((low[0] * len(low[1]) + high[0] * len(high[1])) / count, low[1] + high[1]))
    return Curve(tuple((size, fraction) for fraction, pooled in pools for size in pooled))


def from_floor(bandwidth: float, floor: float, limit: float) -> Curve:
    """Fraction of a bandwidth (bytes/s) when ``n`` bytes take ``floor + n / (limit x bandwidth)`` seconds."""
    return Curve(tuple((size, size / bandwidth / (floor + size / bandwidth / limit)) for size in _SIZES))


def from_calls(calls: Iterable[tuple[float, int, float]], bandwidth: float, latency: float) -> Curve:
    """Fraction of a network's bandwidth by bytes that one accelerator sends in one call.

    ``calls``: bytes sent, hops and seconds of each. The latency of the hops is taken off, since whoever uses the curve
    adds that of their own group; at most four fifths of the time.
    """
    return rising((sent, sent / bandwidth / max(taken - hops * latency, taken / 5)) for sent, hops, taken in calls)


def from_all_reduce(
    table: Sequence[tuple[float, float]], ranks: int, bandwidth: float, latency: float, limit: float | None = None
) -> Curve:
    """The same from a table of nccl-tests: bytes of the message and bus bandwidth (bytes/s) of an all-reduce.

    Bus bandwidth (PERFORMANCE.md of nccl-tests) is what each rank of the ring sends, ``2 (n-1) / n`` times the
    message in ``2 (n-1)`` hops, over the time. With ``limit`` each byte takes longer by so much that the largest
    message reaches this fraction: for calls that switches do not help.
    """
    hops = 2 * (ranks - 1)
    slower = 1 / (limit * bandwidth) - 1 / table[-1][1] if limit is not None else 0.0
    sent = [(size * hops / ranks, rate) for size, rate in table]
    return from_calls([(size, hops, size / rate + size * slower) for size, rate in sent], bandwidth, latency)
