"""Pixels look the same whatever the decoder left and whatever size is asked for."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from samples import vtest

from compoundeye.video import ArrayImage, DecodedImage
from compoundeye.video._image import Turn, scaled

UInt8 = npt.NDArray[np.uint8]
COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [128, 128, 128], [200, 100, 50]])
BAR = 80
SIZES = [(None, None), (280, 120), (281, 121), (140, 31), (70, 24), (999, 333)]


def bars() -> UInt8:
    """Vertical bars of known colours, [240, 560, 3]."""
    return np.broadcast_to(np.repeat(COLOURS.astype(np.uint8), BAR, axis=0), (240, BAR * len(COLOURS), 3)).copy()


def encoded(pixels: UInt8, format: str, matrix: Colorspace, full: bool) -> av.VideoFrame:  # noqa: A002
    """As a decoder would leave it, by FFmpeg's exact conversion."""
    limits = ColorRange.JPEG if full else ColorRange.MPEG
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
    return VideoReformatter().reformat(
        frame, format=format, dst_colorspace=matrix, src_color_range=ColorRange.JPEG, dst_color_range=limits
    )


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", [Colorspace.ITU709, Colorspace.ITU601, Colorspace.BT2020], ids=lambda m: m.name)
@pytest.mark.parametrize("format", ["yuv420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "rgb24", "bgr24", "gbrp"])
def test_colours_are_those_of_the_scene(format: str, matrix: Colorspace, full: bool) -> None:  # noqa: A002
    frame = encoded(bars(), format, matrix, full)
    image = DecodedImage(frame, frame.width, frame.height)
    for width, height in SIZES:
        pixels = image.rgb(width, height)
        assert pixels.shape == (height or 240, width or 560, 3)
        centres = ((np.arange(len(COLOURS)) + 0.5) * pixels.shape[1] / len(COLOURS)).astype(int)
        assert np.abs(pixels[pixels.shape[0] // 2, centres].astype(int) - COLOURS).max() <= 4


def test_a_grey_camera_is_grey() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((40, 60), 200, np.uint8), "gray")
    pixels = DecodedImage(frame, 60, 40).rgb(30, 20)
    assert pixels.shape == (20, 30, 3)
    assert np.ptp(pixels.reshape(-1, 3), axis=1).max() == 0


def test_a_stream_that_names_no_matrix_is_read_as_players_read_its_size() -> None:
    for height, matrix in ((240, Colorspace.ITU601), (720, Colorspace.ITU709)):
        pixels = np.resize(np.array([200, 100, 50], np.uint8), (height, 320, 3))
        frame = encoded(pixels, "yuv420p", matrix, full=False)
        frame.colorspace = 2  # unspecified
        assert np.abs(DecodedImage(frame, 320, height).rgb(64, 48).astype(int) - [200, 100, 50]).max() <= 3


@pytest.mark.parametrize("size", [(416, 312), (384, 288), (640, 480), (320, 320), (224, 168)])
def test_a_street_is_scaled_as_if_it_had_been_converted_whole_first(size: tuple[int, int]) -> None:
    with av.open(str(vtest())) as container:
        frame = next(container.decode(video=0))
    image = DecodedImage(frame, frame.width, frame.height)
    slow = scaled(image.rgb(), *size).astype(int)
    error = np.abs(image.rgb(*size).astype(int) - slow)
    assert error.mean() < 2
    assert np.percentile(error, 99) <= 20  # at edges of colour: chroma is interpolated before it is converted


@pytest.mark.parametrize("size", [(7, 5), (1, 1), (101, 99), (6, 2000)])
def test_odd_sizes_of_odd_pictures(size: tuple[int, int]) -> None:
    for format_ in ("yuv420p", "nv12", "yuv444p"):
        frame = av.VideoFrame(101, 99, format_)
        assert DecodedImage(frame, 101, 99).rgb(*size).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("size", [(416, 234), (640, 360), (1000, 500)])
def test_nothing_moves_when_it_is_scaled(size: tuple[int, int]) -> None:
    wide = np.broadcast_to((np.arange(1280) / 5.12).astype(np.uint8)[None, :, None], (720, 1280, 3))
    frame = encoded(np.ascontiguousarray(wide), "yuv420p", Colorspace.ITU709, full=True)
    row = DecodedImage(frame, 1280, 720).rgb(*size)[size[1] // 2, :, 1].astype(float)
    seen_at = row * 5.12 + 2.56  # a grey tells where it was
    wanted = (np.arange(size[0]) + 0.5) * 1280 / size[0]
    assert abs((seen_at - wanted)[20:-20].mean()) < 0.7  # of 1280; half a grey is 2.6


def test_a_great_reduction_does_not_skip_what_is_thin() -> None:
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[::2] = 255
    assert np.abs(scaled(stripes, 64, 64).astype(int) - 128).max() <= 2


def test_what_is_turned_to_be_shown_is_scaled_to_the_size_as_shown() -> None:
    pixels = bars()
    frame = encoded(pixels, "yuv420p", Colorspace.ITU601, full=False)
    for turn in (Turn(quarters, mirrored) for quarters in range(4) for mirrored in (False, True)):
        expected = np.rot90(pixels[:, ::-1] if turn.mirrored else pixels, turn.quarters)
        image = DecodedImage(frame, expected.shape[1], expected.shape[0], turn)
        for width, height in ((expected.shape[1], expected.shape[0]), (50, 70)):
            seen = image.rgb(width, height)
            assert seen.shape == (height, width, 3)
            assert seen.flags.c_contiguous
            wanted = scaled(np.ascontiguousarray(expected), width, height)
            error = np.abs(seen.astype(int) - wanted).max(axis=2)
            assert np.percentile(error, 75) <= 4  # the rest is where two bars meet


def test_many_look_at_once_and_all_see_the_same() -> None:
    frame = encoded(bars(), "yuv420p", Colorspace.ITU709, full=False)
    image = DecodedImage(frame, 560, 240)
    sizes = [(None, None), (280, 120), (140, 60)] * 40
    alone = [image.rgb(*size) for size in sizes[:3]]
    with ThreadPoolExecutor(4) as pool:
        for index, pixels in enumerate(pool.map(lambda size: image.rgb(*size), sizes)):
            np.testing.assert_array_equal(pixels, alone[index % 3])


def test_pixels_that_are_rgb_already_are_not_copied() -> None:
    pixels = bars()
    image = ArrayImage(pixels)
    assert (image.width, image.height) == (560, 240)
    assert image.rgb() is pixels
    assert image.rgb(56, 24).shape == (24, 56, 3)


def test_ffmpeg_itself_shows_the_same_picture(tmp_path: Path) -> None:
    with av.open(str(vtest())) as container:
        frame = next(container.decode(video=0))
    command = ["ffmpeg", "-v", "error", "-i", str(vtest()), "-frames:v", "1", str(tmp_path / "one.ppm")]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no ffmpeg")
    theirs = cv2.imread(str(tmp_path / "one.ppm"))[..., ::-1]
    ours = DecodedImage(frame, frame.width, frame.height).rgb()
    assert np.abs(ours.astype(int) - theirs).mean() < 1
