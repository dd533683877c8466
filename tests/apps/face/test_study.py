"""The field's files, read as they are, and what is wrong with those that are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gallery_samples import enrol, gallery
from study_samples import Double, ijb, lfw, picture, tables

from compoundeye.apps.face import look_at, read_gallery, read_study
from compoundeye.apps.face._study import all_pairs, linked, pooled
from compoundeye.records import EyeError


def scores_of(study: object, double: Double) -> list[float | None]:
    looked = look_at(study, double)  # type: ignore[arg-type]
    rows, pairs = looked.embeddings, study.pairs  # type: ignore[attr-defined]
    found = (rows[pairs.first] * rows[pairs.second]).sum(axis=1)
    return [None if np.isnan(one) else round(float(one), 3) for one in found]


def test_pairs_of_a_csv_are_looked_at_once_each(tmp_path: Path) -> None:
    for name, people in {"a": (1,), "b": (1,), "c": (2,), "empty": ()}.items():
        picture(tmp_path / f"{name}.png", *people)
    file = tmp_path / "pairs.csv"
    file.write_text("same,path_a,path_b\nyes,a.png,b.png\n0,a.png,c.png\nfalse,b.png,empty.png\n0,c.png,gone.png\n")
    study, double = read_study(file), Double()
    scores = scores_of(study, double)
    assert scores[0] == 1
    assert scores[1] < 0.7
    assert scores[2:] == [None, None]
    assert double.seen == 4
    assert study.subjects_inferred
    assert len(set(study.subjects.tolist())) == 4  # a and b are one
    assert look_at(study, double).reasons == {"no face found": 1, "no such file or directory": 1}


def test_a_corrupt_picture_fails_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 1)
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    (tmp_path / "pairs.csv").write_text("path_a,path_b,same\na.png,b.png,1\n")
    looked = look_at(read_study(tmp_path / "pairs.csv"), Double())
    assert np.isnan(looked.embeddings).any(axis=1).tolist() == [False, True]
    assert sum(looked.reasons.values()) == 1


def test_lfw_as_it_is(tmp_path: Path) -> None:
    study = read_study(lfw(tmp_path))
    assert study.pairs.same.tolist() == [True, True, False, False] * 2
    assert study.pairs.folds is not None
    assert study.pairs.folds.tolist() == [0] * 4 + [1] * 4
    assert study.which == "central"
    assert [one == 1 for one in scores_of(study, Double())] == study.pairs.same.tolist()
    assert {template.name for template in study.templates} >= {"P_1/P_1_0001", "P_3/P_3_0002"}
    assert len(np.unique(study.subjects)) == 3


def test_lfws_list_for_developing_has_one_fold(tmp_path: Path) -> None:
    lfw(tmp_path)
    (tmp_path / "pairsDevTest.txt").write_text("1\nP_1\t1\t2\nP_1\t1\tP_2\t1\n")
    study = read_study(tmp_path / "pairsDevTest.txt")
    assert study.pairs.folds is None
    assert study.pairs.same.tolist() == [True, False]


def test_a_copy_of_lfws_list_without_its_head_has_no_folds(tmp_path: Path) -> None:
    file = lfw(tmp_path)
    file.write_text("\n".join(file.read_text().splitlines()[1:]))
    study = read_study(file)
    assert study.pairs.folds is None
    assert study.pairs.same.tolist() == [True, True, False, False] * 2


def test_ijb_as_most_code_reads_it(tmp_path: Path) -> None:
    study = read_study(ijb(tmp_path))
    assert [template.name for template in study.templates] == ["1", "2", "3", "4"]
    scores, double = scores_of(study, Double()), Double()
    one, other = double.directions[[1, 9]]
    # Two frames of one video count once: the template lies midway between the video and the photograph.
    middle = (one + other) / np.linalg.norm(one + other)
    assert scores[0] == pytest.approx(float(middle @ one), abs=1e-3)
    assert [name for name, _ in study.searches] == ["ijbc_1N_gallery_G1", "ijbc_1N_gallery_G2"]
    assert study.searches[0][1].gallery.tolist() == [0]
    assert study.searches[0][1].probes.tolist() == [1, 3]
    assert study.subjects[0] == study.subjects[1]
    assert len(np.unique(study.subjects)) == 3


def test_ijb_as_distributed_takes_the_face_in_the_box(tmp_path: Path) -> None:
    pairs, table = tables(tmp_path)
    study, double = read_study(pairs, tables=[table]), Double()
    scores = scores_of(study, double)
    assert study.pairs.same.tolist() == [False, True, False, False]
    assert scores[1] == 1
    assert scores[0] == scores[2] == pytest.approx(float(double.directions[1] @ double.directions[2]), abs=1e-3)
    assert scores[3] is None
    looked = look_at(study, double)
    assert looked.reasons == {"no face where one is said to be": 1}
    assert looked.pictures == 2


@pytest.mark.parametrize(("which", "person"), [("largest", 3), ("central", 2)])
def test_which_face_is_meant_can_be_said(tmp_path: Path, which: str, person: int) -> None:
    from dataclasses import replace

    picture(tmp_path / "a.png", 1, 2, 3)
    picture(tmp_path / "b.png", 2)
    (tmp_path / "pairs.csv").write_text("path_a,path_b,same\na.png,b.png,1\n")
    study, double = read_study(tmp_path / "pairs.csv"), Double()
    rows = look_at(replace(study, which=which), double).embeddings  # type: ignore[arg-type]
    assert int(np.argmax(double.directions @ rows[0])) == person


def test_a_folder_a_person_is_compared_all_with_all_and_searched(tmp_path: Path) -> None:
    for person, count in ((1, 3), (2, 2), (3, 1)):
        for number in range(count):
            picture(tmp_path / f"person {person}" / f"{number}.png", person)
    study = read_study(tmp_path)
    assert len(study.pairs) == 6 * 5 // 2
    assert study.pairs.same.sum() == 3 + 1
    ((_, plan),) = study.searches
    assert plan.gallery.tolist() == [0, 3, 5]
    assert plan.probes.tolist() == [1, 2, 4]
    assert plan.without_mate


def test_a_gallery_is_judged_only_by_what_people_said(tmp_path: Path) -> None:
    faces = gallery(tmp_path)
    with pytest.raises(EyeError, match="fewer than two people"):
        read_gallery(faces)
    enrol(faces, "Anna", ["01", "02"], seed=1)
    enrol(faces, "Berta", ["03", "04", "05"], seed=2)
    study = read_gallery(faces)
    assert study.embeddings is not None
    assert len(study.embeddings) == 5
    assert study.pairs.same.sum() == 1 + 3
    assert not any("Anna" in template.name for template in study.templates)


def test_comparisons_are_drawn_when_there_are_too_many() -> None:
    subjects = np.repeat(np.arange(50), 4)
    pairs, drawn = all_pairs(subjects, most_nonmated=1000)
    assert drawn
    assert (pairs.same.sum(), (~pairs.same).sum()) == (50 * 6, 1000)
    assert ((subjects[pairs.first] == subjects[pairs.second]) == pairs.same).all()
    assert len({tuple(sorted(pair)) for pair in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)}) == 1300
    np.testing.assert_array_equal(pairs.first, all_pairs(subjects, most_nonmated=1000)[0].first)
    assert np.bincount(pairs.first[~pairs.same], minlength=200)[:100].sum() < 900  # not only the first templates


def test_all_are_compared_when_there_are_few() -> None:
    pairs, drawn = all_pairs(np.array([5, 3, 5, 3]))
    assert not drawn
    assert sorted(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.same.tolist(), strict=True)) == [
        (0, 1, False), (0, 2, True), (0, 3, False), (1, 2, False), (1, 3, True), (2, 3, False),
    ]  # fmt: skip


def test_links_reach_through_others() -> None:
    assert linked(5, np.array([0, 1, 4]), np.array([1, 3, 4])).tolist() in ([1, 1, 0, 1, 2], [0, 0, 1, 0, 2])


def test_templates_without_a_face_are_not_numbers() -> None:
    rows = np.array([[1, 0], [np.nan, np.nan], [0, 2]], np.float32)
    made = pooled(rows, np.array([0, 1, 0]), np.array([0, 1, 2]), 3)
    np.testing.assert_allclose(made[0], np.array([1, 2]) / np.sqrt(5), rtol=1e-6)
    assert np.isnan(made[1:]).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n", "must name the columns path_a,path_b,same; without path_a"),
        ("path_a,path_b,same\n", "there are no pairs in it"),
        ("path_a,path_b,same\na,b,maybe\n", "line 2: same is 'maybe'; write 1 or 0"),
        ("path_a,path_b,same\na,b\n", "line 2: not as many columns"),
        ("path_a,path_b,same,score\na,b,1,much\n", "line 2: score is 'much'"),
        ("path_a,path_b,same\na,b,1\nb,c,1\na,c,0\n", "line 4: it says two people, whom other lines make one"),
        ("path_a,path_b,same,subject_a,subject_b\na,b,1,x,y\n", "line 2: it says one person, but names two"),
    ],
)
def test_a_wrong_list_of_pairs_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(EyeError) as mistake:
        read_study(tmp_path / "pairs.csv")
    assert said in str(mistake.value)


def test_other_wrong_files_say_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(EyeError, match="is not there"):
        read_study(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EyeError, match="a folder for each person"):
        read_study(tmp_path / "empty")
    file = lfw(tmp_path)
    file.write_text(file.read_text().replace("P_1\t1\t2\n", ""))
    with pytest.raises(EyeError, match="8 pairs are announced and 7 there"):
        read_study(file)
    (tmp_path / "pairs2.txt").write_text("1\nP_1\t1\t2\nP_1\t1\tP_2\n")
    with pytest.raises(EyeError, match=r"pair 2: .* is none of LFW's"):
        read_study(tmp_path / "pairs2.txt")
    folder = ijb(tmp_path / "ijb")
    labels = folder / "meta" / "ijbc_template_pair_label.txt"
    labels.write_text("1 2 0\n")
    with pytest.raises(EyeError, match="line 1: its label says otherwise"):
        read_study(folder)
    labels.write_text("1 77 0\n")
    with pytest.raises(EyeError, match="names template 77"):
        read_study(folder)
    labels.unlink()
    with pytest.raises(EyeError, match="there is no"):
        read_study(folder)
