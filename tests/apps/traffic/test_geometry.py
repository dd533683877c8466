"""Geometry beside OpenCV's, and what holds of any path."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.apps.traffic._geometry import area, crossings, depth, distance, heading_deg, inside, turn_deg

POINT = st.tuples(st.floats(0, 600), st.floats(0, 600))
STAR = np.array([[300, 0], [370, 220], [600, 220], [410, 350], [490, 580], [300, 440], [110, 580], [190, 350], [0, 220],
                 [230, 220]], np.float64)  # fmt: skip


@given(points=st.lists(POINT, min_size=1, max_size=30))
@settings(deadline=None)
def test_inside_a_star_and_how_deep_as_opencv_says(points: list[tuple[float, float]]) -> None:
    at = np.array(points, np.float32).astype(np.float64)
    expected = np.array([cv2.pointPolygonTest(STAR.astype(np.float32), (float(x), float(y)), True) for x, y in at])
    assert np.allclose(depth(at, STAR), expected, atol=1e-3)
    clear = np.abs(expected) > 1e-3
    assert (inside(at, STAR)[clear] == (expected > 0)[clear]).all()


def test_area_as_opencv_says() -> None:
    assert area(STAR) == pytest.approx(cv2.contourArea(STAR.astype(np.float32)))


@given(path=st.lists(POINT, min_size=2, max_size=40))
@settings(deadline=None)
def test_a_path_cuts_a_closed_line_as_often_in_as_out_and_once_more_if_it_ends_inside(path: list[Any]) -> None:
    at = np.array(path, np.float64)
    if (np.abs(depth(at, STAR)) < 1e-6).any():
        return  # on the very line, where inside is a matter of convention
    closed = np.concatenate([STAR, STAR[:1]])  # clockwise on the picture: inside is to the right
    net = int(crossings(at[:-1], at[1:], closed).sum())
    ends = inside(at[[0, -1]], STAR)
    assert net == int(ends[1]) - int(ends[0])


@given(path=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=2, max_size=40))
@settings(deadline=None)
def test_a_path_over_points_of_the_line_itself_is_counted_by_its_ends(path: list[Any]) -> None:
    """Whole numbers, so that steps end on the line all the time."""
    line = np.array([[-100.0, 4.0], [100.0, 4.0]])
    at = np.array(path, np.float64)
    assert int(crossings(at[:-1], at[1:], line).sum()) == int(at[-1, 1] >= 4) - int(at[0, 1] >= 4)


def test_distance_is_to_the_nearest_piece_and_to_its_ends() -> None:
    line = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]])
    points = np.array([[5.0, 3.0], [-3.0, 4.0], [12.0, 5.0], [10.0, 20.0]])
    assert distance(points, line).tolist() == [3, 5, 2, 10]


@pytest.mark.parametrize(("step", "heading"), [((0, -1), 0), ((1, 0), 90), ((0, 1), 180), ((-1, 0), 270)])
def test_headings_are_clockwise_from_the_top(step: tuple[int, int], heading: int) -> None:
    assert heading_deg(np.array([step], np.float64))[0] == pytest.approx(heading)


def test_a_turn_is_the_shorter_way_round() -> None:
    assert turn_deg(np.array([350.0, 10.0, 180.0]), 10.0).tolist() == [20, 0, 170]
