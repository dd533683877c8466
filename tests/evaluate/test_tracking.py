"""HOTA, CLEAR MOT and IDF1 against TrackEval, on real tracks and on random ones."""

from __future__ import annotations

import contextlib
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import tud
from scipy.optimize import linear_sum_assignment
from trackeval.datasets import MotChallenge2DBox
from trackeval.datasets._base_dataset import _BaseDataset
from trackeval.metrics import CLEAR, HOTA
from trackeval.metrics import Identity as TrackEvalIdentity

from compoundeye.evaluate import Comparison, Trajectories, box_overlap, clear, compare, hota, identity
from compoundeye.evaluate._matching import best_pairs
from compoundeye.records import EyeError

ARRAYS = {
    "hota": "HOTA",
    "detection": "DetA",
    "association": "AssA",
    "detection_recall": "DetRe",
    "detection_precision": "DetPr",
    "association_recall": "AssRe",
    "association_precision": "AssPr",
    "localisation": "LocA",
    "found": "HOTA_TP",
    "missed": "HOTA_FN",
    "false": "HOTA_FP",
}
CLEARS = {"found": "CLR_TP", "missed": "CLR_FN", "false": "CLR_FP", "switches": "IDSW", "breaks": "Frag"} | {
    "mostly_tracked": "MT",
    "partly_tracked": "PT",
    "mostly_lost": "ML",
    "mota": "MOTA",
    "motp": "MOTP",
    "recall": "CLR_Re",
    "precision": "CLR_Pr",
}
IDENTITIES = {"right": "IDTP", "missed": "IDFN", "false": "IDFP", "f1": "IDF1", "recall": "IDR", "precision": "IDP"}


def read_mot(path: Path) -> Trajectories:
    lines = np.loadtxt(path, delimiter=",", ndmin=2)
    boxes = lines[:, 2:6].copy()
    boxes[:, 2:] += boxes[:, :2]
    return Trajectories(lines[:, 0].astype(np.int64), lines[:, 1].astype(np.int64), boxes)


def as_trackeval(truth: Trajectories, tracks: Trajectories) -> dict[str, Any]:
    """What TrackEval's data sets hand to its metrics, made by the plain definition."""
    frames = range(int(max([*truth.frames, *tracks.frames], default=0)) + 1)
    numbers = [{one: at for at, one in enumerate(np.unique(side.ids))} for side in (truth, tracks)]
    ids = [
        [np.array([number[one] for one in side.ids[side.frames == t]], int) for t in frames]
        for side, number in zip((truth, tracks), numbers, strict=True)
    ]
    overlaps = [
        _BaseDataset._calculate_box_ious(truth.boxes[truth.frames == t], tracks.boxes[tracks.frames == t], "x0y0x1y1")
        for t in frames
    ]
    return {
        "gt_ids": ids[0],
        "tracker_ids": ids[1],
        "similarity_scores": overlaps,
        "num_gt_ids": len(numbers[0]),
        "num_tracker_ids": len(numbers[1]),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(tracks),
        "num_timesteps": len(frames),
    }


def by_trackeval(*data: dict[str, Any]) -> dict[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()):
        found = dict[str, Any]()
        for metric in (HOTA(), CLEAR(), TrackEvalIdentity()):
            each = {str(at): metric.eval_sequence(one) for at, one in enumerate(data)}
            found |= metric.combine_sequences(each) if len(each) > 1 else each["0"]
    return found


def assert_equal(theirs: dict[str, Any], *sequences: Comparison) -> None:
    for ours, names in (
        (hota(*sequences), ARRAYS),
        (clear(*sequences), CLEARS),
        (identity(*sequences), IDENTITIES),
    ):
        for name, other in names.items():
            # The one difference: a mean overlap of no boxes is not a number here, and 0 there.
            expected = math.nan if other == "MOTP" and theirs["CLR_TP"] == 0 else theirs[other]
            np.testing.assert_allclose(getattr(ours, name), expected, rtol=0, atol=1e-9, err_msg=other)


def random_sequence(seed: int) -> tuple[Trajectories, Trajectories]:
    """People who wander, and tracks of them that are inexact, end, change over, and see what is not there."""
    rng = np.random.default_rng(seed)
    people, length = int(rng.integers(1, 8)), int(rng.integers(1, 25))
    frames, ids = (grid.ravel() for grid in np.meshgrid(np.arange(length), np.arange(people) * 3 + 5, indexing="ij"))
    places = rng.uniform(0, 40, (1, people, 2)) + rng.normal(0, 3, (length, people, 2)).cumsum(0)
    size = rng.uniform(8, 30, (1, people, 2))
    boxes = np.concatenate([places, places + size], 2).reshape(-1, 4)
    there = rng.random(len(ids)) < 0.8
    truth = Trajectories(frames[there], ids[there], boxes[there])
    found = rng.random(len(ids)) < 0.8
    names = rng.permutation(len(ids) + 1)[: len(ids)] % int(rng.integers(1, people + 4))
    names = np.where(rng.random(len(ids)) < 0.2, names, ids)
    noisy = boxes + rng.normal(0, rng.choice([0.3, 2.0, 8.0]), boxes.shape)
    tracks = Trajectories(frames[found], names[found], noisy[found])
    once = np.unique(np.stack([tracks.frames, tracks.ids]), axis=1, return_index=True)[1]
    return truth, Trajectories(tracks.frames[once], tracks.ids[once], tracks.boxes[once])


@pytest.mark.parametrize("name", ["TUD-Campus", "TUD-Stadtmitte"])
def test_real_tracks_measure_as_by_trackeval(name: str) -> None:
    truth, tracks = (read_mot(path) for path in tud(name))
    assert_equal(by_trackeval(as_trackeval(truth, tracks)), compare(truth, tracks))


def test_several_sequences_are_combined_as_by_trackeval() -> None:
    pairs = [tuple(read_mot(path) for path in tud(name)) for name in ("TUD-Campus", "TUD-Stadtmitte")]
    theirs = by_trackeval(*(as_trackeval(truth, tracks) for truth, tracks in pairs))
    assert_equal(theirs, *(compare(truth, tracks) for truth, tracks in pairs))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=3))
def test_random_tracks_measure_as_by_trackeval(seeds: list[int]) -> None:
    pairs = [random_sequence(seed) for seed in seeds]
    pairs = [(truth, tracks) for truth, tracks in pairs if len(truth) and len(tracks)]
    if pairs:
        theirs = by_trackeval(*(as_trackeval(truth, tracks) for truth, tracks in pairs))
        assert_equal(theirs, *(compare(truth, tracks) for truth, tracks in pairs))


def random_mot17(seed: int) -> tuple[Trajectories, np.ndarray, np.ndarray, Trajectories]:
    """A truth in which some are of another class, and some do not count; with tracks."""
    truth, tracks = random_sequence(seed)
    rng = np.random.default_rng(seed + 1)
    classes = rng.choice([1, 1, 1, 3, 7, 8, 12], 200)[truth.ids]
    return truth, classes, rng.random(len(truth)) < 0.9, tracks


def preprocessed(truth: Trajectories, classes: np.ndarray, marked: np.ndarray, tracks: Trajectories) -> dict[str, Any]:
    """The sequence after TrackEval's own preparation of MOT17."""
    plain = as_trackeval(truth, tracks)
    frames = [(truth.frames == t, tracks.frames == t) for t in range(plain["num_timesteps"])]
    raw = plain | {
        "seq": "random",
        "gt_ids": [truth.ids[there] for there, _ in frames],
        "tracker_ids": [tracks.ids[there] for _, there in frames],
        "gt_dets": [truth.boxes[there] for there, _ in frames],
        "tracker_dets": [tracks.boxes[there] for _, there in frames],
        "gt_classes": [classes[there] for there, _ in frames],
        "tracker_classes": [np.ones(there.sum(), int) for _, there in frames],
        "tracker_confidences": [np.ones(there.sum()) for _, there in frames],
        "gt_extras": [{"zero_marked": marked[there].astype(int)} for there, _ in frames],
    }
    of = MotChallenge2DBox.__new__(MotChallenge2DBox)
    names = ["pedestrian", "person_on_vehicle", "car", "bicycle", "motorbike", "non_mot_vehicle", "static_person"]
    names += ["distractor", "occluder", "occluder_on_ground", "occluder_full", "reflection", "crowd"]
    of.class_name_to_class_id = {name: at for at, name in enumerate(names, 1)}
    of.valid_class_numbers = list(of.class_name_to_class_id.values())
    of.benchmark, of.do_preproc = "MOT17", True
    return dict(of.get_preprocessed_seq_data(raw, "pedestrian"))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6))
def test_distractors_are_taken_out_as_by_trackeval(seed: int) -> None:
    truth, classes, marked, tracks = random_mot17(seed)
    if not len(truth) or not len(tracks):
        return
    theirs = preprocessed(truth, classes, marked, tracks)
    ours = compare(truth, tracks, counted=(classes == 1) & marked, distractors=np.isin(classes, (2, 7, 8, 12)))
    assert ours.truth_boxes == theirs["num_gt_dets"]
    assert ours.track_boxes == theirs["num_tracker_dets"]
    if ours.truth_boxes and ours.track_boxes:
        assert_equal(by_trackeval(theirs), ours)


def test_the_truth_itself_is_perfect() -> None:
    truth = read_mot(tud("TUD-Stadtmitte")[0])
    same = compare(truth, truth)
    assert hota(same).summary() == pytest.approx(dict.fromkeys(hota(same).summary(), 1.0))
    assert (clear(same).mota, clear(same).switches, identity(same).f1) == (1.0, 0, 1.0)


NOBODY = Trajectories(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4)))
SOMEBODY = Trajectories(np.array([1, 2]), np.array([7, 7]), np.array([[0.0, 0, 10, 10], [1.0, 0, 11, 10]]))


def test_nobody_followed_is_nothing_found() -> None:
    none = compare(SOMEBODY, NOBODY)
    assert hota(none).summary()["HOTA"] == 0
    assert (clear(none).mota, clear(none).mostly_lost, identity(none).f1) == (0, 1, 0)
    assert math.isnan(clear(none).motp)
    assert math.isnan(clear(none).precision)


def test_tracks_where_nobody_is_are_all_false() -> None:
    ghosts = compare(NOBODY, SOMEBODY)
    assert hota(ghosts).summary()["HOTA"] == 0
    assert (clear(ghosts).false, identity(ghosts).false, identity(ghosts).f1) == (2, 2, 0)
    assert math.isnan(clear(ghosts).mota)  # errors of no boxes


def test_what_cannot_be_measured_is_not_a_number() -> None:
    empty = compare(NOBODY, NOBODY)
    assert all(math.isnan(value) for value in (hota(empty).summary()["HOTA"], clear(empty).mota, identity(empty).f1))


def test_two_people_who_swap_tracks_cost_two_switches_and_half_their_identity() -> None:
    frames, ids = np.repeat(np.arange(10), 2), np.tile([1, 2], 10)
    boxes = np.where(ids[:, None] == 1, [0.0, 0, 10, 20], [50.0, 0, 60, 20])
    swapped = np.where(frames < 5, ids, 3 - ids)
    swap = compare(Trajectories(frames, ids, boxes), Trajectories(frames, swapped, boxes))
    assert (clear(swap).switches, clear(swap).mota, identity(swap).f1) == (2, 0.9, 0.5)
    # Each pair of identity and track shares 5 of 15 boxes.
    assert hota(swap).summary()["AssA"] == pytest.approx(1 / 3)


def test_what_does_not_count_is_neither_missed_nor_held_against_the_tracks() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [100.0, 0, 110, 10], [200.0, 0, 210, 10]])
    truth = Trajectories(np.array([1, 1, 1]), np.array([1, 2, 3]), boxes)
    tracks = Trajectories(np.array([1, 1]), np.array([1, 2]), boxes[:2])
    counted, mirror = np.array([True, True, False]), np.array([False, True, False])
    assert clear(compare(truth, tracks, counted=counted)).summary()["MOTA"] == 1
    reflected = clear(compare(truth, tracks, counted=counted, distractors=mirror))
    assert (reflected.found, reflected.missed, reflected.false) == (1, 0, 0)
    blamed = clear(compare(truth, tracks, counted=counted & ~mirror))
    assert (blamed.found, blamed.missed, blamed.false) == (1, 0, 1)


def test_an_identity_twice_in_a_frame_is_an_error_that_says_where() -> None:
    twice = Trajectories(np.array([4, 4]), np.array([9, 9]), np.zeros((2, 4)))
    with pytest.raises(EyeError, match="id 9 is twice in frame 4 of the tracks"):
        compare(NOBODY, twice)
    with pytest.raises(EyeError, match="not finite"):
        compare(Trajectories(np.array([4]), np.array([9]), np.full((1, 4), np.nan)), NOBODY)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6))
def test_overlap_is_trackevals(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 6, (int(rng.integers(0, 6)), 4)).astype(float) for _ in range(2))
    a[:, 2:] += a[:, :2]
    b[:, 2:] += b[:, :2]
    np.testing.assert_array_equal(box_overlap(a, b), _BaseDataset._calculate_box_ious(a, b, "x0y0x1y1"))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 12), st.integers(0, 12), st.floats(0, 1), st.booleans(), st.integers(0, 10**6))
def test_the_best_pairs_have_scipys_sum(rows: int, columns: int, full: float, whole: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (rows, columns)).astype(float) if whole else rng.random((rows, columns))
    scores *= rng.random((rows, columns)) < full
    found = best_pairs(scores)
    assert len(set(found[0])) == len(found[0]) == len(set(found[1]))
    assert (scores[found] > 0).all()
    assert scores[found].sum() == pytest.approx(scores[linear_sum_assignment(-scores)].sum(), abs=1e-9)
