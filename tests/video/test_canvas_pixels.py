"""What is drawn is where it should be, is seen on any ground, and nothing outside a frame is an error."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.video._app import Colour
from compoundeye.video._canvas_pixels import HEAT_SHARE, PixelCanvas
from compoundeye.video._canvas_text import _by_opencv, _by_pillow, blend, contrasting, put_text, text_size

UInt8 = npt.NDArray[np.uint8]
RED: Colour = (255, 0, 0)
BLUE: Colour = (0, 0, 255)
anywhere = st.floats(allow_nan=True, allow_infinity=True)
place = st.tuples(anywhere, anywhere)


def grey(height: int = 240, width: int = 320, shade: int = 128) -> UInt8:
    return np.full((height, width, 3), shade, np.uint8)


def of(pixels: UInt8, colour: Colour) -> npt.NDArray[np.int64]:
    """[N, 2] rows and columns of a colour, and of what an edge leaves of it."""
    return np.argwhere(np.abs(pixels.astype(int) - colour).sum(axis=2) < 140)


def test_a_box_stands_where_it_was_found() -> None:
    pixels = grey()
    PixelCanvas(pixels).box((100, 60, 180, 200), RED)
    found = of(pixels, RED)
    assert np.abs(found.min(axis=0) - [60, 100]).max() <= 1
    assert np.abs(found.max(axis=0) - [199, 179]).max() <= 1
    assert (pixels[80:180, 120:160] == 128).all()  # not filled


def test_a_small_picture_shows_the_whole_frame() -> None:
    large, small = grey(480, 640), grey()
    PixelCanvas(large).box((200, 120, 360, 400), RED)
    PixelCanvas(small, 0.5).box((200, 120, 360, 400), RED)
    assert np.abs(of(large, RED).mean(axis=0) / 2 - of(small, RED).mean(axis=0)).max() < 1


def test_lines_have_a_rim_that_is_seen_on_their_own_colour() -> None:
    pixels = np.full((240, 320, 3), RED, np.uint8)
    PixelCanvas(pixels).line([(20, 120), (300, 120)], RED)
    assert pixels[110:130, 160].sum(axis=1).min() < 100


def test_a_closed_line_comes_back_to_its_beginning() -> None:
    opened, closed = grey(), grey()
    way = [(50.0, 50.0), (250.0, 50.0), (250.0, 200.0)]
    PixelCanvas(opened).line(way, RED)
    PixelCanvas(closed).line(way, RED, closed=True)
    assert (opened[125, 150] == 128).all()
    assert len(of(closed, RED)) > len(of(opened, RED)) + 100
    assert len(of(closed[120:130, 140:160], RED)) > 0


def test_a_filled_polygon_covers_by_its_share_and_no_more() -> None:
    pixels = grey(shade=0)
    PixelCanvas(pixels).fill([(50, 50), (150, 50), (150, 150), (50, 150)], (200, 100, 50), 0.5)
    assert np.abs(pixels[100, 100].astype(int) - (100, 50, 25)).max() <= 1
    assert not pixels[:45].any()
    assert not pixels[:, 160:].any()


def test_heat_is_where_its_cells_are() -> None:
    pixels = grey(shade=0)
    PixelCanvas(pixels).heat(np.array([[0, 0], [0, 1]], np.float32), (255, 0, 0))
    assert abs(int(pixels[-1, -1, 0]) - 255 * HEAT_SHARE) <= 2
    assert not pixels[0, 0].any()
    assert not pixels[..., 1:].any()


def test_an_arrow_has_its_head_at_its_end() -> None:
    pixels = grey()
    PixelCanvas(pixels).arrow((50, 120), (250, 120), RED)
    rows = [np.ptp(of(pixels[:, at : at + 1], RED)[:, 0]) for at in (60, 150, 245)]
    assert rows[2] > rows[0] == rows[1]


def test_a_dot_is_round_and_in_its_place() -> None:
    pixels = grey()
    PixelCanvas(pixels).dot((100, 60), BLUE)
    found = of(pixels, BLUE)
    assert np.abs(found.mean(axis=0) + 0.5 - [60, 100]).max() < 0.6
    assert np.ptp(found, axis=0)[0] == np.ptp(found, axis=0)[1]


@pytest.mark.parametrize(
    "box", [(-10, -10, 40, 40), (280, 10, 330, 60), (280, 200, 330, 260), (-10, 200, 30, 260)], ids=str
)
def test_a_label_at_any_corner_is_whole(box: tuple[float, float, float, float]) -> None:
    """What is said of a thing at the edge is read as well as of one in the middle."""
    pixels = grey()
    PixelCanvas(pixels).box(box, (0, 255, 0), "person 7")
    width, height = text_size("person 7", 11)
    label = np.full((height, width, 3), (0, 255, 0), np.uint8)
    put_text(label, (0, 0), "person 7", (0, 0, 0), 11)
    # Sums of squares by a Fourier transform, which rounds: one pixel that is off by a tenth would be 1,900.
    assert cv2.matchTemplate(pixels, label, cv2.TM_SQDIFF).min() < 100


def test_the_label_of_what_is_not_in_the_picture_is_not_there_either() -> None:
    pixels = grey()
    canvas = PixelCanvas(pixels)
    canvas.box((5000, 5000, 6000, 6000), RED, "far")
    canvas.box((-900, -900, -800, -800), RED, "far")
    assert (pixels == 128).all()


def test_words_in_the_corner_are_light_on_dark_on_any_picture() -> None:
    pixels = grey(shade=255)
    PixelCanvas(pixels).text(["12 in, 9 out", "3 inside"])
    corner = pixels[:30, :60]
    assert corner.min() < 100
    assert corner.max() == 255
    assert (pixels[150:] == 255).all()


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 114, 178), (230, 159, 0)])
def test_text_reads_well_on_a_ground_of_any_colour(colour: Colour) -> None:
    def luminance(one: Colour) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (p / 255 for p in one)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(colour), luminance(contrasting(colour))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


@pytest.mark.parametrize("draw", [_by_opencv, _by_pillow])
def test_either_font_draws_words_and_nothing_of_no_words(draw: object) -> None:
    assert callable(draw)
    assert draw("gate", 20).max() == 255
    assert draw("", 20).shape[0] == 26
    assert not draw("", 20).any()
    assert not np.array_equal(draw("4", 20), draw("9", 20))


def test_the_plain_font_keeps_the_letters_below_accents() -> None:
    assert np.array_equal(_by_pillow("Zürich", 20), _by_pillow("Zurich", 20))


def test_line_breaks_and_long_labels_stay_on_one_line_within_bounds() -> None:
    assert text_size("a\nb", 20) == text_size("a b", 20)
    assert text_size("W" * 10_000, 20) == text_size("W" * 80, 20)


def test_text_is_cut_at_the_edge() -> None:
    pixels = grey(20, 20, 0)
    for at in ((-5, -5), (15, 15), (100, 100), (-400, 0)):
        put_text(pixels, at, "wide text", (255, 255, 255), 16)
    assert pixels.any()


@given(alpha=st.integers(0, 255), ground=st.integers(0, 255), ink=st.integers(0, 255))
def test_covering_by_a_share_is_between_the_two(alpha: int, ground: int, ink: int) -> None:
    pixels = grey(4, 4, ground)
    blend(pixels, (ink, ink, ink), np.full((4, 4), alpha, np.uint8))
    assert abs(int(pixels[0, 0, 0]) - (ink * alpha + ground * (255 - alpha)) / 255) <= 1
    assert (pixels == pixels[0, 0]).all()


@given(points=st.lists(place, max_size=6), label=st.text(max_size=12))
def test_nothing_that_an_app_draws_is_an_error(points: list[tuple[float, float]], label: str) -> None:
    pixels = grey(48, 64)
    canvas = PixelCanvas(pixels, 0.5)
    canvas.line(points, RED, label, closed=True)
    canvas.fill(points, RED, 0.4)
    canvas.text([label])
    for one in points:
        canvas.dot(one, RED)
        canvas.arrow(one, points[0], RED, label)
        canvas.box((*one, *points[-1]), RED, label)
    canvas.heat(np.array([[math.nan, 2.0]], np.float32), RED)
    assert pixels.shape == (48, 64, 3)


def test_what_cannot_be_drawn_on_is_refused() -> None:
    with pytest.raises(ValueError, match="height, width, 3"):
        PixelCanvas(np.zeros((4, 4), np.uint8))
    pixels = grey()
    pixels.flags.writeable = False
    with pytest.raises(ValueError, match="draw on a copy"):
        PixelCanvas(pixels)
