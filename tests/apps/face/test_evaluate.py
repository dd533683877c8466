"""What a study reports, against counting and scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_curve
from study_samples import Double, ijb, lfw, picture

from compoundeye.apps.face import LFW_CARD, Pairs, SearchPlan, Shot, Study, Template, evaluate, look_at, read_study


def people(count: int, pictures: int, *, noise: float, seed: int = 0, groups: Sequence[str] = ("",)) -> Study:
    """A study of directions with noise: everybody against everybody."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(count), pictures)
    rows = rng.normal(size=(count, 32))[who] + noise * rng.normal(size=(len(who), 32))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    first, second = np.triu_indices(len(who), 1)
    templates = tuple(
        Template(str(at), (Shot(Path(str(at))),), groups[one % len(groups)]) for at, one in enumerate(who)
    )
    plan = SearchPlan(
        np.arange(0, len(who), pictures), np.setdiff1d(np.arange(len(who)), np.arange(0, len(who), pictures)), True
    )
    return Study(
        "made up", "all", "none", templates, who, Pairs(first, second, who[first] == who[second]),
        (("one each", plan),), embeddings=rows.astype(np.float32),
    )  # fmt: skip


def measured(study: Study, **how: Any) -> dict[str, Any]:
    return dict(evaluate(study, resamples=50, **how).report)


def test_every_reported_rate_is_what_scikit_learn_finds_at_its_threshold() -> None:
    study = people(60, 4, noise=0.9)
    result = evaluate(study, resamples=50)
    fpr, tpr, thresholds = roc_curve(study.pairs.same, result.scores, drop_intermediate=False)
    rows = result.report["verification"]["at_fmr"]
    assert [row["fmr"] for row in rows] == [0.1, 0.01, 0.001, 0.0001]
    for row in rows:
        at = int(np.flatnonzero(fpr <= row["fmr"])[-1])  # the lowest threshold that keeps the rate
        assert (row["fmr_measured"], row["fnmr"]) == pytest.approx((fpr[at], 1 - tpr[at]))
        assert thresholds[at] >= row["threshold"]
        assert row["low"] <= row["fnmr"] <= row["high"]


def test_searches_are_what_looking_at_each_gives() -> None:
    study = people(40, 3, noise=1.0)
    assert study.embeddings is not None
    rows, who = study.embeddings, study.subjects
    gallery = rows[::3]
    (found,) = measured(study)["identification"]
    probes = [at for at in range(len(rows)) if at % 3]
    hits = sum(int(np.argmax(gallery @ rows[at])) == who[at] for at in probes)
    assert found["rank"][0] == {"rank": 1, "hit_rate": pytest.approx(hits / 80), "misses": 80 - hits}
    row = next(one for one in found["at_fpir"] if one["fpir"] == 0.1)
    others = [max(float(gallery[one] @ rows[at]) for one in range(40) if one != who[at]) for at in probes]
    assert row["false_alarms"] == sum(score >= row["threshold"] for score in others) <= 8
    own = [float(gallery[who[at]] @ rows[at]) for at in probes]
    assert row["missed"] == sum(score < row["threshold"] for score in own)
    assert found["nonmated_by"] == "taking the person out"


def test_a_search_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    study = people(30, 3, noise=1.0)
    whole = measured(study)
    monkeypatch.setattr("compoundeye.apps.face._evaluate._IN_BLOCK", 100)
    assert measured(study)["identification"] == whole["identification"]
    assert measured(study)["verification"]["eer"] == pytest.approx(whole["verification"]["eer"], abs=1e-6)


def test_who_fails_to_enrol_is_counted_and_not_left_out() -> None:
    study = people(40, 4, noise=0.3)
    whole = measured(study)["verification"]["at_fmr"][1]
    assert study.embeddings is not None
    rows = study.embeddings.copy()
    rows[3::8] = np.nan  # every eighth
    report = measured(replace(study, embeddings=rows), reasons={"no face found": 20})
    assert (report["enrolment"]["failed"], report["enrolment"]["total"]) == (20, 160)
    row = report["verification"]["at_fmr"][1]
    assert whole["fnmr"] < 0.01
    assert row["fnmr"] == pytest.approx(20 * 3 / (40 * 6), abs=0.01)  # each of them is in three mated pairs
    assert row["fnmr_of_enrolled"] < 0.01
    assert any("20 x no face found" in one for one in report["warnings"])


def test_groups_are_judged_at_one_threshold_for_all() -> None:
    study = people(60, 4, noise=0.9, groups=("young", "old"))
    result = evaluate(study, resamples=50)
    groups = {row["group"]: row for row in result.report["groups"]}
    assert set(groups) == {"young", "old", "old with young"}
    assert sum(row["nonmated"] for row in groups.values()) == result.report["verification"]["nonmated"]
    (threshold,) = {row["threshold"] for row in groups.values()}
    odd = study.subjects % 2 == 1
    own = odd[study.pairs.first] & odd[study.pairs.second] & study.pairs.same
    assert groups["old"]["fnmr"] == pytest.approx(float((result.scores[own] < threshold).mean()))
    assert groups["old"]["fnmr_interval"][0] <= groups["old"]["fnmr"] <= groups["old"]["fnmr_interval"][1]
    assert groups["old with young"]["mated"] == 0
    assert np.isnan(groups["old with young"]["fnmr"])


def test_what_data_are_too_few_to_tell_is_said() -> None:
    report = measured(people(5, 3, noise=0.2))
    text = " | ".join(report["warnings"])
    assert "only 5 people" in text
    assert "FMR 0.01 cannot be measured: with 90 non-mated comparisons even none false leaves 0.03 possible" in text
    assert "fewer than 30 errors of a kind at FMR 0.1" in text
    assert [row["fmr"] for row in report["verification"]["at_fmr"]] == [0.1]


def test_no_error_in_few_comparisons_is_no_proof_of_none() -> None:
    row = measured(people(10, 3, noise=0.05))["verification"]["at_fmr"][0]
    assert row["fnmr"] == 0
    assert row["high"] > 0.05


def test_lfw_is_judged_by_its_folds_and_a_short_copy_of_it_not_by_its_card(tmp_path: Path) -> None:
    study = read_study(lfw(tmp_path))
    report = measured(study, embeddings=look_at(study, Double()).embeddings)
    assert report["verification"]["accuracy"] == {"mean": 1.0, "standard_error": 0.0, "folds": 2}
    assert LFW_CARD.judge(lambda: 0.992)["passed"] is False


def test_ten_folds_of_lfw_are_judged_by_the_card() -> None:
    rng = np.random.default_rng(0)
    same = np.tile(np.repeat([True, False], 30), 10)
    templates = tuple(Template(str(at), ()) for at in range(1200))
    pairs = Pairs(np.arange(0, 1200, 2), np.arange(1, 1200, 2), same, np.repeat(np.arange(10), 60))
    who = np.arange(1200) - (np.arange(1200) % 2) * np.repeat(same, 2)
    scores = np.where(same, 0.8, 0.1) + 0.01 * rng.normal(size=600)
    study = Study("Labeled Faces in the Wild", "pairs.txt", "none", templates, who, pairs, scores=scores)
    assert measured(study)["verification"]["accuracy"]["card"]["passed"]
    bad = scores.copy()
    bad[::60] = 0.1  # one in sixty
    card = measured(replace(study, scores=bad))["verification"]["accuracy"]["card"]
    assert card["value"] == pytest.approx(59 / 60)
    assert not card["passed"]


def test_ijb_searches_one_gallery_with_strangers(tmp_path: Path) -> None:
    study = read_study(ijb(tmp_path))
    found = measured(study, embeddings=look_at(study, Double()).embeddings)["identification"]
    assert [(one["mated_searches"], one["nonmated_searches"]) for one in found] == [(1, 1), (0, 2)]
    assert found[0]["rank"] == [{"rank": 1, "hit_rate": 1.0, "misses": 0}]
    assert found[1]["rank"] == []


def test_one_kind_of_comparison_alone_gives_no_rates(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 1)
    (tmp_path / "pairs.csv").write_text("path_a,path_b,same\na.png,a.png,1\n")
    study = read_study(tmp_path / "pairs.csv")
    report = measured(study, embeddings=look_at(study, Double()).embeddings)
    assert report["verification"]["at_fmr"] == []
    assert np.isnan(report["verification"]["eer"])
    assert report["groups"] == []


def test_a_study_needs_templates_or_scores(tmp_path: Path) -> None:
    study = read_study(lfw(tmp_path))
    with pytest.raises(ValueError, match="needs embeddings"):
        evaluate(study)
    with pytest.raises(ValueError, match="2 embeddings of"):
        evaluate(study, np.zeros((2, 4), np.float32))
