"""A folder in the model hub's layout: what is in it, and which model its ``config.json`` describes.

Read: ``config.json``, ``model.safetensors`` (or shards with their index), ``preprocessor_config.json`` and, for models
with a text tower, ``tokenizer.json`` with ``tokenizer_config.json`` or ``special_tokens_map.json`` beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compoundeye.models._error import WeightsError
from compoundeye.models._safetensors import INDEX, read_json, weight_files

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"
TOKENIZER = "tokenizer.json"
_SIDE_FILES = (CONFIG, PREPROCESSOR, TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", INDEX)

# A published config.json leaves out whatever equals the default of its configuration class, so these defaults are
# part of the format. Source: CLIPVisionConfig, CLIPTextConfig, SiglipVisionConfig, SiglipTextConfig and Dinov2Config
# of the transformers library, version 5.
_DEFAULTS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("clip", "vision"): {
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "image_size": 224, "patch_size": 32,
    },
    ("clip", "text"): {
        "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 8,
        "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "vocab_size": 49408, "max_position_embeddings": 77,
        "eos_token_id": 49407,
    },
    ("siglip", "vision"): {
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6, "image_size": 224, "patch_size": 16,
    },
    ("siglip", "text"): {
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6, "vocab_size": 32000, "max_position_embeddings": 64,
    },
    ("dinov2", "vision"): {
        "hidden_size": 768, "mlp_ratio": 4, "num_hidden_layers": 12, "num_attention_heads": 12,
        "hidden_act": "gelu", "layer_norm_eps": 1e-6, "image_size": 224, "patch_size": 14,
    },
}  # fmt: skip

_KINDS = ("clip", "siglip", "dinov2")


@dataclass(frozen=True, slots=True)
class Tower:
    """The numbers that shape one transformer."""

    hidden: int
    inner: int
    layers: int
    heads: int
    activation: str
    epsilon: float

    @property
    def head_width(self) -> int:
        return self.hidden // self.heads


@dataclass(frozen=True, slots=True)
class VisionTower(Tower):
    image: int
    """Pixels on a side at which the position embeddings were trained."""
    patch: int


@dataclass(frozen=True, slots=True)
class TextTower(Tower):
    vocabulary: int
    length: int
    """Most tokens that the position embeddings allow."""
    end: int | None
    """CLIP: id of the end-of-text token as config.json has it (2 in the first uploads, which was wrong)."""
    joint: int
    """Width of the embedding space that pictures and texts share."""


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model on disk in the hub's layout."""

    folder: Path
    kind: str
    """"clip", "siglip" or "dinov2"."""
    weights: tuple[Path, ...]
    vision: VisionTower
    text: TextTower | None
    joint: int
    """Width of the picture's embedding."""

    def digest(self) -> str:
        """SHA-256 of the manifest of every file that can change an answer (see ``manifest_digest``)."""
        side = (self.folder / name for name in _SIDE_FILES)
        files = [path for path in side if path.is_file()] + list(self.weights)
        return manifest_digest({path.name: file_sha256(path) for path in files})


def manifest_digest(sha256_by_name: Mapping[str, str]) -> str:
    """One SHA-256 for several files: that of the lines ``sha256sum`` prints for them, sorted by name.

    ``LC_ALL=C; sha256sum config.json model.safetensors ... | sha256sum`` in the folder prints the same.
    """
    lines = (f"{sha256_by_name[name]}  {name}\n" for name in sorted(sha256_by_name))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_hub(folder: str | Path) -> HubModel:
    """Recognise a model folder; tensors are not read yet.

    Raises:
        WeightsError: a file is missing, or ``config.json`` describes something else than CLIP, SigLIP or DINOv2.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise WeightsError(f"{folder} is not a folder: give the folder that holds config.json and model.safetensors")
    config = read_json(folder / CONFIG)
    kind = config.get("model_type")
    if kind not in _KINDS:
        raise WeightsError(f"{folder / CONFIG} describes a {kind!r} model: only {', '.join(_KINDS)} are supported")
    weights = weight_files(folder)
    if kind == "dinov2":
        if config.get("use_swiglu_ffn"):
            raise WeightsError(f"{folder} is a DINOv2 with SwiGLU layers (giant): use small, base or large")
        vision = _vision(kind, config, folder)
        return HubModel(folder, kind, weights, vision, None, vision.hidden)
    vision = _vision(kind, _section(config, "vision_config"), folder)
    text_config = _section(config, "text_config")
    if kind == "clip":
        joint = _integer(config.get("projection_dim", 512), "projection_dim", folder)
    else:
        joint = _integer(text_config.get("projection_size") or vision.hidden, "projection_size", folder)
    return HubModel(folder, kind, weights, vision, _text(kind, text_config, joint, folder), joint)


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = config.get(name)
    return section if isinstance(section, dict) else {}


def _vision(kind: str, config: Mapping[str, Any], folder: Path) -> VisionTower:
    values = {**_DEFAULTS[kind, "vision"], **config}
    return VisionTower(
        **_common(values, folder),
        image=_integer(values["image_size"], "image_size", folder),
        patch=_integer(values["patch_size"], "patch_size", folder),
    )


def _text(kind: str, config: Mapping[str, Any], joint: int, folder: Path) -> TextTower:
    values = {**_DEFAULTS[kind, "text"], **config}
    return TextTower(
        **_common(values, folder),
        vocabulary=_integer(values["vocab_size"], "vocab_size", folder),
        length=_integer(values["max_position_embeddings"], "max_position_embeddings", folder),
        end=_integer(values["eos_token_id"], "eos_token_id", folder, least=0) if kind == "clip" else None,
        joint=joint,
    )


def _common(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    hidden = _integer(values["hidden_size"], "hidden_size", folder)
    heads = _integer(values["num_attention_heads"], "num_attention_heads", folder)
    if hidden % heads:
        raise WeightsError(f"{folder / CONFIG}: hidden_size {hidden} does not divide into {heads} attention heads")
    inner = values.get("intermediate_size") or hidden * _integer(values.get("mlp_ratio"), "mlp_ratio", folder)
    return {
        "hidden": hidden,
        "inner": _integer(inner, "intermediate_size", folder),
        "layers": _integer(values["num_hidden_layers"], "num_hidden_layers", folder),
        "heads": heads,
        "activation": str(values["hidden_act"]),
        "epsilon": float(values["layer_norm_eps"]),
    }


def _integer(value: object, name: str, folder: Path, least: int = 1) -> int:
    """A whole number; some configurations write a square size as [224, 224]."""
    if isinstance(value, list) and len(value) == 2 and value[0] == value[1]:
        value = value[0]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise WeightsError(f"{folder / CONFIG}: {name} is {value!r}, where a whole number from {least} is needed")
    return value
