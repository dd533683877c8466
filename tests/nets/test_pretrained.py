"""Published weights, read by name. The reference is the transformers library, with every parameter drawn at random."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file
from torch import Tensor

from compoundeye.nets import ViT, ViTConfig, build, pixel_scale, read_pretrained
from compoundeye.records import EyeError

TINY: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}
MLP = {"intermediate_size": 48}


def stirred(model: Any) -> Any:
    """Biases at zero and norms at one would hide a name that is read into the wrong place."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def vit(**more: Any) -> Any:
    return transformers.ViTModel(transformers.ViTConfig(**TINY, **MLP, **more))


def classifier() -> Any:
    return transformers.ViTForImageClassification(transformers.ViTConfig(**TINY, **MLP, num_labels=5))


def dinov2() -> Any:
    return transformers.Dinov2Model(transformers.Dinov2Config(**TINY, mlp_ratio=2, layerscale_value=0.7))


def registers() -> Any:
    config = transformers.Dinov2WithRegistersConfig(**TINY, mlp_ratio=2, layerscale_value=0.7, num_register_tokens=3)
    return transformers.Dinov2WithRegistersModel(config)


def clip() -> Any:
    text = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 3, "vocab_size": 50, "eos_token_id": 2}
    return transformers.CLIPModel(transformers.CLIPConfig(vision_config=TINY | MLP, text_config=text))


def siglip() -> Any:
    return transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**TINY, **MLP))


def token(model: Any, x: Tensor, **more: Any) -> Tensor:
    found: Tensor = model(x, **more).last_hidden_state[:, 0]
    return found


def pooled(model: Any, x: Tensor, **more: Any) -> Tensor:
    found: Tensor = model(x, **more).pooler_output
    return found


MODELS: dict[str, tuple[Callable[[], Any], Callable[..., Tensor]]] = {
    "vit": (vit, token),
    "vit without qkv bias": (lambda: vit(qkv_bias=False), token),
    "vit with a classifier": (classifier, lambda model, x, **more: token(model.vit, x, **more)),
    "dinov2": (dinov2, token),
    "dinov2 with registers": (registers, token),
    "clip": (clip, lambda model, x, **more: pooled(model.vision_model, x, **more)),
    "siglip": (siglip, pooled),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_hub_folder_answers_as_the_reference(kind: str, tmp_path: Path) -> None:
    make, features = MODELS[kind]
    reference = stirred(make())
    reference.save_pretrained(tmp_path)
    model = build(str(tmp_path)).eval()
    with torch.no_grad():
        x = torch.rand(3, 3, 32, 32)
        torch.testing.assert_close(model(x), features(reference, x), rtol=1e-5, atol=1e-5)
        # The names that the library has in memory are not those that it writes.
        again = ViT(model.config).eval()
        read_pretrained(again, reference.state_dict())
        torch.testing.assert_close(again(x), model(x), rtol=0, atol=0)
        # Another picture size: the positions are resampled as the reference does on the way.
        larger, x = build(str(tmp_path), image=48).eval(), torch.rand(3, 3, 48, 48)
        if "registers" in kind:  # the reference resamples these with smoothing, which its plain DINOv2 does not
            assert larger(x).shape == (3, 32)
        else:
            expected = features(reference, x, interpolate_pos_encoding=True)
            torch.testing.assert_close(larger(x), expected, rtol=1e-5, atol=1e-5)


def timm_state(config: ViTConfig) -> tuple[dict[str, Tensor], ViT]:
    """The names and layout of timm's VisionTransformer (1.0), and the same network of ours."""
    model = stirred(ViT(config))
    ours, state = model.state_dict(), {}
    state["cls_token"], registers = ours["prefix"].split([1, config.registers], 1)
    if config.registers:
        state["reg_token"] = registers
    state["pos_embed"] = ours["position"]
    for part in ("weight", "bias"):
        state[f"patch_embed.proj.{part}"] = ours[f"patch.{part}"]
        state[f"norm.{part}"] = ours[f"norm.{part}"]
        state[f"head.{part}"] = torch.zeros(7)
        for i in range(config.depth):
            to, of = f"blocks.{i}.", f"blocks.{i}."
            fused = [ours[f"{of}attention.{name}.{part}"] for name in ("query", "key", "value")]
            state[f"{to}attn.qkv.{part}"] = torch.cat(fused)
            state[f"{to}attn.q_norm.{part}"] = ours[f"{of}attention.norm_query.{part}"]
            state[f"{to}attn.k_norm.{part}"] = ours[f"{of}attention.norm_key.{part}"]
            state[f"{to}attn.proj.{part}"] = ours[f"{of}attention.out.{part}"]
            state[f"{to}mlp.fc1.{part}"] = ours[f"{of}mlp.up.{part}"]
            state[f"{to}mlp.fc2.{part}"] = ours[f"{of}mlp.down.{part}"]
            state[f"{to}norm1.{part}"] = ours[f"{of}norm1.{part}"]
            state[f"{to}norm2.{part}"] = ours[f"{of}norm2.{part}"]
            state[f"{to}ls1.gamma"] = ours[f"{of}scale1.factor"]
            state[f"{to}ls2.gamma"] = ours[f"{of}scale2.factor"]
    return state, model


CONFIG = ViTConfig(width=32, depth=2, heads=4, hidden=48, image=32, patch=8, registers=2, qk_norm=True, layer_scale=0.5)


@pytest.mark.parametrize("prefix", ["", "model.", "visual.trunk.", "module.backbone."])
def test_timms_names_are_read(prefix: str) -> None:
    state, reference = timm_state(CONFIG)
    model = ViT(CONFIG).eval()
    read_pretrained(model, {prefix + name: tensor for name, tensor in state.items()})
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model(x), reference(x), rtol=0, atol=0)


def test_a_class_token_without_a_position_gets_none() -> None:
    state, reference = timm_state(CONFIG)
    state["pos_embed"] = state["pos_embed"][:, 1:]
    reference.position.data[:, 0] = 0
    model = ViT(CONFIG).eval()
    read_pretrained(model, state)
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model(x), reference(x), rtol=0, atol=0)


def changed(**changes: Any) -> dict[str, Tensor]:
    state, _ = timm_state(CONFIG)
    for name, value in changes.items():
        name = name.replace("__", ".")
        if value is None:
            del state[name]
        else:
            state[name] = value
    return state


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks__1__mlp__fc1__bias": None}, r"lack blocks\.1\.mlp\.up\.bias: they are of another network"),
        ({"fc_norm__weight": torch.zeros(32)}, r"have fc_norm\.weight, which no vision transformer here has"),
        ({"blocks__2__norm1__weight": torch.zeros(32)}, r"have blocks\.2\.norm1\.weight beyond the network"),
        ({"norm_pre__weight": torch.zeros(32)}, r"have norm_in\.weight beyond .* \(option norm_in\)"),
        ({"reg_token": torch.zeros(1, 4, 32)}, r"prefix has shape \[1, 5, 32\], not .*\[1, 3, 32\] \(option registers"),
        ({"pos_embed": torch.zeros(1, 18, 32)}, "have 18 positions, which is no square picture"),
        ({"blocks__0__ls1__gamma": None}, r"lack blocks\.0\.scale1\.factor: .* \(option layer_scale\)"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_read(changes: dict[str, Tensor | None], message: str) -> None:
    model = ViT(CONFIG)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(EyeError, match=message):
        read_pretrained(model, changed(**changes))
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_network_without_a_class_token_says_so() -> None:
    state, _ = timm_state(CONFIG)
    model = ViT(ViTConfig(width=32, depth=2, heads=4, hidden=48, image=32, patch=8, registers=2, pool="mean"))
    with pytest.raises(EyeError, match="have a class token, which the network has not: build it with pool='token'"):
        read_pretrained(model, state)


def test_folders_that_are_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EyeError, match=r"cannot read what .*config.json is a model of"):
        build(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(EyeError, match="describes a 'bert' model"):
        build(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "dinov2", "use_swiglu_ffn": True}))
    with pytest.raises(EyeError, match="gated layers"):
        build(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit", "hidden_act": "relu"}))
    with pytest.raises(EyeError, match="activation 'relu' is not one of gelu"):
        build(str(tmp_path))


def test_the_preprocessor_says_how_pixels_are_scaled(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5, 0.4, 0.2], "image_std": [1] * 3})
    )
    assert pixel_scale(str(tmp_path)) == (pytest.approx((127.5, 102.0, 51.0)), (255, 255, 255))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"image_mean": [0.5], "image_std": [1, 1, 1]}'])
def test_a_preprocessor_that_does_not_say_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(text)
    with pytest.raises(EyeError, match=r"cannot read how pixels are scaled from .*preprocessor_config.json"):
        pixel_scale(str(tmp_path))


def test_a_hub_network_can_have_other_weights(tmp_path: Path) -> None:
    vit().save_pretrained(tmp_path / "hub")
    tuned = stirred(build(str(tmp_path / "hub")))
    torch.save(tuned.state_dict(), tmp_path / "tuned.pth")
    again = build(str(tmp_path / "hub"), pretrained=tmp_path / "tuned.pth").eval()
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(again(x), tuned(x), rtol=0, atol=0)


def test_the_file_holds_what_is_read(tmp_path: Path) -> None:
    """The names that this file tests are those that the library writes, not only those that it has in memory."""
    vit().save_pretrained(tmp_path)
    assert "encoder.layer.1.attention.attention.query.weight" in load_file(tmp_path / "model.safetensors")
