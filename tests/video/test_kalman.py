"""The filter against the usual one with its 8 x 8 matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.video._kalman import (
    FIRST_POSITION,
    FIRST_VELOCITY,
    P_BETWEEN,
    P_POSITION,
    P_VELOCITY,
    POSITION,
    POSITION_SHARE,
    SIDE_SHARE,
    STATE_ROWS,
    STRAY_SHARE,
    VELOCITY,
    VELOCITY_SHARE,
    centred,
    corners,
    correct,
    predict,
    start,
)


class Textbook:
    """One box, in matrices, double precision: Kalman 1960."""

    def __init__(self, box: np.ndarray) -> None:
        side = max(box[2:])
        self.mean = np.concatenate([box, np.zeros(4)])
        self.cov = np.diag([(FIRST_POSITION * side) ** 2] * 4 + [(FIRST_VELOCITY * side) ** 2] * 4)

    def predict(self, ticks: float) -> None:
        moves = np.eye(8)
        moves[:4, 4:] = np.eye(4) * ticks
        self.mean = moves @ self.mean
        self.side = max(self.mean[2:4])
        velocity = [VELOCITY_SHARE] * 2 + [SIDE_SHARE] * 2
        noise = np.diag(np.square(np.array([STRAY_SHARE] * 4 + velocity) * self.side)) * ticks
        self.cov = moves @ self.cov @ moves.T + noise

    def correct(self, box: np.ndarray) -> None:
        sees = np.eye(4, 8)
        spread = sees @ self.cov @ sees.T + np.eye(4) * (POSITION_SHARE * self.side) ** 2
        gain = self.cov @ sees.T @ np.linalg.inv(spread)
        self.mean = self.mean + gain @ (box - sees @ self.mean)
        self.cov = (np.eye(8) - gain @ sees) @ self.cov


@given(st.integers(1, 6), st.integers(1, 25), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_it_is_the_filter_of_the_textbook(count: int, frames: int, seed: int) -> None:
    draws = np.random.default_rng(seed)
    boxes = np.concatenate([draws.uniform(0, 900, (2, count)), draws.uniform(30, 200, (2, count))])
    state = np.zeros((STATE_ROWS, count), np.float32)
    start(state, boxes.astype(np.float32))
    books = [Textbook(box) for box in boxes.astype(np.float32).T.astype(float)]
    for _ in range(frames):
        ticks = float(draws.choice([0.5, 1.0, 3.0]))
        boxes = (boxes + draws.normal(0, 2, boxes.shape)).astype(np.float32)
        variance = predict(state, ticks)
        correct(state, boxes, variance, np.ones(count, np.bool_))
        for book, box in zip(books, boxes.T, strict=True):
            book.predict(ticks)
            book.correct(box.astype(float))
    for at, book in enumerate(books):
        np.testing.assert_allclose(state[POSITION, at], book.mean[:4], rtol=1e-3, atol=0.05)
        np.testing.assert_allclose(state[VELOCITY, at], book.mean[4:], rtol=1e-2, atol=0.02)
        np.testing.assert_allclose(state[P_POSITION, at], np.diag(book.cov)[[0, 2]], rtol=1e-3)
        np.testing.assert_allclose(state[P_BETWEEN, at], [book.cov[0, 4], book.cov[2, 6]], rtol=1e-3)
        np.testing.assert_allclose(state[P_VELOCITY, at], np.diag(book.cov)[[4, 6]], rtol=1e-3)


def test_who_is_not_seen_goes_on_but_keeps_its_size() -> None:
    state = np.zeros((STATE_ROWS, 2), np.float32)
    start(state, np.array([[100, 300], [100, 300], [40, 40], [100, 100]], np.float32))
    for frame in range(1, 20):
        boxes = np.array([[100 + 4 * frame, 300], [100, 300], [40 + frame, 40], [100 + frame, 100]], np.float32)
        correct(state, boxes, predict(state, 1), np.array([True, True]))
    before = state[:, 1].copy()
    place, width = state[0, 0], state[2, 0]
    for _ in range(5):
        variance = predict(state, 1)
        correct(state, np.full((4, 2), 7777, np.float32), variance, np.array([False, False]))
    assert state[0, 0] == pytest.approx(place + 20, abs=2)
    assert state[2, 0] == pytest.approx(width, abs=1.1)  # it had a tick more until nobody saw it
    np.testing.assert_allclose(state[:4, 1], before[:4], atol=0.5)


def test_a_box_that_shrinks_unseen_keeps_a_side() -> None:
    state = np.zeros((STATE_ROWS, 1), np.float32)
    start(state, np.array([[50], [50], [10], [10]], np.float32))
    state[6:8] = -5
    predict(state, 30)
    assert state[2:4].ravel().tolist() == [1, 1]


def test_corners_and_centres_are_two_ways_to_say_it() -> None:
    boxes = np.array([[1.0], [2.0], [11.0], [42.0]], np.float32)
    assert centred(boxes).ravel().tolist() == [6, 22, 10, 40]
    np.testing.assert_array_equal(corners(centred(boxes)), boxes)
