"""Darknet's networks, read by us, against the same layers worked out by hand in numpy."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt
import pytest

from compoundeye.models import WeightsError, open_onnx
from compoundeye.models._darknet import read_darknet
from compoundeye.models._yolo_head import YoloMap, yolo_decode

Float64 = npt.NDArray[np.float64]
SIZE = 32
CFG = """
[net]
# a comment
width=32
height=32
channels=3

[convolutional]
batch_normalize=1
filters=4
size=3
stride=2
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
batch_normalize=1
filters=6
size=3
stride=1
pad=1
activation=leaky

[route]
layers=-1
groups=2
group_id=1

[maxpool]
size=2
stride=1

[convolutional]
filters=14
size=1
stride=1
pad=1
activation=linear

[yolo]
mask = 1,2
anchors = 4,5,  6,7,  8,9
classes=2
num=3
scale_x_y = 1.05

[route]
layers = 2

[upsample]
stride=2

[route]
layers = -1, 0

[convolutional]
filters=7
size=1
stride=1
pad=1
activation=linear

[yolo]
mask = 0
anchors = 4,5,  6,7,  8,9
classes=2
num=3
"""
COUNT = (4 * 4 + 4 * 3 * 9) + (4 * 6 + 6 * 4 * 9) + (14 + 14 * 3) + (7 + 7 * 10)


def weights(random: np.random.Generator, count: int = COUNT) -> bytes:
    """Positive numbers, so that variances are."""
    values = random.uniform(0.1, 1, count).astype("<f4")
    return struct.pack("<3iq", 0, 2, 5, 99) + values.tobytes()


def convolve(x: Float64, kernel: Float64, bias: Float64, stride: int) -> Float64:
    """[C, H, W] with [F, C, k, k], k odd, zeros around."""
    k = kernel.shape[-1]
    padded = np.pad(x, ((0, 0), (k // 2,) * 2, (k // 2,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2))[:, ::stride, ::stride]
    return np.asarray(np.einsum("chwij,fcij->fhw", windows, kernel) + bias[:, None, None])


def pool(x: Float64, stride: int) -> Float64:
    """The largest of 2 x 2, with nothing beyond the right and lower edge."""
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1)), constant_values=-np.inf)
    return np.asarray(
        np.lib.stride_tricks.sliding_window_view(padded, (2, 2), axis=(1, 2)).max((3, 4))[:, ::stride, ::stride]
    )


class ByHand:
    def __init__(self, data: bytes) -> None:
        self.values = np.frombuffer(data, "<f4", offset=20).astype(np.float64)
        self.at = 0

    def take(self, *shape: int) -> Float64:
        self.at += int(np.prod(shape))
        return self.values[self.at - int(np.prod(shape)) : self.at].reshape(shape)

    def leaky(self, x: Float64, filters: int, stride: int) -> Float64:
        bias, scale, mean, variance = (self.take(filters)[:, None, None] for _ in range(4))
        plain = convolve(x, self.take(filters, x.shape[0], 3, 3), np.zeros(filters), stride)
        y = (plain - mean) / np.sqrt(variance + 1e-5) * scale + bias
        return np.where(y > 0, y, 0.1 * y)

    def linear(self, x: Float64, filters: int) -> Float64:
        bias = self.take(filters)
        return convolve(x, self.take(filters, x.shape[0], 1, 1), bias, 1)

    def maps(self, pixels: npt.NDArray[np.uint8]) -> tuple[Float64, Float64]:
        first = self.leaky(pixels.transpose(2, 0, 1) / 255, 4, 2)
        third = self.leaky(pool(first, 2), 6, 1)
        coarse = self.linear(pool(third[3:], 1), 14)
        wide = third.repeat(2, axis=1).repeat(2, axis=2)
        return coarse, self.linear(np.concatenate([wide, first]), 7)


def sigmoid(x: Float64) -> Float64:
    return np.asarray(1 / (1 + np.exp(-x)))


def test_the_network_is_the_one_that_was_described() -> None:
    data = weights(np.random.default_rng(0))
    network = read_darknet(CFG, data)
    assert network.size == (SIZE, SIZE)
    pixels = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    outputs = open_onnx(network.graph)(np.stack([pixels, 255 - pixels]))
    at = 0
    for found, anchors in zip(ByHand(data).maps(pixels), (((6, 7), (8, 9)), ((4, 5),)), strict=True):
        rows, columns = found.shape[1:]
        each = found.reshape(len(anchors), 7, rows * columns).transpose(0, 2, 1).reshape(-1, 7)
        here = slice(at, at := at + len(each))
        np.testing.assert_allclose(outputs["raw"][0, here], each[:, :4], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(outputs["scores"][0, here], sigmoid(each[:, 4:5]) * sigmoid(each[:, 5:]), atol=1e-5)
    assert at == outputs["raw"].shape[1]
    assert outputs["raw"].shape[0] == 2
    assert [one.anchors for one in network.maps] == [((6.0, 7.0), (8.0, 9.0)), ((4.0, 5.0),)]
    assert [one.spread for one in network.maps] == [1.05, 1.0]


@pytest.mark.parametrize(("spread", "reach"), [(1.0, 0.5), (1.05, 0.525), (2.0, 1.0)])
def test_a_box_is_its_anchor_around_the_middle_of_its_cell(spread: float, reach: float) -> None:
    decode = yolo_decode([YoloMap("map", 2, 3, ((10.0, 20.0), (30.0, 40.0)), spread)], (96, 64))
    row, column, anchor = 1, 2, 1
    place = np.array([anchor * 6 + row * 3 + column])
    raw = np.zeros((1, 4), np.float32)
    np.testing.assert_allclose(decode(raw, place), [[80 - 15, 48 - 20, 80 + 15, 48 + 20]])
    raw[0] = [50, -50, np.log(2), 0]  # as far right and up as it goes, twice as wide
    across, down = 80 + 32 * reach, 48 - 32 * reach
    np.testing.assert_allclose(decode(raw, place), [[across - 30, down - 20, across + 30, down + 20]], rtol=1e-5)


def test_weights_of_another_network_are_refused() -> None:
    random = np.random.default_rng(0)
    with pytest.raises(WeightsError, match=rf"hold {COUNT + 1} numbers where the \.cfg has {COUNT}"):
        read_darknet(CFG, weights(random, COUNT + 1))
    with pytest.raises(WeightsError, match=r"fewer numbers than the \.cfg asks for"):
        read_darknet(CFG, weights(random, COUNT - 1))
    with pytest.raises(WeightsError, match="cut off"):
        read_darknet(CFG, weights(random)[:-1])
    with pytest.raises(WeightsError, match="longer than this"):
        read_darknet(CFG, b"")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [("[upsample]", "[shortcut]", r"layer \[shortcut\]"), ("=leaky", "=mish", "activation 'mish'")],
)
def test_what_this_reader_does_not_know_is_no_guess(before: str, after: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        read_darknet(CFG.replace(before, after), weights(np.random.default_rng(0)))


def test_the_oldest_header_is_shorter() -> None:
    data = weights(np.random.default_rng(0))
    old = struct.pack("<4i", 0, 1, 0, 99) + data[20:]
    assert read_darknet(CFG, old).graph == read_darknet(CFG, data).graph
