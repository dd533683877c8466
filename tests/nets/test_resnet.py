"""The residual network."""

import pytest
import torch

from compoundeye.nets import ResNet
from compoundeye.records import EyeError


def test_any_side_becomes_features() -> None:
    model = ResNet(width=8, blocks=(1, 2, 1)).eval()
    assert model.features == 32
    for side in (28, 33, 64):
        assert model(torch.rand(2, 3, side, side)).shape == (2, 32)


def test_strides_set_the_size_of_the_last_map() -> None:
    model = ResNet(width=4, blocks=1, strides=(1, 2, 2, 2), stem=2)
    assert model.stages(model.stem(torch.rand(1, 3, 64, 64))).shape == (1, 32, 4, 4)


def test_channels_last_gives_the_same() -> None:
    torch.manual_seed(0)
    model = ResNet(width=8, blocks=1).eval()
    x = torch.rand(2, 3, 32, 32)
    expected = model(x)
    found = model.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected)


def test_a_block_without_convolutions_passes_its_input() -> None:
    model = ResNet(width=4, blocks=3, strides=(1,))
    x = torch.rand(2, 4, 8, 8)
    for block in model.stages:
        torch.nn.init.zeros_(block.convolve2.weight)
    torch.testing.assert_close(model.stages(x), x)


def test_fresh_weights_keep_the_signal() -> None:
    torch.manual_seed(0)
    model = ResNet(blocks=4)
    maps = model.stages(model.stem(torch.randn(8, 3, 32, 32)))
    # Every block adds about as much variance as its normalised input has: no vanishing, and growth as its root.
    assert 1 < float(maps.detach().std()) < 4
    maps.square().mean().backward()
    first, last = (float(block.convolve1.weight.grad.norm()) for block in (model.stages[0], model.stages[-1]))
    assert 0.1 < first / last < 100


def test_reset_draws_again() -> None:
    model = ResNet(width=4, blocks=1)
    before = model.stem.weight.clone()
    model.norm.bias.data.fill_(3)
    model.reset()
    assert not torch.equal(model.stem.weight, before)
    assert not model.norm.bias.any()


def test_numbers_of_blocks_that_do_not_fit_the_strides_are_refused() -> None:
    with pytest.raises(EyeError, match=r"3 strides need as many numbers of blocks, each at least 1, not \[2, 2\]"):
        ResNet(blocks=[2, 2])
