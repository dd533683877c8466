"""Tiny hub folders: the published layout and tensor names, random weights, made by the reference library itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TINY_VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}
TINY_TEXT = {
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "vocab_size": 700,
    "max_position_embeddings": 16,
    "bos_token_id": 0,
}
SENTENCES = [
    "a photo of a cat",
    "a photo of two dogs",
    "itap of the tree, don't look",
    "a bad photo of the small thing",
] * 4

MakeHub = Callable[..., tuple[Path, Any]]


@pytest.fixture(scope="session")
def make_hub(tmp_path_factory: pytest.TempPathFactory) -> MakeHub:
    """``make_hub("clip", act="gelu")`` gives (folder, reference model); a new folder each time."""

    def make(kind: str, *, act: str | None = None, size: int = 32, end: int | None = None) -> tuple[Path, Any]:
        folder = tmp_path_factory.mktemp(kind)
        model = _reference(kind, act, end)
        model.save_pretrained(folder)
        (folder / "preprocessor_config.json").write_text(json.dumps(_preprocessor(kind, size)))
        if kind == "clip":
            _clip_tokenizer(folder)
        if kind == "siglip":
            _siglip_tokenizer(folder)
        return folder, model

    return make


def _reference(kind: str, act: str | None, end: int | None) -> Any:
    """A reference model in which every parameter matters: the library starts biases at zero and norms at one."""
    import torch
    from transformers import (
        CLIPConfig,
        CLIPModel,
        Dinov2Config,
        Dinov2Model,
        SiglipConfig,
        SiglipModel,
    )

    torch.manual_seed(0)
    model: Any
    if kind == "clip":
        act = act or "quick_gelu"
        text = TINY_TEXT | {"hidden_act": act, "eos_token_id": 699 if end is None else end}
        model = CLIPModel(
            CLIPConfig(vision_config=TINY_VISION | {"hidden_act": act}, text_config=text, projection_dim=20)
        )
    elif kind == "siglip":
        text = TINY_TEXT | {"hidden_size": 32, "num_attention_heads": 4, "eos_token_id": 1}
        model = SiglipModel(SiglipConfig(vision_config=TINY_VISION, text_config=text))
    else:
        sizes = {key: value for key, value in TINY_VISION.items() if key != "intermediate_size"}
        model = Dinov2Model(Dinov2Config(**sizes, mlp_ratio=2, layerscale_value=0.7))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def _preprocessor(kind: str, size: int) -> dict[str, Any]:
    """As the real repositories write it; CLIP's in the old form with plain numbers."""
    clip = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
    dino = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    if kind == "clip":
        return {"crop_size": size, "do_center_crop": True, "do_resize": True, "resample": 3, "size": size, **clip}
    if kind == "siglip":
        half = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
        return {"do_resize": True, "resample": 3, "size": {"height": size, "width": size}, **half}
    square = {"height": size, "width": size}
    return {
        "crop_size": square,
        "do_center_crop": True,
        "resample": 3,
        "size": {"shortest_edge": size * 8 // 7},
        **dino,
    }


def _clip_tokenizer(folder: Path) -> None:
    """Byte-pair encoding as CLIP's ``tokenizer.json`` has it, its two special tokens at the end of the vocabulary."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = bytes_ + [byte + "</w>" for byte in bytes_]
    merges = [("a", "t</w>"), ("c", "at</w>"), ("t", "h"), ("th", "e</w>"), ("d", "o"), ("o", "f</w>")]
    pieces += [first + second for first, second in merges]
    pieces += [f"unused{number}" for number in range(698 - len(pieces))] + ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(words, behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", 698), ("<|endoftext|>", 699)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))


def _siglip_tokenizer(folder: Path) -> None:
    """Unigram pieces with "</s>" as both end and filling."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<unk>", "</s>"]
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"eos_token": "</s>", "pad_token": {"content": "</s>"}, "tokenizer_class": "SiglipTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


@pytest.fixture(scope="session")
def photographs() -> dict[str, bytes]:
    """Encoded photographs that scikit-image and scikit-learn carry, by file name."""
    from importlib.resources import files

    carried = {
        "skimage.data": ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg"),
        "sklearn.datasets.images": ("china.jpg", "flower.jpg"),
    }
    return {name: files(package).joinpath(name).read_bytes() for package, names in carried.items() for name in names}


@pytest.fixture(scope="session")
def tiny_lite() -> dict[str, Any]:
    """Weights of an EfficientNet-Lite of the real layout and depth (lite0's) in a few channels, drawn at random."""
    random = np.random.default_rng(0)
    state: dict[str, Any] = {}

    def layer(convolution: str, norm: str, *shape: int) -> None:
        state[f"{convolution}.weight"] = random.normal(0, 0.3, shape).astype(np.float32)
        for part, low, high in (
            ("weight", 0.5, 1.5),
            ("bias", -0.5, 1),
            ("running_mean", -1, 1),
            ("running_var", 0.5, 2),
        ):
            state[f"{norm}.{part}"] = random.uniform(low, high, shape[0]).astype(np.float32)

    layer("_conv_stem", "_bn0", 8, 3, 3, 3)
    width, number = 8, 0
    for out, repeats, kernel in ((4, 1, 3), (6, 2, 3), (8, 2, 5), (10, 3, 3), (12, 3, 5), (14, 4, 5), (16, 1, 3)):
        for _ in range(repeats):
            prefix = f"_blocks.{number}."
            inner = width if number == 0 else 2 * width
            if number:
                layer(prefix + "_expand_conv", prefix + "_bn0", inner, width, 1, 1)
            layer(prefix + "_depthwise_conv", prefix + "_bn1", inner, 1, kernel, kernel)
            layer(prefix + "_project_conv", prefix + "_bn2", out, inner, 1, 1)
            width, number = out, number + 1
    layer("_conv_head", "_bn1", 20, width, 1, 1)
    state["_fc.weight"] = random.normal(0, 1, (7, 20)).astype(np.float32)
    state["_fc.bias"] = random.normal(0, 1, 7).astype(np.float32)
    return state
