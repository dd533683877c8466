"""Counted operations against closed formulae."""

import pytest
import torch
from torch import nn

from compoundeye.nets import ResNet, ViT, ViTConfig, forward_flops, training_flops, vit_config


def closed(c: ViTConfig) -> int:
    """Projections, attention (scores and mixing), feed-forward layers and patches; 2 operations a product."""
    tokens, width, hidden = c.tokens, c.width, c.hidden or 4 * c.width
    block = 4 * tokens * width**2 + 2 * tokens**2 * width + 2 * tokens * width * hidden
    patches = (c.image // c.patch) ** 2 * c.channels * c.patch**2 * width
    return 2 * (c.depth * block + patches)


@pytest.mark.parametrize("size", ["ti", "b", "l"])
def test_a_vision_transformer_costs_what_the_formula_says(size: str) -> None:
    with torch.device("meta"):
        model = ViT(vit_config(size))
    assert forward_flops(model, 224) == closed(model.config)
    assert training_flops(model, 224) == 3 * closed(model.config)


def test_the_largest_can_be_counted_without_memory() -> None:
    with torch.device("meta"):
        model = ViT(vit_config("22b", depth=2, pool="mean"))
    assert forward_flops(model, 224) == closed(model.config)


def test_published_figures() -> None:
    """Billions of multiply-adds of DeiT at 224: 1.26 (Ti), 4.6 (S), 17.6 (B); DeiT paper and timm's tables."""
    for size, billions in (("ti", 1.26), ("s", 4.61), ("b", 17.58)):
        with torch.device("meta"):
            model = ViT(vit_config(size))
        assert forward_flops(model, 224) / 2e9 == pytest.approx(billions, rel=0.02)


def test_a_convolution_costs_its_kernel_at_every_place() -> None:
    model = ResNet(width=8, blocks=1, strides=(1,))
    assert forward_flops(model, 32) == 2 * 32 * 32 * 9 * (3 * 8 + 8 * 8 + 8 * 8)


def test_counting_leaves_the_module_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert forward_flops(model, 8) == 2 * 36 * 27 * 4
    assert model.training
    for name, value in model.state_dict().items():
        assert value.device.type == "cpu"
        assert torch.equal(value, before[name])
