"""Files of the MOTChallenge."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from compoundeye.records import EyeError, Tracks
from compoundeye.video import mot_detections, mot_truth, read_mot, write_mot


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "boxes.txt"
    path.write_text(text)
    return path


def test_lines_are_read_in_order_of_frames(tmp_path: Path) -> None:
    read = read_mot(file(tmp_path, "3,-1,5,6,10,20,0.5\n\n1,-1,1,2,3,4,0.25,-1,-1,-1\n"))
    assert read.frames.tolist() == [1, 3]
    assert read.boxes.tolist() == [[1, 2, 4, 6], [5, 6, 15, 26]]
    assert read.scores.tolist() == [0.25, 0.5]


def test_frames_without_a_detection_are_frames(tmp_path: Path) -> None:
    found = list(mot_detections(read_mot(file(tmp_path, "3,-1,5,6,10,20,0.5\n1,-1,1,2,3,4,0.25\n"))))
    assert [(frame, len(one)) for frame, one in found] == [(1, 1), (2, 0), (3, 1)]
    assert found[2][1].boxes.dtype == np.float32


@pytest.mark.parametrize(
    ("written", "scores"),
    [
        (["0.2", "0.9"], [0.2, 0.9]),
        (["-1", "-1"], [1, 1]),  # no score
        (["-10", "30"], [0, 1]),  # of a detector that gives margins
        (["", ""], [1, 1]),
    ],
)
def test_scores_are_shares_whatever_the_detector_gave(tmp_path: Path, written: list[str], scores: list[float]) -> None:
    lines = [f"1,-1,1,2,3,4,{score}".rstrip(",") for score in written]
    (_, found), *_ = mot_detections(read_mot(file(tmp_path, "\n".join(lines))))
    np.testing.assert_allclose(found.scores, scores, rtol=1e-6)


def test_an_empty_file_has_no_frames(tmp_path: Path) -> None:
    assert list(mot_detections(read_mot(file(tmp_path, "")))) == []


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("1,-1,1,2,3", "line 2: 5 numbers"),
        ("1,-1,1,2,x,4", "line 2: could not convert"),
        ("1,-1,1,2,nan,4", "line 2: a number is not finite"),
        ("0,-1,1,2,3,4", "line 2: frame 0"),
        ("1.5,-1,1,2,3,4", "line 2: frame 1.5"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(EyeError, match=sentence):
        read_mot(file(tmp_path, f"1,-1,1,2,3,4\n{line}\n"))


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(EyeError, match="not a text file"):
        read_mot(path)


def test_what_was_told_is_written_and_read_again(tmp_path: Path) -> None:
    tracks = Tracks(
        np.array([7, 9]),
        np.array([[1, 2, 4, 6], [0, 0, 9, 9]], np.float32),
        np.array([0.5, 0.9], np.float32),
        np.zeros(2, np.int32),
        ("person",),
        np.array([True, False]),
    )
    text = StringIO()
    assert write_mot(text, [(4, tracks)]) == 2
    read = read_mot(file(tmp_path, text.getvalue()))
    assert (read.frames.tolist(), read.ids.tolist(), read.boxes.tolist()) == (
        [4, 4],
        [7, 9],
        [[1, 2, 4, 6], [0, 0, 9, 9]],
    )


def test_the_truth_of_2016_says_who_counts_and_who_is_nobodys_fault(tmp_path: Path) -> None:
    """Class 1 is a pedestrian, 3 a car, 12 a reflection; the last line is one that is not to be considered."""
    lines = "1,1,1,2,3,4,1,1,0.9\n1,2,1,2,3,4,1,3,1\n1,3,1,2,3,4,1,12,0.5\n1,4,1,2,3,4,0,1,0.1\n"
    _, counted, unblamed = mot_truth(read_mot(file(tmp_path, lines)))
    assert counted.tolist() == [True, False, False, False]
    assert unblamed.tolist() == [False, False, True, False]


def test_the_truth_of_2015_has_places_where_later_ones_have_classes(tmp_path: Path) -> None:
    lines = "1,1,1,2,3,4,1,4.48,5.5,0\n1,2,1,2,3,4,0,12,3.5,0\n"
    _, counted, unblamed = mot_truth(read_mot(file(tmp_path, lines)))
    assert counted.tolist() == [True, False]
    assert not unblamed.any()
