"""The vision transformer."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch

from compoundeye.nets import ViT, ViTConfig

TINY = ViTConfig(width=24, depth=2, heads=2, image=16, patch=4)
OPTIONS: dict[str, Any] = {
    "pool": ["token", "mean", "attention"],
    "parallel": [False, True],
    "norm": ["layer", "rms"],
    "registers": [0, 2],
}


def stirred(model: ViT) -> ViT:
    """Every parameter away from what would hide a mistake."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


@pytest.mark.parametrize("values", list(itertools.product(*OPTIONS.values())))
def test_pictures_become_features_with_any_options(values: tuple[Any, ...]) -> None:
    config = replace(TINY, qk_norm=True, norm_in=True, layer_scale=0.1, **dict(zip(OPTIONS, values, strict=True)))
    model = ViT(config)
    x = torch.rand(3, 3, 16, 16)
    assert model.tokens(x).shape == (3, config.tokens, 24)
    features = model(x)
    assert features.shape == (3, 24)
    features.square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_names_that_parallel_plans_are_written_against() -> None:
    model = ViT(replace(TINY, qk_norm=True, layer_scale=0.1, pool="attention", norm_in=True, registers=1))
    assert {name.split(".")[0] for name in model.state_dict()} == {
        "patch", "prefix", "position", "blocks", "norm", "norm_in", "pool",
    }  # fmt: skip
    block = dict(model.blocks["1"].named_modules())
    expected = ["norm1", "norm2", "mlp.up", "mlp.down", "scale1", "scale2", "drop", "attention.attend"]
    expected += [f"attention.{name}" for name in ("query", "key", "value", "out", "norm_query", "norm_key")]
    assert set(expected) <= block.keys()


def test_attention_is_that_of_the_formula() -> None:
    torch.manual_seed(0)
    layer = stirred(ViT(TINY)).blocks["0"].attention
    x = torch.rand(1, 5, 24)
    heads = []
    for h in range(2):
        part = slice(12 * h, 12 * h + 12)
        q, k, v = (project(x)[0, :, part] for project in (layer.query, layer.key, layer.value))
        heads.append((q @ k.T / 12**0.5).softmax(1) @ v)
    torch.testing.assert_close(layer(x)[0], layer.out(torch.cat(heads, 1)))


def test_the_order_of_patches_matters_only_by_their_positions() -> None:
    torch.manual_seed(0)
    model = stirred(ViT(replace(TINY, pool="mean")))
    x = torch.rand(2, 3, 16, 16)
    turned = x.flip(3)
    assert not torch.allclose(model(x), model(turned), atol=1e-4)
    torch.nn.init.zeros_(model.position)
    model.patch.weight.data[:] = model.patch.weight.mean((2, 3), keepdim=True)  # patches look the same turned
    torch.testing.assert_close(model(x), model(turned), rtol=1e-4, atol=1e-5)


def test_parallel_layers_share_one_normalisation() -> None:
    torch.manual_seed(0)
    block = stirred(ViT(replace(TINY, parallel=True))).blocks["0"]
    x = torch.rand(2, 5, 24)
    y = block.norm1(x)
    torch.testing.assert_close(block(x), x + block.attention(y) + block.mlp(y))


def test_rms_has_neither_centre_nor_bias() -> None:
    norm = ViT(replace(TINY, norm="rms")).norm
    x = torch.rand(2, 24) + 3
    torch.testing.assert_close(norm(x), x / (x.square().mean(1, keepdim=True) + 1e-6).sqrt())
    assert [name for name, _ in norm.named_parameters()] == ["weight"]


def test_normalised_queries_and_keys_bound_attention_however_large_weights_grow() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 3, 16, 16)
    for qk_norm, within in ((True, True), (False, False)):
        model = ViT(replace(TINY, qk_norm=qk_norm, depth=1)).eval()
        attention = model.blocks["0"].attention
        seen: list[torch.Tensor] = []
        attention.attend.register_forward_pre_hook(
            lambda _, given, seen=seen: seen.append(given[0] @ given[1].transpose(2, 3) / 12**0.5)
        )
        attention.query.weight.data *= 1000
        attention.key.weight.data *= 1000
        with torch.no_grad():
            model(x)
        # Unit deviation in each of 12 channels: no product of two exceeds 12, nor its root 12 / sqrt(12).
        assert (float(seen[0].abs().max()) <= 12**0.5 + 1e-3) == within


def test_a_layer_skipped_by_chance_is_made_up_for() -> None:
    torch.manual_seed(0)
    model = stirred(ViT(replace(TINY, depth=2, drop_path=0.25)))
    block = model.blocks["1"]
    x = torch.ones(8000, 2, 3)
    assert torch.equal(block.drop(x), x)
    block.train()
    y = block.drop(x)
    torch.testing.assert_close(y.unique(), torch.tensor([0, 1 / 0.75]))
    assert torch.equal(y.amax((1, 2)), y.amin((1, 2)))  # a picture at a time
    assert float(y.mean()) == pytest.approx(1, abs=0.03)
    many = block(torch.rand(1, 5, 24).expand(2000, -1, -1)).detach()
    assert len(many.flatten(1).unique(dim=0)) == 4  # each of two layers, or not


def test_depth_is_dropped_more_often_further_in() -> None:
    model = ViT(replace(TINY, depth=5, drop_path=0.2))
    assert [block.drop.probability for block in model.blocks.values()] == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])


@pytest.mark.parametrize("experts", [0, 4])
def test_a_network_made_without_memory_is_filled_by_reset(experts: int) -> None:
    more: Any = {"registers": 1, "layer_scale": 0.1, "qk_norm": True, "norm_in": True, "positions": "sine"}
    config = replace(TINY, pool="attention", experts=experts, **more)
    with torch.device("meta"):
        model = ViT(config)
    model.to_empty(device="cpu")
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, torch.nan)
    torch.manual_seed(0)
    model.reset()
    torch.manual_seed(0)
    for (name, found), wanted in zip(model.state_dict().items(), ViT(config).state_dict().values(), strict=True):
        assert torch.isfinite(found).all(), name
        # Constants are the same; what is drawn is drawn from the same distribution.
        assert float(found.std()) == pytest.approx(float(wanted.std()), rel=0.5, abs=0.01), name


def test_pictures_that_are_not_square_fail_at_the_positions() -> None:
    with pytest.raises(RuntimeError, match="size of tensor"):
        ViT(TINY)(torch.rand(1, 3, 16, 20))
