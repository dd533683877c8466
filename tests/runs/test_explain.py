"""What a validation says of classes and pictures."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from compoundeye.corpus import Corpus
from compoundeye.evaluate import wilson_interval
from compoundeye.runs import RunError, RunFolder, explain
from compoundeye.runs._mistakes import answered, confusions, matrix, most_confused

PAIRS = [
    *[("cat", "cat")] * 6,
    *[("cat", "dog")] * 3,
    *[("cat", "fox")] * 1,
    *[("dog", "dog")] * 4,
    *[("dog", "cat")] * 1,
    *[("owl", "owl")] * 2,
]


@pytest.fixture
def run(tmp_path: Path, made: Any, answers: Any) -> RunFolder:
    made_run = made(tmp_path, "run", [1.0])
    made_run.write_validation(answers(PAIRS))
    return made_run


def test_classes_have_recall_and_precision_with_intervals(run: RunFolder) -> None:
    found = explain(run.path)
    assert (found.pictures, found.right) == (17, 12)
    assert found.accuracy == 12 / 17
    assert found.accuracy_interval == wilson_interval(12, 17)
    rows = {row.name: row for row in found.classes}
    cat, fox, owl = rows["cat"], rows["fox"], rows["owl"]
    assert (cat.pictures, cat.answered, cat.right, cat.taken_for) == (10, 7, 6, "dog")
    assert (cat.recall, cat.precision) == (0.6, 6 / 7)
    assert cat.recall_interval == wilson_interval(6, 10)
    assert cat.precision_interval == wilson_interval(6, 7)
    assert (owl.recall, owl.taken_for) == (1, None)
    assert (fox.pictures, fox.answered, fox.precision) == (0, 1, 0)
    assert math.isnan(fox.recall)
    assert fox.recall_interval == (0, 1)
    assert [row.name for row in found.classes] == ["cat", "dog", "owl", "fox"]  # worst first, those without last


def test_mistakes_by_kind_and_the_worst_by_loss(run: RunFolder) -> None:
    found = explain(run.path, mistakes=2)
    assert [(one.target, one.predicted, one.pictures) for one in found.confusions] == [
        ("cat", "dog", 3),
        ("cat", "fox", 1),
        ("dog", "cat", 1),
    ]
    assert [(int(one.id, 16), one.target, one.predicted, one.loss) for one in found.mistakes] == [
        (14, "dog", "cat", 14),
        (9, "cat", "fox", 9),
    ]
    assert found.mistakes[0].corpus == "/data/x.lance"
    assert found.files == ()
    assert found.as_dict()["run"]["name"] == "run"


def test_files_with_a_contact_sheet_of_the_corpus_it_was_measured_on(
    tmp_path: Path, corpus: Corpus, made: Any, answers: Any
) -> None:
    ids = corpus.dataset.to_table(columns=["id"])["id"].to_pylist()
    run = made(tmp_path, "run", [1.0], validation={"corpora": [{"path": corpus.path, "version": corpus.version}]})
    run.write_validation(answers([("a", "b"), ("a", "a"), ("b", "a"), ("b", "b"), ("a", "b"), ("b", "b")], ids))
    out = tmp_path / "report"
    found = explain(run.path, out)
    assert found.notes == ()
    assert [Path(one).name for one in found.files] == [
        "confusion.png",
        "classes.csv",
        "mistakes.csv",
        "mistakes.png",
    ]
    with (out / "mistakes.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["id"] for row in rows] == [ids[place].hex() for place in (4, 2, 0)]
    assert {row["corpus"] for row in rows} == {corpus.path}
    with (out / "classes.csv").open(newline="") as stream:
        assert {row["name"]: row["right"] for row in csv.DictReader(stream)} == {"a": "1", "b": "2"}
    for name in ("confusion.png", "mistakes.png"):
        with Image.open(out / name) as picture:
            assert min(picture.size) > 100
            assert len(np.unique(np.asarray(picture.convert("L")))) > 10
    assert re.fullmatch(r"[0-9a-f]{32}", found.mistakes[0].id)


def test_a_corpus_that_is_gone_costs_its_sheet_alone(run: RunFolder, tmp_path: Path) -> None:
    out = tmp_path / "report"
    out.mkdir()
    (out / "mistakes.png").write_text("of an earlier call")
    found = explain(run.path, out)
    assert [Path(one).name for one in found.files] == ["confusion.png", "classes.csv", "mistakes.csv"]
    (note,) = found.notes
    assert "mistakes.png was left out: no corpus at /data/x.lance" in note
    assert not (out / "mistakes.png").exists()


def test_nothing_wrong_is_no_mistake(tmp_path: Path, made: Any, answers: Any) -> None:
    run = made(tmp_path, "run")
    run.write_validation(answers([("a", "a"), ("b", "b")]))
    found = explain(run.path, tmp_path / "report")
    assert (found.accuracy, found.mistakes, found.confusions, found.notes) == (1, (), (), ())
    assert (tmp_path / "report" / "mistakes.csv").read_text() == ""


@pytest.mark.parametrize("classes", [1, 2, 24, 25, 1000], ids="{} classes".format)
@pytest.mark.parametrize("wrong", [0, 0.3], ids=["no mistakes", "mistakes"])
def test_a_matrix_of_any_number_of_classes_is_a_picture(
    tmp_path: Path, classes: int, wrong: float, made: Any, answers: Any
) -> None:
    rng = np.random.default_rng(0)
    pairs = [
        (f"class {n % classes:04d}", f"class {(n + int(rng.random() < wrong)) % classes:04d}")
        for n in range(3 * classes)
    ]
    run = made(tmp_path, "run")
    run.write_validation(answers(pairs))
    explain(run.path, tmp_path / "report")
    with Image.open(tmp_path / "report" / "confusion.png") as picture:
        assert min(picture.size) > 100
        assert max(picture.size) < 2500


def test_any_letters_can_be_drawn(tmp_path: Path, made: Any, answers: Any) -> None:
    names = ["犬", "$5 note", "a$b$c", "line\nbreak", "\x1b[2J", "{x}_y^2\\frac", "כלב", "é" * 80, "\ud7ff", ""]
    run = made(tmp_path, "run")
    run.write_validation(answers([(one, other) for one in names for other in names]))
    explain(run.path, tmp_path / "report")
    assert (tmp_path / "report" / "confusion.png").stat().st_size > 1000


def test_of_many_classes_the_block_that_is_confused_most_is_shown_neighbours_together(answers: Any) -> None:
    # Two groups of three that are confused among themselves, a pair that is so a little, and many that are not.
    pairs = [(f"{n:03d}", f"{n:03d}") for n in range(100)]
    for group, times in (((5, 50, 95), 9), ((10, 60, 80), 7), ((20, 21), 1)):
        pairs += [(f"{a:03d}", f"{b:03d}") for a in group for b in group if a != b] * times
    found = answered(answers(pairs))
    block = most_confused(found, 6)
    assert {frozenset(block[:3]), frozenset(block[3:])} == {frozenset((5, 50, 95)), frozenset((10, 60, 80))}
    counts = matrix(found, block)
    assert counts.sum() - counts.trace() == 6 * 9 + 6 * 7
    assert counts.trace() == 6
    assert confusions(found, 1)[0].pictures == 9
    assert set(most_confused(found, 8)) == {5, 50, 95, 10, 60, 80, 20, 21}
    assert most_confused(found, 200) == list(range(100))


def test_two_of_many_classes_and_no_mistakes_at_all(answers: Any) -> None:
    pairs = [(f"{n:03d}", f"{n:03d}") for n in range(100)]
    assert most_confused(answered(answers(pairs)), 24) == []
    assert most_confused(answered(answers([*pairs, ("007", "009")])), 24) == [7, 9]


def test_a_run_that_was_not_validated(tmp_path: Path, made: Any, answers: Any) -> None:
    run = made(tmp_path, "run")
    with pytest.raises(RunError, match="nothing was validated yet"):
        explain(run.path)
    run.write_validation(answers([]))
    with pytest.raises(RunError, match="is empty"):
        explain(run.path)


def test_a_place_that_cannot_be_written(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write into"):
        explain(run.path, tmp_path / "file")
