"""Vision transformers from a folder in the model hub's layout: ``config.json`` says what they are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compoundeye.nets._vit import ViTConfig
from compoundeye.records import EyeError

Colours = tuple[float, float, float]
"""One number each for red, green and blue."""

_SHARED = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "image_size": 224, "num_channels": 3}

# A published config.json may leave out what equals the default of its class, so these defaults are part of the format.
# Source: ViTConfig, Dinov2Config, CLIPVisionConfig and SiglipVisionConfig of the transformers library, version 5.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "vit": {"intermediate_size": 3072, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "patch_size": 16},
    "dinov2": {"mlp_ratio": 4, "hidden_act": "gelu", "layer_norm_eps": 1e-6, "patch_size": 14},
    "clip": {"intermediate_size": 3072, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "patch_size": 32},
    "siglip": {"intermediate_size": 3072, "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6, "patch_size": 16},
}
_FAMILY = {
    "vit": "vit",
    "vit_mae": "vit",
    "dinov2": "dinov2",
    "dinov2_with_registers": "dinov2",
    "clip": "clip",
    "clip_vision_model": "clip",
    "siglip": "siglip",
    "siglip_vision_model": "siglip",
}
_ACTIVATIONS = {"gelu": "gelu", "gelu_pytorch_tanh": "gelu_tanh", "quick_gelu": "quick_gelu"}


def hub_config(folder: Path) -> ViTConfig:
    """What the transformer in a folder is made of; of a model of pictures and texts, its vision tower.

    Raises:
        EyeError: ``config.json`` is missing, or describes another kind of network.
    """
    path = folder / "config.json"
    try:
        given = json.loads(path.read_text("utf-8"))
        kind = given["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EyeError(f"cannot read what {path} is a model of ({error!r}): fetch it beside the weights") from None
    if kind not in _FAMILY:
        raise EyeError(f"{path} describes a {kind!r} model: those read are {', '.join(_FAMILY)}")
    family = _FAMILY[kind]
    values = {**_SHARED, **_DEFAULTS[family], **given, **(given.get("vision_config") or {})}
    if values.get("use_swiglu_ffn"):
        raise EyeError(f"{folder} is a DINOv2 with gated layers (giant), which is not read: use small, base or large")
    if values["hidden_act"] not in _ACTIVATIONS:
        raise EyeError(f"{path}: activation {values['hidden_act']!r} is not one of {', '.join(_ACTIVATIONS)}")
    more: dict[str, Any] = {"activation": _ACTIVATIONS[values["hidden_act"]]}
    if family == "dinov2":
        more |= {"layer_scale": 1.0, "registers": values.get("num_register_tokens", 4) if "registers" in kind else 0}
        values["intermediate_size"] = values["hidden_size"] * values["mlp_ratio"]
    return ViTConfig(
        width=values["hidden_size"],
        depth=values["num_hidden_layers"],
        heads=values["num_attention_heads"],
        hidden=values["intermediate_size"],
        image=values["image_size"] // values["patch_size"] * values["patch_size"],
        patch=values["patch_size"],
        channels=values["num_channels"],
        pool="attention" if family == "siglip" else "token",
        qkv_bias=values.get("qkv_bias", True),
        norm_in=family == "clip",
        epsilon=values["layer_norm_eps"],
        **more,
    )


def hub_pixel_scale(folder: Path) -> tuple[Colours, Colours]:
    """Mean and deviation of pixels from 0 to 255, by ``preprocessor_config.json``, which has them from 0 to 1.

    Raises:
        EyeError: it is missing, or has no three numbers for each.
    """
    path = folder / "preprocessor_config.json"
    try:
        given = json.loads(path.read_text("utf-8"))
        mean, deviation = (tuple(255 * float(value) for value in given[key]) for key in ("image_mean", "image_std"))
        (red, green, blue), (of_red, of_green, of_blue) = mean, deviation
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EyeError(f"cannot read how pixels are scaled from {path} ({error!r}): fetch it again") from None
    return (red, green, blue), (of_red, of_green, of_blue)
