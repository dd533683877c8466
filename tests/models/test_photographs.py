"""What the classifiers say about photographs whose content anyone can check by looking.

Labels were set by eye. Three of the seven show something that none of ImageNet's 1,000 labels names: a motorcycle, of
which only a broader category can be right, an astronaut's portrait and a dahlia, for which a sure label would be wrong.
``benchmarks/top1.py`` counts over 111 more.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from compoundeye.models import Tree, Vision, load

MODELS = ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2", "efficientnet-lite0-int8"]
LABELS = {
    "chelsea.png": {"tabby", "tiger cat", "Egyptian cat"},
    "coffee.png": {"espresso", "cup", "coffee mug"},
    "china.jpg": {"palace", "monastery"},
    "rocket.jpg": {"missile", "projectile"},
}
MISTAKES = {("efficientnet-lite1", "rocket.jpg"): "space shuttle"}
BROADER = {
    "chelsea.png": "domestic cat",
    "china.jpg": "artifact",
    "motorcycle_left.png": "artifact",
    "rocket.jpg": "artifact",
}


@pytest.fixture(scope="module", params=MODELS)
def vision(request: pytest.FixtureRequest) -> Vision:
    return load(request.param)


def shares(vision: Vision, data: bytes) -> npt.NDArray[np.float64]:
    logits = vision(vision.prepare(data)[None]).logits
    assert logits is not None
    powers = np.exp(logits[0].astype(np.float64) - logits[0].max())
    return np.asarray(powers / powers.sum())


@pytest.mark.parametrize("name", LABELS)
def test_the_best_label_is_one_a_person_would_give(vision: Vision, photographs: dict[str, bytes], name: str) -> None:
    assert vision.labels is not None
    best = vision.labels.names[shares(vision, photographs[name]).argmax()]
    mistake = MISTAKES.get((vision.card.name, name))
    assert best in LABELS[name] if mistake is None else best == mistake


@pytest.mark.parametrize("name", BROADER)
def test_the_broader_category_holds_most_of_the_probability(
    vision: Vision, photographs: dict[str, bytes], name: str
) -> None:
    assert vision.labels is not None
    tree = vision.labels.tree
    assert isinstance(tree, Tree)
    sums = tree.sum_up(shares(vision, photographs[name])[None])[0]
    assert sums[tree.names.index(BROADER[name])] > 0.5


@pytest.mark.parametrize("name", ["astronaut.png", "flower.jpg"])
def test_what_no_label_names_gets_no_sure_label(vision: Vision, photographs: dict[str, bytes], name: str) -> None:
    assert shares(vision, photographs[name]).max() < 0.5
