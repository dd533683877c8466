"""Whoever is in a box cannot be told from somebody else afterwards; everything else is as it was."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.video._privacy import ACROSS, COVER, DOWN, HOW, How, hide

UInt8 = npt.NDArray[np.uint8]
coordinate = st.floats(-300, 500, allow_nan=False)


def noise(height: int = 120, width: int = 160, seed: int = 0) -> UInt8:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def colours(pixels: UInt8) -> int:
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


def test_tiles_of_a_box_can_be_counted() -> None:
    pixels = noise()
    hide(pixels, [(40, 20, 80, 110)])
    assert 1 < colours(pixels[20:110, 40:80]) <= ACROSS * DOWN


@pytest.mark.parametrize("how", HOW)
def test_only_the_box_and_its_margin_change(how: How) -> None:
    pixels = noise()
    hide(pixels, [(40, 20, 80, 110)], how)
    changed = np.argwhere((pixels != noise()).any(axis=2))
    # A twelfth of 40 and of 90 pixels to each side, and whole pixels.
    assert changed.min(axis=0).tolist() == [12, 36]
    assert changed.max(axis=0).tolist() == [117, 83]


def test_blur_holds_no_more_than_tiles_do() -> None:
    """What is equal in its tiles is equal when it is blurred: there is nothing left to sharpen."""
    one = noise(100, 50)
    other = one.copy()
    hide(other, [(0, 0, 50, 100)], "pixelate")
    assert (one != other).mean() > 0.9
    for pixels in (one, other):
        hide(pixels, [(0, 0, 50, 100)], "blur")
    assert np.abs(one.astype(int) - other).max() <= 1


def test_a_covered_box_tells_nothing() -> None:
    pixels = noise()
    hide(pixels, [(40, 20, 80, 110)], "cover")
    assert (pixels[20:110, 40:80] == COVER).all()


def test_boxes_are_of_the_frame_and_pixels_may_be_smaller() -> None:
    small = np.zeros((60, 80, 3), np.uint8)
    hide(small, [(80, 40, 160, 120)], "cover", 0.5)
    assert (small[20:60, 40:80] == COVER).all()
    assert not small[:16, :].any()
    assert not small[:, :36].any()


@pytest.mark.parametrize("box", [(float("nan"), 0, 5, 5), (0, 0, float("inf"), 5)])
def test_who_is_nobody_knows_where_is_hidden_everywhere(box: tuple[float, float, float, float]) -> None:
    pixels = noise()
    hide(pixels, [box], "cover")
    assert (pixels == COVER).all()


def test_mistakes_are_refused_rather_than_shown() -> None:
    pixels = noise()
    with pytest.raises(ValueError, match="pixelate, blur, cover"):
        hide(pixels, [], "smudge")  # type: ignore[arg-type]
    pixels.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        hide(pixels, [(0, 0, 5, 5)])


@given(
    box=st.tuples(coordinate, coordinate, coordinate, coordinate),
    how=st.sampled_from(HOW),
    scale=st.sampled_from([0.25, 0.5, 1.0, 1.7]),
)
def test_any_box_is_hidden_and_none_is_an_error(box: tuple[float, float, float, float], how: How, scale: float) -> None:
    pixels = noise(60, 80)
    hide(pixels, [box], how, scale)
    left, right = sorted((box[0], box[2]))
    top, bottom = sorted((box[1], box[3]))
    inside = pixels[
        max(int(np.floor(top * scale)), 0) : max(int(np.ceil(bottom * scale)), 0),
        max(int(np.floor(left * scale)), 0) : max(int(np.ceil(right * scale)), 0),
    ]
    if how != "blur" and inside.size:
        assert colours(inside) <= ACROSS * DOWN
    elif inside.shape[0] > 4 * DOWN and inside.shape[1] > 4 * ACROSS:
        assert inside.astype(float).std() < 40  # of 74 in noise
