"""Labels are names that people use, one for each output."""

from __future__ import annotations

import re

import pytest

from compoundeye.models import Labels, labels


def test_imagenets_labels_are_in_the_order_of_the_challenge() -> None:
    found = labels("imagenet-1k")
    assert len(found) == 1000
    assert found.synsets is not None
    assert list(found.synsets) == sorted(found.synsets)  # the challenge numbers them by identifier
    assert all(re.fullmatch(r"n\d{8}", synset) for synset in found.synsets)
    for index, name in ((0, "tench"), (281, "tabby"), (285, "Egyptian cat"), (657, "missile"), (967, "espresso")):
        assert found.names[index] == name
    assert found.synsets[281] == "n02123045"


def test_one_word_for_two_things_is_told_apart() -> None:
    names = labels("imagenet-1k").names
    assert {"crane (wading bird)", "crane (lifting device)", "Cardigan (corgi)", "cardigan (sweater)"} <= set(names)
    assert {"maillot", "tank suit"} <= set(names)
    assert len({name.lower() for name in names}) == 1000


def test_a_label_set_is_read_once() -> None:
    assert labels("imagenet-1k") is labels("imagenet-1k")


def test_equal_names_are_refused() -> None:
    with pytest.raises(ValueError, match="distinct"):
        Labels(("crane", "Crane"))
