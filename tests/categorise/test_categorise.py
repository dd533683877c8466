"""The three ways, from what a user says to what the corpus holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compoundeye.categorise import categorise
from compoundeye.categorise._look import reference
from compoundeye.corpus import Corpus
from compoundeye.models import Vision
from compoundeye.records import EyeError, picture_id

SUBJECTS = ("astronaut", "cat", "coffee", "rocket")


@pytest.fixture
def labelled(tmp_path: Path, views: Any) -> Path:
    root = tmp_path / "labelled"
    for subject in SUBJECTS:
        (root / subject).mkdir(parents=True)
        for number, data in enumerate(views(subject, 6, seed=1)):
            (root / subject / f"{number}.jpg").write_bytes(data)
    return root


@pytest.fixture
def mixed(make_corpus: Any, views: Any) -> tuple[Corpus, dict[bytes, str]]:
    """Four subjects that have examples and two that have none, and who is who."""
    subjects = (*SUBJECTS, "temple", "flower")
    pictures = {subject: views(subject, 6, seed=2) for subject in subjects}
    truth = {picture_id(data): subject for subject, some in pictures.items() for data in some}
    return make_corpus(*(pictures[subject] for subject in subjects)), truth


def said(corpus: Corpus, name: str) -> dict[bytes, str | None]:
    table = corpus.refresh().dataset.to_table(["id", name])
    return dict(zip(table["id"].to_pylist(), table[name].to_pylist(), strict=True))


def test_labels_out_of_the_box(mixed: tuple[Corpus, dict[bytes, str]]) -> None:
    corpus, truth = mixed
    report = categorise(corpus, workers=1)
    answers = said(corpus, "category")
    coffees = [answers[key] for key, subject in truth.items() if subject == "coffee"]
    cats = [answers[key] for key, subject in truth.items() if subject == "cat"]
    assert coffees.count("espresso") >= 4
    assert all(word is None or "cat" in word or "feline" in word for word in cats)
    assert report.way == "labels"
    assert report.quality.method == "none"
    assert report.quality.pictures == 0
    assert "no labelled pictures have tested them" in report.promise.note
    assert report.corrected is None
    noted = {"by": report.by, "classifier": report.classifier, "method": "none", "pictures": 0, "ece": None}
    assert corpus.refresh().config("calibration.category") == noted
    version = corpus.version
    categorise(corpus, workers=1)
    assert corpus.refresh().version == version  # nothing left to do, nothing new to note


def test_a_higher_precision_labels_fewer_pictures(mixed: tuple[Corpus, dict[bytes, str]]) -> None:
    corpus, _ = mixed
    easy = categorise(corpus, workers=1)
    hard = categorise(corpus, precision=0.95, workers=1)
    assert hard.account.done < easy.account.done
    assert hard.new == easy.new == 36
    assert hard.by != easy.by


def test_by_examples_the_known_are_told_apart_and_strangers_are_left_alone(
    mixed: tuple[Corpus, dict[bytes, str]], labelled: Path
) -> None:
    corpus, truth = mixed
    report = categorise(corpus, examples=labelled, precision=0.9, name="subject", workers=1)
    answers = said(corpus, "subject")
    right = [answers[key] == subject for key, subject in truth.items() if answers[key] is not None]
    assert np.mean(right) >= 0.9
    known = [answers[key] is not None for key, subject in truth.items() if subject in SUBJECTS]
    strangers = [answers[key] is not None for key, subject in truth.items() if subject not in SUBJECTS]
    assert np.mean(known) > 0.7
    assert np.mean(strangers) < 0.1
    assert report.way == "examples"
    assert report.abstained["unlike every example"] >= 10
    assert report.quality.pictures == 24
    assert report.promise.asked == 0.9
    noted = corpus.refresh().config("calibration.subject")
    assert (noted["by"], noted["method"], noted["pictures"]) == (report.by, "temperature", 24)
    assert noted["ece"] == pytest.approx(report.quality.ece)


def test_categories_beside_each_other(mixed: tuple[Corpus, dict[bytes, str]], labelled: Path, results: Any) -> None:
    corpus, _ = mixed
    categorise(corpus, workers=1)
    before = results(corpus)
    categorise(corpus, examples=labelled, name="subject", workers=1)
    assert results(corpus) == before


def test_no_picture_is_decoded_again_for_other_examples(
    mixed: tuple[Corpus, dict[bytes, str]], labelled: Path, monkeypatch: pytest.MonkeyPatch, results: Any
) -> None:
    corpus, _ = mixed
    categorise(corpus, workers=1)
    looks = 0
    prepare = Vision.prepare

    def counted(self: Vision, *arguments: Any) -> Any:
        nonlocal looks
        looks += 1
        return prepare(self, *arguments)

    monkeypatch.setattr(Vision, "prepare", counted)
    categorise(corpus, examples=labelled, name="subject", workers=1)
    assert looks == 24  # the examples themselves
    kept = results(corpus, "subject")
    # The answers are those of a corpus that had no embeddings yet.
    mine = [name for name in corpus.dataset.schema.names if name.startswith(("embedding", "subject"))]
    corpus.dataset.drop_columns(mine)
    categorise(corpus, examples=labelled, name="subject", workers=1)
    again = results(corpus, "subject")
    for row in (*kept.values(), *again.values()):
        del row["subject_version"]
    assert kept == again


def test_a_picture_that_could_not_be_read_is_tried_again_alone(
    make_corpus: Any, views: Any, labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus([*views("cat", 3), b"bad", *views("coffee", 2)])
    categorise(corpus, workers=1)
    looks: list[bytes] = []
    prepare = Vision.prepare

    def counted(self: Vision, data: bytes, *arguments: Any) -> Any:
        looks.append(data)
        return prepare(self, data, *arguments)

    monkeypatch.setattr(Vision, "prepare", counted)
    report = categorise(corpus, examples=labelled, name="subject", workers=1)
    assert report.account.failed == 1
    assert len(looks) == 24 + 1
    assert looks[-1] == b"bad"
    answers = said(corpus, "subject")
    assert answers[picture_id(b"bad")] is None
    for data in views("cat", 3):
        assert answers[picture_id(data)] in ("cat", None)


def test_corrections_are_examples(mixed: tuple[Corpus, dict[bytes, str]], label: Any) -> None:
    corpus, truth = mixed
    given: dict[bytes, str] = {}
    for subject in SUBJECTS:
        given |= dict.fromkeys([key for key, one in truth.items() if one == subject][:4], f"my {subject}")
    label(corpus, given)
    report = categorise(corpus, use_corrections=True, workers=1)
    answers = said(corpus, "category")
    others = [key for key, subject in truth.items() if subject in SUBJECTS and key not in given]
    right = [answers[key] == f"my {truth[key]}" for key in others if answers[key] is not None]
    assert len(right) >= 4
    assert all(right)
    # Graded on what was held out, not on the corrections that it has learnt.
    assert report.corrected is None
    assert report.quality.pictures == 16


def test_corrections_grade_a_classifier_that_has_not_seen_them(
    mixed: tuple[Corpus, dict[bytes, str]], label: Any
) -> None:
    corpus, truth = mixed
    label(corpus, {key: "espresso" for key, subject in truth.items() if subject == "coffee"})
    report = categorise(corpus, workers=1)
    assert report.corrected is not None
    assert report.corrected.pictures == 6
    assert report.corrected.accuracy > 0.6
    assert report.corrected_precision is not None
    assert report.corrected_precision.pictures >= 4
    assert "which people chose" in report.corrected.data


def test_too_few_corrections_to_calibrate(mixed: tuple[Corpus, dict[bytes, str]], label: Any) -> None:
    corpus, truth = mixed
    with pytest.raises(EyeError, match="has none"):
        categorise(corpus, calibrate=True, workers=1)
    label(corpus, {key: "espresso" for key, subject in truth.items() if subject == "coffee"})
    with pytest.raises(EyeError, match=r"needs 200 corrections .* there are 6"):
        categorise(corpus, calibrate=True, workers=1)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_categories_in_words(mixed: tuple[Corpus, dict[bytes, str]], make_hub: Any, kind: str) -> None:
    """Random weights know nothing, but the way is the real one: files, tokenizer, both towers, columns."""
    corpus, _ = mixed
    folder, _ = make_hub(kind)
    report = categorise(corpus, model=str(folder), categories=["cat", "dog", "tree"], workers=1)
    assert report.way == "text"
    assert report.account.seen == 36
    assert set(report.counts) <= {"cat", "dog", "tree"}
    best = corpus.refresh().dataset.to_table(["category_best", "category_best_confidence"])
    assert set(best["category_best"].to_pylist()) <= {"cat", "dog", "tree"}
    assert all(0 <= sure <= 1 for sure in best["category_best_confidence"].to_pylist())
    assert corpus.dataset.schema.field("embedding").type.list_size == reference(str(folder))[1].card.embedding_dim


def test_another_models_embeddings_stay_until_told_otherwise(
    mixed: tuple[Corpus, dict[bytes, str]], make_hub: Any
) -> None:
    corpus, _ = mixed
    categorise(corpus, workers=1)
    first = corpus.refresh().dataset.to_table(["embedding_by"])["embedding_by"].unique().to_pylist()
    folder = str(make_hub("clip")[0])
    categorise(corpus, model=folder, categories=["cat", "dog"], name="words", workers=1)
    assert corpus.refresh().dataset.to_table(["embedding_by"])["embedding_by"].unique().to_pylist() == first
    categorise(corpus, model=folder, categories=["cat", "cow"], name="words", replace_embeddings=True, workers=1)
    found = corpus.refresh().dataset.to_table(["embedding_by", "embedding"])
    assert found["embedding_by"].unique().to_pylist() == [str(reference(folder)[1].identity)]
    assert found["embedding"].type.list_size == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"categories": ["cat", "dog"]}, "cannot read text: categories in words need one of"),
        ({"categories": ["cat", " "]}, "at least two different names"),
        ({"categories": ["cat", "Cat"]}, "at least two different names"),
        ({"categories": ["cat", "dog"], "use_corrections": True}, "not both"),
        ({"calibrate": True, "use_corrections": True}, "--calibrate is for labels"),
        ({"precision": 1.0}, "precision must be"),
        ({"use_corrections": True}, "no example to learn from"),
        ({"model": "no-such-model"}, "no model 'no-such-model'"),
        ({"workers": 0}, "workers must be at least 1"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    make_corpus: Any, views: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(EyeError, match=message):
        categorise(make_corpus(views("cat", 1)), **{"workers": 1, **options})


def test_a_model_without_labels_says_what_it_needs(make_corpus: Any, views: Any, make_hub: Any) -> None:
    with pytest.raises(EyeError, match="has no labels of its own: give --examples"):
        categorise(make_corpus(views("cat", 1)), model=str(make_hub("dinov2")[0]), workers=1)


def test_the_report_is_plain_json(mixed: tuple[Corpus, dict[bytes, str]], labelled: Path) -> None:
    corpus, _ = mixed
    (labelled / "cat" / "notes.txt").write_text("not a picture")
    found = json.loads(json.dumps(categorise(corpus, examples=labelled, workers=1).as_dict()))
    assert found["account"]["seen"] == 36
    assert found["refused_examples"][0]["where"].endswith("notes.txt")
    assert found["precision"]["asked"] is None
    assert found["new"] == 36
