"""Sums over a tree of categories equal the sums over its labels, whatever the tree."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.models import Tree, labels
from compoundeye.models._tree import read_tree


def grown(parents: list[int], seed: int = 0) -> Tree:
    """The tree of these parents in depth-first order, its labels (every leaf) in random order."""
    children: dict[int, list[int]] = {}
    for node, parent in enumerate(parents):
        children.setdefault(parent, []).append(node)
    order: list[int] = []
    stack = [0]
    while stack:
        order.append(stack.pop())
        stack.extend(children.get(order[-1], []))
    place = {node: at for at, node in enumerate(order)}
    above = np.array([place.get(parents[node], -1) for node in order], np.int32)
    leaves = [place[node] for node in order if node not in children]
    leaf = np.random.default_rng(seed).permutation(np.array(leaves, np.int32))
    names = tuple(f"node {at}" for at in range(len(order)))
    return Tree(names, names, above, leaf)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    parents = [-1] + [draw(st.integers(0, node - 1)) for node in range(1, draw(st.integers(1, 30)))]
    return grown(parents, draw(st.integers(0, 9)))


def membership(tree: Tree) -> npt.NDArray[np.float64]:
    """[K, M] 1 where a node is above a label, by walking up."""
    matrix = np.zeros((len(tree.leaf), len(tree)))
    for label in range(len(tree.leaf)):
        matrix[label, tree.ancestors(label)] = 1
    return matrix


@given(trees(), st.integers(0, 3))
def test_every_node_is_the_sum_of_its_labels(tree: Tree, count: int) -> None:
    probabilities = np.random.default_rng(count).dirichlet(np.ones(len(tree.leaf)), count).astype(np.float32)
    sums = tree.sum_up(probabilities)
    assert sums.shape == (count, len(tree))
    assert sums.dtype == np.float32
    np.testing.assert_allclose(sums, probabilities @ membership(tree), atol=1e-6)
    np.testing.assert_array_equal(sums[:, tree.leaf], probabilities)


@given(trees())
def test_the_ways_to_ask_agree(tree: Tree) -> None:
    matrix = membership(tree)
    for node in range(len(tree)):
        np.testing.assert_array_equal(tree.labels_below(node), np.flatnonzero(matrix[:, node]))
        assert tree.depth[node] == len(tree.path(node)) - 1
        assert tree.path(node)[-1] == 0


@pytest.mark.parametrize(
    ("parent", "leaf", "reason"),
    [
        ([-1, 2, 0], [1, 2], "every parent before its children"),
        ([-1, 0, -1], [1, 2], "one root"),
        ([-1, 0, 1], [1, 2], "nothing below them"),
        ([-1, 0, 0, 1, 1], [2, 3, 4], "directly before everything below it"),
    ],
)
def test_what_is_not_such_a_tree_is_refused(parent: list[int], leaf: list[int], reason: str) -> None:
    names = tuple("abcde"[: len(parent)])
    with pytest.raises(ValueError, match=reason):
        Tree(names, names, np.array(parent, np.int32), np.array(leaf, np.int32))


def test_lines_become_a_tree() -> None:
    tree = read_tree(["n1\tanimal\t-1\t-1", "n2\tcat\t0\t1", "n3\tdog\t0\t0"])
    assert tree.names == ("animal", "cat", "dog")
    assert [tree.names[node] for node in tree.leaf] == ["dog", "cat"]
    np.testing.assert_allclose(tree.sum_up(np.array([[0.25, 0.5]])), [[0.75, 0.5, 0.25]])


@pytest.fixture(scope="module")
def wordnet() -> Tree:
    tree = labels("imagenet-1k").tree
    assert tree is not None
    return tree


@pytest.mark.parametrize(
    ("label", "above"),
    [
        ("tabby", ["domestic cat", "cat", "feline", "carnivore", "mammal", "vertebrate", "animal", "entity"]),
        ("beagle", ["hound", "dog", "canine", "mammal", "animal"]),
        ("minivan", ["car", "motor vehicle", "vehicle", "artifact"]),
        ("espresso", ["coffee", "beverage", "food"]),
        ("grand piano", ["piano", "keyboard instrument", "musical instrument"]),
        ("Granny Smith", ["apple", "edible fruit", "plant part"]),
        ("scuba diver", ["person", "organism"]),
    ],
)
def test_a_doubtful_label_climbs_to_what_people_would_call_it(wordnet: Tree, label: str, above: list[str]) -> None:
    names = [wordnet.names[node] for node in wordnet.ancestors(labels("imagenet-1k").names.index(label))]
    assert names[0] == label
    assert [name for name in names if name in above] == above


def test_a_doubtful_tabby_is_still_a_cat(wordnet: Tree) -> None:
    names = labels("imagenet-1k").names
    probabilities = np.zeros((1, 1000))
    for name, share in (("tabby", 0.4), ("tiger cat", 0.3), ("Egyptian cat", 0.2), ("lynx", 0.06), ("sock", 0.04)):
        probabilities[0, names.index(name)] = share
    sums = dict(zip(wordnet.names, wordnet.sum_up(probabilities)[0].tolist(), strict=True))
    assert sums["domestic cat"] == pytest.approx(0.9)
    assert sums["cat"] == pytest.approx(0.96)
    assert sums["dog"] == 0
    assert sums["entity"] == pytest.approx(1)


def test_wordnet_is_whole_small_and_licensed(wordnet: Tree) -> None:
    assert len(wordnet.leaf) == 1000
    assert 1700 < len(wordnet) < 1900
    assert len({name.lower() for name in wordnet.names}) == len(wordnet)
    assert len(set(wordnet.synsets)) == len(wordnet)
    assert (wordnet.names[0], wordnet.synsets[0]) == ("entity", "n00001740")
    data = files("compoundeye.models").joinpath("data")
    assert len(data.joinpath("imagenet-1k.tsv").read_bytes()) < 200_000
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in data.joinpath("LICENSE.WordNet").read_text()
