"""The three ways to a category, and how their answers become columns."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from compoundeye.categorise._answers import STRANGE, UNSURE, Answers, embedding_columns, result_columns, result_schema
from compoundeye.categorise._calibrate import Calibration
from compoundeye.categorise._look import Looked, ModelRef
from compoundeye.categorise._recipe import Recipe, canonical
from compoundeye.categorise._rules import ByLabels, ByText, unit
from compoundeye.models import Labels, labels
from compoundeye.records import ModelIdentity

IMAGENET = labels("imagenet-1k")


def looked(logits: np.ndarray, of: Labels | None) -> Looked:
    return Looked(np.zeros((len(logits), 4), np.float16), logits.astype(np.float32), of, [None] * len(logits))


def test_labels_with_a_tree_hedge() -> None:
    logits = np.zeros((2, 1000))
    logits[0, IMAGENET.names.index("tabby")] = 20
    for name in ("tabby", "tiger cat", "Egyptian cat", "Persian cat", "Siamese cat"):
        logits[1, IMAGENET.names.index(name)] = 12
    found = ByLabels(Calibration(), 0.9).answer(looked(logits, IMAGENET))
    assert found.names[found.category[0]] == "tabby"
    assert "cat" in found.names[found.category[1]]
    assert found.names[found.category[1]] not in IMAGENET.names
    assert found.confidence[1] > 0.9
    assert found.best_confidence[1] < 0.3


def test_labels_without_a_tree_answer_or_abstain() -> None:
    found = ByLabels(Calibration(), 0.8).answer(looked(np.array([[9.0, 0], [0.1, 0]]), Labels(("yes", "no"))))
    assert found.category.tolist() == [0, -1]
    assert found.best.tolist() == [0, 0]


def test_a_hot_temperature_makes_it_abstain() -> None:
    logits = np.array([[2.0, 0]])
    of = Labels(("yes", "no"))
    assert ByLabels(Calibration(1.0), 0.8).answer(looked(logits, of)).category[0] == 0
    assert ByLabels(Calibration(9.0), 0.8).answer(looked(logits, of)).category[0] == -1


@pytest.mark.parametrize("independent", [False, True])
def test_text_answers_with_the_nearest_words(independent: bool) -> None:
    texts = unit(np.array([[1, 0, 0], [0, 1, 0]]))
    bias = -5.0 if independent else 0.0
    rule = ByText(("cat", "dog"), texts, 10.0, bias, independent, Calibration(), 0.9)
    pictures = np.array([[3, 0.1, 0], [0, 5, 1], [0.1, 0.1, 9]], np.float16)
    found = rule.answer(Looked(pictures, None, None, [None] * 3))
    # The third picture is like neither.
    assert found.category.tolist() == [0, 1, -1]
    assert np.all((found.confidence >= 0) & (found.confidence <= 1))


def test_independent_texts_are_the_sigmoid_of_their_logit() -> None:
    rule = ByText(("cat", "dog"), np.eye(2, dtype=np.float32), 3.0, -1.0, True, Calibration(), 0.5)
    found = rule.answer(Looked(np.array([[2, 0]], np.float16), None, None, [None]))
    assert found.confidence[0] == pytest.approx(1 / (1 + np.exp(-2)))


def test_columns_say_who_was_labelled_who_abstained_and_why() -> None:
    answers = Answers(
        ("cat", "dog"),
        np.array([0, -1, -1, 1], np.int32),
        np.full(4, 0.75, np.float32),
        np.array([0, 1, 1, 1], np.int32),
        np.full(4, 0.5, np.float32),
        np.array([False, False, True, False]),
    )
    columns = result_columns("kind", answers, [None, None, None, "truncated JPEG"], "me", 7)
    assert list(columns) == result_schema("kind").names
    assert [column.type for column in columns.values()] == [field.type for field in result_schema("kind")]
    assert columns["kind"].to_pylist() == ["cat", None, None, None]
    assert columns["kind_confidence"].to_pylist() == [0.75, None, None, None]
    assert columns["kind_best"].to_pylist() == ["cat", "dog", "dog", None]
    assert columns["kind_state"].to_pylist() == ["done", "abstained", "abstained", "failed"]
    assert columns["kind_reason"].to_pylist() == [None, UNSURE, STRANGE, "truncated JPEG"]
    assert columns["kind_by"].to_pylist() == ["me"] * 4
    assert columns["kind_version"].to_pylist() == [7] * 4


@pytest.mark.parametrize("failures", [[None, "broken"], [None, None], ["broken", "broken"]])
def test_pictures_that_failed_have_no_embedding(failures: list[str | None]) -> None:
    vectors = np.arange(6, dtype=np.float16).reshape(2, 3)
    columns = embedding_columns(vectors, failures, "me")
    for place, failure in enumerate(failures):
        there = columns["embedding"][place].as_py()
        assert there == (None if failure else vectors[place].tolist())
        assert columns["embedding_by"][place].as_py() == (None if failure else "me")


def test_a_recipe_travels_and_its_digest_tells_what_matters() -> None:
    def recipe(threshold: float, digest: str = "ab") -> Recipe:
        ref = ModelRef("lite", "fp32", digest)
        rule = ByLabels(Calibration(), threshold)
        return Recipe(ref, ModelIdentity("lite", "1", digest), rule, canonical({"threshold": threshold}))

    first = recipe(0.9)
    assert pickle.loads(pickle.dumps(first)).by == first.by
    assert recipe(0.9).digest == first.digest
    assert recipe(0.8).digest != first.digest
    assert recipe(0.9, "cd").digest != first.digest
    assert first.by.startswith("lite/1 sha256:ab fp32 recipe:")
