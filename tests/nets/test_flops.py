"""Counted operations against closed formulae."""

from dataclasses import replace

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


def test_a_token_costs_as_many_experts_as_it_goes_to() -> None:
    sparse = ViTConfig(width=32, depth=2, heads=2, image=32, patch=8, experts=8, experts_each=2, experts_every=2)
    dense = replace(sparse, experts=0)
    layer = 2 * sparse.tokens * 2 * 32 * 128
    router = 2 * sparse.tokens * 32 * 8
    assert forward_flops(ViT(sparse), 32) == forward_flops(ViT(dense), 32) + layer + router


def test_counting_leaves_a_mixture_as_it_was() -> None:
    model = nn.Sequential(ViT(ViTConfig(width=32, depth=2, heads=2, image=32, patch=8, experts=4)))
    x = torch.rand(2, 3, 32, 32)
    before = model(x)
    assert forward_flops(model, 32) == forward_flops(model[0], 32)
    torch.testing.assert_close(model(x), before, rtol=0, atol=0)


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


def test_what_is_put_around_a_module_is_not_run() -> None:
    model = ResNet(width=8, blocks=1, strides=(1,))
    expected = forward_flops(model, 32)

    def fail(module: nn.Module, given: object) -> None:
        raise AssertionError(f"{module} was run on {given}")

    model.register_forward_pre_hook(fail)
    assert forward_flops(model, 32) == expected
