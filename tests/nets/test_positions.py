"""Positions as waves."""

import math

import torch

from compoundeye.nets import ViT, ViTConfig
from compoundeye.nets._positions import sine_positions


def test_waves_are_those_of_the_formula() -> None:
    place = sine_positions(5, 8)[0, 5 * 2 + 3]  # row 2, column 3; speeds 1 and 1 / 100
    expected = [f(number / speed) for number in (3, 2) for f in (math.sin, math.cos) for speed in (1, 100)]
    torch.testing.assert_close(place, torch.tensor(expected))


def test_nearer_patches_are_more_alike() -> None:
    places = sine_positions(8, 64).reshape(8, 8, 64)
    alike = (places[3, 3] * places).sum(2)
    assert alike[3, 3] == alike.max()
    assert alike[3, 4] > alike[3, 5] > alike[3, 6]
    assert alike[4, 3] > alike[5, 3] > alike[6, 3]
    torch.testing.assert_close(alike, alike.T)


def test_no_two_patches_have_the_same() -> None:
    places = sine_positions(16, 32)[0]
    distance = torch.cdist(places, places) + 9 * torch.eye(256)
    assert distance.min() > 0.1


def test_a_network_may_start_from_them() -> None:
    config = ViTConfig(width=16, depth=1, heads=2, image=16, patch=4, positions="sine")
    model = ViT(config)
    torch.testing.assert_close(model.position.data[:, 1:], sine_positions(4, 16))
    assert not model.position.data[:, 0].any()
