"""Inputs are cut to what pictures need, and made once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.models._detect_heads import Candidates
from compoundeye.models._detect_views import CutViews, View, cut_input
from compoundeye.models._letterbox import Letterbox


class Counted:
    """A network that counts how often it was run."""

    name, precision, batch = "counted", "fp32", 1

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: Any) -> dict[str, Any]:
        self.shapes.append(batch.shape)
        return {}


def nothing(outputs: Any, min_score: float, allowed: Any) -> list[Candidates]:
    del outputs, min_score, allowed
    return []


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (768, 576, (416, 320)),
        (1920, 1080, (416, 256)),
        (1080, 1920, (256, 416)),
        (640, 272, (416, 192)),
        (500, 500, (416, 416)),
        (5000, 1, (416, 32)),
        (416, 320, (416, 320)),
        (20, 10, (416, 224)),
    ],
)
def test_an_input_is_as_long_as_ever_and_as_narrow_as_can_be(width: int, height: int, size: tuple[int, int]) -> None:
    assert cut_input(width, height, 416, 32) == size


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_a_picture_has_the_same_scale_in_the_cut_input_as_in_the_square_one(width: int, height: int) -> None:
    size = cut_input(width, height, 416, 32)
    assert max(size) == 416
    assert all(side % 32 == 0 for side in size)
    assert Letterbox(*size, "corner").place(width, height) == Letterbox(416, 416, "corner").place(width, height)


def test_a_view_is_made_once_whoever_asks() -> None:
    made: list[tuple[int, int]] = []
    network = Counted()

    def make(width: int, height: int) -> View:
        made.append((width, height))
        return View(Letterbox(width, height, "corner"), network, nothing)

    views = CutViews(make, 416, 32)
    assert made == [(416, 416)]
    assert network.shapes == []  # what nobody has asked for is not compiled
    together = Barrier(8)

    def ask(_: int) -> View:
        together.wait()
        return views.of_picture(1920, 1080)

    with ThreadPoolExecutor(8) as pool:
        found = set(map(id, pool.map(ask, range(8))))
    assert len(found) == 1
    assert made == [(416, 416), (416, 256)]
    assert network.shapes == [(1, 256, 416, 3)]  # compiled before the first frame needs it
    assert views.of_picture(64, 64) is views.largest
    assert views.of_input(416, 256) is views.of_picture(1280, 720)
