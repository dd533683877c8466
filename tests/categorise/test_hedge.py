"""A doubtful tabby is still a cat, and never just an object."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.categorise._hedge import LEAST_BITS, Hedge, information
from compoundeye.models import Tree, labels

IMAGENET = labels("imagenet-1k")


def small() -> Tree:
    """thing > (animal > (cat > (tabby, Persian), dog), car, ..., 16 labels in all)."""
    names = ["thing", "animal", "cat", "tabby", "Persian", "dog"] + [f"car {n}" for n in range(13)]
    parent = [-1, 0, 1, 2, 2, 1] + [0] * 13
    leaf = [3, 4, 5, *range(6, 19)]
    return Tree(tuple(names), tuple(names), np.array(parent, np.int32), np.array(leaf, np.int32))


def sure_of(**probabilities: float) -> np.ndarray:
    tree = small()
    row = np.zeros(16)
    for name, value in probabilities.items():
        row[[tree.names[node] for node in tree.leaf].index(name)] = value
    rest = row == 0
    row[rest] = (1 - row.sum()) / rest.sum()
    return row[None]


@pytest.mark.parametrize(
    ("probabilities", "threshold", "answer"),
    [
        ({"tabby": 0.9}, 0.8, "tabby"),
        ({"tabby": 0.5, "Persian": 0.45}, 0.8, "cat"),
        ({"tabby": 0.4, "Persian": 0.3, "dog": 0.25}, 0.8, "animal"),
        ({"tabby": 0.3, "dog": 0.2}, 0.8, None),
        ({"tabby": 0.9}, 0.95, None),
    ],
)
def test_the_most_telling_category_that_is_sure_enough(
    probabilities: dict[str, float], threshold: float, answer: str | None
) -> None:
    tree = small()
    node, sure = Hedge(tree)(sure_of(**probabilities), threshold)
    assert (tree.names[node[0]] if node[0] >= 0 else None) == answer
    assert sure[0] >= threshold or answer is None


def test_the_root_is_no_answer_however_sure() -> None:
    node, _ = Hedge(small())(np.full((1, 16), 1 / 16), 0.5)
    assert node[0] == -1


def test_information_counts_labels() -> None:
    told = information(small())
    assert told[0] == 0
    assert told[1] == pytest.approx(np.log2(16 / 3))
    assert told[3] == 4


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.floats(0.01, 3), st.sampled_from([0.5, 0.7, 0.9, 0.99]))
def test_on_imagenets_tree(seed: int, sharpness: float, threshold: float) -> None:
    tree = IMAGENET.tree
    assert tree is not None
    logits = np.random.default_rng(seed).normal(size=(4, 1000)) * 6 * sharpness
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    node, sure = Hedge(tree)(probabilities, threshold)
    told, sums = information(tree), tree.sum_up(probabilities)
    for row in range(4):
        able = (sums[row] >= threshold) & (told >= LEAST_BITS)
        assert (node[row] >= 0) == able.any()
        if able.any():
            assert told[node[row]] == told[able].max()
            assert sure[row] == sums[row, node[row]]
            # Nothing below it is sure enough.
            children = np.flatnonzero(tree.parent == node[row])
            assert not np.any(sums[row, children] >= threshold)


def test_useless_words_are_never_said() -> None:
    tree = IMAGENET.tree
    assert tree is not None
    told = dict(zip(tree.names, information(tree), strict=True))
    for word in ("entity", "object", "whole", "artifact", "living thing", "animal", "instrumentality"):
        assert told[word] < LEAST_BITS
    for word in ("mammal", "dog", "bird", "vehicle", "clothing", "food", "furniture"):
        assert told[word] >= LEAST_BITS


def test_a_threshold_that_two_answers_could_reach_is_refused() -> None:
    with pytest.raises(ValueError, match="must be at least"):
        Hedge(small())(np.full((1, 16), 1 / 16), 0.4)
