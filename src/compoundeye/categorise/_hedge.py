"""A doubtful tabby is still a cat: the most telling category that is sure enough."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.models import Tree

Floats = npt.NDArray[np.floating[Any]]

LEAST_BITS = 2.0
"""An answer says at least this much: it leaves a quarter of the labels or fewer ("mammal" does, "animal" and
"artifact" of ImageNet's tree do not). Below that a picture is abstained."""


def information(tree: Tree) -> npt.NDArray[np.float64]:
    """[M] bits that each node tells: log2(labels in all / labels below it), Deng et al. 2012, section 3."""
    return np.asarray(np.log2(len(tree.leaf) / np.array([len(tree.labels_below(n)) for n in range(len(tree))])))


class Hedge:
    """Chooses among the nodes of a tree: Deng et al. 2012, "Hedging Your Bets" (CVPR), for a fixed accuracy.

    With a threshold of one half or more, the nodes that reach it lie on one path, and the deepest of them tells most.
    """

    def __init__(self, tree: Tree, least_bits: float = LEAST_BITS) -> None:
        told = information(tree)
        self._tree = tree
        # Nodes by what they tell, then by depth: a place in this order is a rank that no two nodes share.
        self._rank = np.empty(len(tree), np.int32)
        self._rank[np.lexsort((tree.depth, told))] = np.arange(len(tree), dtype=np.int32)
        self._allowed = told >= least_bits
        self._rank[~self._allowed] = -1

    def __call__(
        self, probabilities: Floats, threshold: float
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """The node to answer with and its probability.

        Args:
            probabilities: [N, K] of the labels, calibrated.
            threshold: 0.5 or more.

        Returns:
            node int32 [N], -1 where none that tells enough is sure enough, and its probability float32 [N] (0 there).

        Raises:
            ValueError: a threshold below one half, where two answers that exclude each other could both reach it.
        """
        if threshold < 0.5:
            raise ValueError(f"a threshold must be at least 0.5, not {threshold}")
        sums = self._tree.sum_up(probabilities)
        rank = np.where(sums >= threshold, self._rank, np.int32(-1))
        node = rank.argmax(axis=1).astype(np.int32)
        rows = np.arange(len(node))
        node[rank[rows, node] < 0] = -1
        return node, np.where(node < 0, np.float32(0), sums[rows, node])
