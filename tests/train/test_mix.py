"""Mixup and CutMix: pixels and targets are blended by the same share."""

from __future__ import annotations

import pytest
import torch

from compoundeye.train import mix

CLASSES = 5


def batch(count: int = 6, size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of one value, which is their class."""
    targets = torch.arange(count) % CLASSES
    return targets.float()[:, None, None, None].expand(count, 3, size, size).clone(), targets


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_either_targets_are_one_hot():
    pixels, targets = batch()
    mixed, wanted = mix(pixels, targets, CLASSES, 0, 0, generator(0))
    assert torch.equal(mixed, pixels)
    assert torch.equal(wanted, torch.nn.functional.one_hot(targets, CLASSES).float())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("mixup", "cutmix"), [(0.8, 0), (0, 1.0), (0.8, 1.0)])
def test_targets_are_the_shares_of_the_pixels(seed, mixup, cutmix):
    pixels, targets = batch()
    mixed, wanted = mix(pixels, targets, CLASSES, mixup, cutmix, generator(seed))
    torch.testing.assert_close(wanted.sum(1), torch.ones(6))
    # Since pictures show their class as their value, the mean value must be the mean class.
    torch.testing.assert_close(mixed.mean((1, 2, 3)), wanted @ torch.arange(CLASSES).float())
    assert torch.equal(pixels, batch()[0]), "the pixels given were changed"
    again = mix(pixels, targets, CLASSES, mixup, cutmix, generator(seed))
    assert torch.equal(again[0], mixed)
    assert torch.equal(again[1], wanted)


def test_cutmix_cuts_rectangles_and_mixup_blends_everywhere():
    pixels, targets = batch()
    cut = blended = 0
    for seed in range(200):
        mixed, _ = mix(pixels, targets, CLASSES, 0.8, 1.0, generator(seed))
        values = mixed[1].unique()
        if len(values) == 1 and not (values == values.round()).all():
            blended += 1
        else:
            assert set(values.tolist()) <= {float(targets[1]), float(targets[-2])}
            other = mixed[1, 0] == targets[-2]
            assert other.sum() == other.any(1).sum() * other.any(0).sum()
            cut += 1
    assert 70 < blended < 130
    assert cut + blended == 200


def test_the_share_follows_its_distribution():
    pixels, targets = torch.zeros(2, 1, 1, 1), torch.tensor([0, 1])
    shares = torch.stack([mix(pixels, targets, 2, 0.2, 0, generator(seed))[1][0, 0] for seed in range(2_000)])
    # Beta(a, a): mean 1/2, variance 1 / (4 (2a + 1)).
    assert abs(float(shares.mean()) - 0.5) < 0.04
    assert abs(float(shares.var()) - 1 / (4 * 1.4)) < 0.012


def test_pictures_without_a_class_add_nothing():
    pixels, _ = batch()
    targets = torch.tensor([0, 1, -1, 2, 3, 4])
    mixed, wanted = mix(pixels, targets, CLASSES, 1.0, 0, generator(3))
    assert mixed.shape == pixels.shape
    assert (wanted[2] > 0).sum() == 1  # only the other's class
    assert float(wanted[2].sum() + wanted[3].sum()) == pytest.approx(1)
    assert not mix(pixels, targets, CLASSES, 0, 0, generator(0))[1][2].any()
