"""What is looked at without chance."""

from __future__ import annotations

import pytest

from compoundeye.pixels import framed


@pytest.mark.parametrize(
    ("crop", "fraction", "size", "box"),
    [
        ("whole", 0.5, (640, 480), (0, 0, 640, 480)),
        ("centre", 1.0, (640, 480), (80, 0, 480, 480)),
        ("centre", 0.875, (480, 640), (30, 110, 420, 420)),
        ("centre", 0.5, (5, 3), (1, 0, 2, 2)),
        ("centre", 0.01, (3, 3), (1, 1, 1, 1)),
        ("centre", 1.0, (1, 9), (0, 4, 1, 1)),
    ],
)
def test_the_box_is_central_square_and_within(
    crop: str, fraction: float, size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    assert framed(crop, fraction, *size) == box  # type: ignore[arg-type]
