"""How long a collective takes on a cluster: rings within nodes, joined by rings between nodes."""

from __future__ import annotations

from math import ceil, log2

from compoundeye.capacity import Cluster
from compoundeye.plan._operations import Gathering


def collective_seconds(kind: Gathering, nbytes: float, size: int, stride: int, cluster: Cluster) -> float:
    """Seconds of one call on an idle network.

    A group of ``size`` ranks, ``stride`` apart, has k ranks in each of n nodes. In an all-gather each rank takes in
    (size - 1) / size of the bytes over the node's own links, and each node (n - 1) / n of them over the adapters of its
    k ranks; both go on at once, so the slower one counts. An all-reduce is a reduce-scatter and an all-gather.
    Latency: one hop for each neighbour of a ring, or twice the depth of a tree between nodes for an all-reduce
    (NCCL's algorithms; Thakur et al., Optimization of Collective Communication Operations in MPICH, 2005, section 4).

    Args:
        kind: what is done.
        nbytes: of the larger of what goes in and what comes out on one rank.
        size: ranks of the group.
        stride: distance between neighbours of the group, in ranks.
        cluster: gives bandwidth, latency and what share of the bandwidth is achieved at which size.
    """
    if size <= 1 or nbytes <= 0:
        return 0.0
    within, between = cluster.node.within, cluster.between
    per_node = cluster.node.accelerators
    if kind == "send":
        link = within if stride < per_node else between
        return nbytes / (link.bandwidth * link.achieved.at(nbytes)) + link.latency
    together = max(1, min(size, per_node // stride))
    nodes = ceil(size / together)
    if kind == "all_to_all":
        inside, outside = nbytes * (together - 1) / size, nbytes * (size - together) / size
    else:
        inside, outside = nbytes * (size - 1) / size, nbytes * (nodes - 1) / nodes / together
    rounds = 2 if kind == "all_reduce" else 1
    seconds = hops = 0.0
    if together > 1:
        seconds = inside / (within.bandwidth * within.achieved.at(nbytes))
        hops = (together - 1) * within.latency
    if nodes > 1:
        seconds = max(seconds, outside / (between.bandwidth * between.achieved.at(nbytes)))
        hops += (log2(nodes) if kind == "all_reduce" else nodes - 1) * between.latency
    return rounds * (seconds + hops)
