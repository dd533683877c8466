"""A tree of categories over the labels of a model: a doubtful tabby is still a cat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Tree:
    """Nodes in depth-first order, so that the labels below any node are one contiguous run.

    K labels, M nodes. Node 0 is the root; every label is a leaf; parents come before children.
    """

    names: tuple[str, ...]
    """[M] human names, unique without regard to case."""
    synsets: tuple[str, ...]
    """[M] identifiers of the nodes in their source (WordNet 3.0: "n" and the offset in data.noun)."""
    parent: Integers
    """[M] node above each node, -1 for the root."""
    leaf: Integers
    """[K] node of each label."""

    def __post_init__(self) -> None:
        count = len(self.names)
        if not (count == len(self.synsets) == len(self.parent) and np.all(self.parent < np.arange(count))):
            raise ValueError("a tree lists every parent before its children")
        inner = set(self.parent.tolist())
        if self.parent[0] != -1 or np.count_nonzero(self.parent < 0) != 1 or not inner.isdisjoint(self.leaf.tolist()):
            raise ValueError("a tree has one root, and labels have nothing below them")
        if np.any(self._end - self._start != self._counts):
            raise ValueError("a tree lists every node directly before everything below it")

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _order(self) -> npt.NDArray[np.intp]:
        """[K] labels in the order of their nodes."""
        return np.argsort(self.leaf)

    @cached_property
    def _end(self) -> npt.NDArray[np.intp]:
        """[M] one past the last run position below each node."""
        last = np.arange(len(self.names))
        for node in range(len(self.names) - 1, 0, -1):
            last[self.parent[node]] = max(last[self.parent[node]], last[node])
        return np.searchsorted(self.leaf[self._order], last, side="right")

    @cached_property
    def _start(self) -> npt.NDArray[np.intp]:
        """[M] first run position at or below each node."""
        return np.searchsorted(self.leaf[self._order], np.arange(len(self.names)), side="left")

    @cached_property
    def _counts(self) -> npt.NDArray[np.intp]:
        """[M] labels at or below each node, counted through the parents alone."""
        counts = np.zeros(len(self.names), np.intp)
        counts[self.leaf] = 1
        for node in range(len(self.names) - 1, 0, -1):
            counts[self.parent[node]] += counts[node]
        return counts

    def sum_up(self, probabilities: Floats) -> npt.NDArray[np.float32]:
        """Probability of every node: the sum over the labels below it.

        Args:
            probabilities: [N, K], in the order of the labels.

        Returns:
            float32 [N, M]. A node's labels are a run, so its sum is the difference of two running sums; those are
            kept in float64, where their error (about K x 1e-16) is far below float32's resolution.
        """
        running = np.zeros((len(probabilities), len(self.leaf) + 1))
        np.cumsum(probabilities[:, self._order], axis=1, dtype=np.float64, out=running[:, 1:])
        return (running[:, self._end] - running[:, self._start]).astype(np.float32)

    def ancestors(self, label: int) -> list[int]:
        """Nodes from a label's own up to the root."""
        return self.path(int(self.leaf[label]))

    def path(self, node: int) -> list[int]:
        """Nodes from this one up to the root, both included."""
        nodes = [node]
        while (above := int(self.parent[nodes[-1]])) >= 0:
            nodes.append(above)
        return nodes

    def labels_below(self, node: int) -> npt.NDArray[np.intp]:
        """Labels at or below a node, ascending."""
        return np.sort(self._order[self._start[node] : self._end[node]])

    @cached_property
    def depth(self) -> Integers:
        """[M] steps from the root."""
        depth = np.zeros(len(self.names), np.int32)
        for node in range(1, len(self.names)):
            depth[node] = depth[self.parent[node]] + 1
        return depth


def read_tree(lines: Sequence[str]) -> Tree:
    """A tree from lines of identifier, name, line of the parent, index of the label (-1: none), split by tabs.

    ``tools/imagenet_tree.py`` writes them.
    """
    synsets, names, parents, labels = zip(*(line.split("\t") for line in lines), strict=True)
    label = np.array(labels, np.int32)
    nodes = np.flatnonzero(label >= 0)
    leaf = nodes[np.argsort(label[nodes])].astype(np.int32)
    return Tree(tuple(names), tuple(synsets), np.array(parents, np.int32), leaf)
