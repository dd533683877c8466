"""How many nodes must stand by so that a training hardly ever waits for one."""

from __future__ import annotations

from math import ceil, exp
from statistics import NormalDist

from compoundeye.capacity._reliability import HOUR, Reliability
from compoundeye.records import EyeError

MOST = 500.0
"""Nodes under repair on average, beyond which ``exp`` of it would vanish: then its normal approximation serves."""


def under_repair(gpus: int, reliability: Reliability) -> float:
    """Nodes under repair at a moment, on average, while the job runs on all its GPUs."""
    taken = reliability.failures * reliability.hardware + reliability.stragglers
    return taken * gpus * reliability.repair / HOUR


def spares_needed(gpus: int, reliability: Reliability, covered: float = 0.99) -> int:
    """Nodes that stand by so that at ``covered`` of all moments no more are under repair.

    How many are under repair at a moment is Poisson, whatever the distribution of repair times (Palm 1938; the
    M/G/infinity queue). ByteRobust sizes its standby machines by the same 99th percentile (arXiv:2509.16293, table 5).

    Raises:
        EyeError: ``covered`` is no share below 1.
    """
    if not 0.0 <= covered < 1.0:
        raise EyeError(f"covered must be a share from 0 to below 1, not {covered}")
    mean = under_repair(gpus, reliability)
    if mean > MOST:
        return ceil(NormalDist(mean, mean**0.5).inv_cdf(max(covered, 0.5)))
    count, term = 0, exp(-mean)
    total = term
    while total < covered:
        count += 1
        term *= mean / count
        total += term
    return count
