"""A folder of foreign files is read only as far as it is what it says, and what is wrong is said in one sentence."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from compoundeye.models._error import WeightsError
from compoundeye.models._hub import manifest_digest, read_hub
from compoundeye.models._recipe import read_recipe
from compoundeye.models._safetensors import open_checkpoint
from compoundeye.models._text_tower import text_graph
from compoundeye.models._vit import vision_graph

Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def clip(make_hub: Any) -> Path:
    folder: Path = make_hub("clip")[0]
    return folder


@pytest.fixture
def copy(clip: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clip, tmp_path / "model"))


def build(folder: Path) -> None:
    hub = read_hub(folder)
    vision_graph(hub, read_recipe(folder))
    text_graph(hub)


def without(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def written(name: str, content: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).write_text(content)

    return change


def config(section: str | None = None, **values: Any) -> Change:
    def change(folder: Path) -> None:
        whole = json.loads((folder / "config.json").read_text())
        (whole[section] if section else whole).update(values)
        (folder / "config.json").write_text(json.dumps(whole))

    return change


def preprocessor(**values: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / "preprocessor_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def tensor(name: str, value: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / "model.safetensors"
        tensors = load_file(path)
        del tensors[name]
        save_file(tensors | ({} if value is None else {name: value}), path)

    return change


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": 1}))


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


FC1 = "vision_model.encoder.layers.1.mlp.fc1.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(without("config.json"), "has no config.json", id="no config"),
        pytest.param(without("model.safetensors"), "has no model.safetensors", id="no weights"),
        pytest.param(without("preprocessor_config.json"), "has no preprocessor_config.json", id="no preprocessor"),
        pytest.param(pickled, r"holds pytorch_model.bin, a pickle, .* never read", id="only a pickle"),
        pytest.param(truncated, "is damaged or not safetensors", id="truncated"),
        pytest.param(
            written("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
            "is a Git LFS pointer, not the weights",
            id="LFS pointer",
        ),
        pytest.param(written("config.json", "{"), "cannot read .*config.json", id="config cut off"),
        pytest.param(written("config.json", "[]"), "config.json is not a JSON object", id="config a list"),
        pytest.param(
            config(model_type="bert"), "describes a 'bert' model: only clip, siglip, dinov2", id="other model"
        ),
        pytest.param(config("vision_config", hidden_size=None), "hidden_size is None", id="no size"),
        pytest.param(config("vision_config", num_attention_heads=5), "does not divide into 5", id="heads"),
        pytest.param(config("vision_config", hidden_act="relu9"), "activation 'relu9'", id="activation"),
        pytest.param(
            config("vision_config", intermediate_size=50),
            r"tensor vision_model.*0.mlp.fc2.weight of .* has shape \[32, 48\] where config.json implies \[32, 50\]",
            id="shape",
        ),
        pytest.param(
            config("text_config", num_hidden_layers=3), "text_model.encoder.layers.2.* is missing from", id="layers"
        ),
        pytest.param(tensor(FC1, None), f"tensor {FC1} is missing from .*model.safetensors", id="tensor missing"),
        pytest.param(
            tensor(FC1, np.zeros((48, 32), np.int8)), f"tensor {FC1} of .* is of type I8", id="tensor of integers"
        ),
        pytest.param(preprocessor(image_mean=[0.5]), "image_mean must be three numbers", id="mean"),
        pytest.param(preprocessor(do_normalize=False), "turns do_normalize off", id="no normalisation"),
        pytest.param(preprocessor(do_center_crop=False), "input would not be square", id="no crop"),
        pytest.param(preprocessor(size=16), "cuts 32 pixels out of 16", id="crop too large"),
        pytest.param(preprocessor(crop_size={"height": 32, "width": 30}), "not square", id="crop not square"),
        pytest.param(preprocessor(resample=77), "resample 77 is not one of Pillow's filters", id="filter"),
    ],
)
def test_a_folder_that_is_not_right_says_what_is_wrong(copy: Path, change: Change, message: str) -> None:
    change(copy)
    with pytest.raises(WeightsError, match=message):
        build(copy)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is not a folder"):
        read_hub(tmp_path / "nothing")


def test_giant_dinov2_is_refused_by_name(make_hub: Any) -> None:
    folder = make_hub("dinov2")[0]
    config(use_swiglu_ffn=True)(folder)
    with pytest.raises(WeightsError, match="DINOv2 with SwiGLU"):
        read_hub(folder)


def shard(folder: Path) -> None:
    """Split the weights in two, with an index, as the hub stores large models."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    path.unlink()
    table = {}
    for part in (0, 1):
        chosen = sorted(tensors)[part::2]
        save_file({name: tensors[name] for name in chosen}, folder / f"model-{part}.safetensors")
        table |= dict.fromkeys(chosen, f"model-{part}.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))


def test_shards_are_read_as_one(clip: Path, copy: Path) -> None:
    shard(copy)
    whole = vision_graph(read_hub(clip), read_recipe(clip)).SerializeToString(deterministic=True)
    assert vision_graph(read_hub(copy), read_recipe(copy)).SerializeToString(deterministic=True) == whole


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"a": "../../etc/passwd"}}, "points outside its folder"),
        ({"weight_map": {"a": "model-7.safetensors"}}, "lacks model-7.safetensors, one of 1 shards"),
        ({}, "names no shards"),
    ],
)
def test_a_bad_index_is_refused(copy: Path, index: Any, message: str) -> None:
    shard(copy)
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsError, match=message):
        read_hub(copy)


def test_the_digest_is_what_sha256sum_gives_and_covers_every_file_that_matters(copy: Path) -> None:
    before = read_hub(copy).digest()
    names = ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json")
    sums = {name: hashlib.sha256((copy / name).read_bytes()).hexdigest() for name in names}
    assert before == manifest_digest(sums)
    assert before == hashlib.sha256("".join(f"{sums[name]}  {name}\n" for name in names).encode()).hexdigest()
    (copy / "README.md").write_text("changes nothing")
    assert read_hub(copy).digest() == before
    for name in names:
        old = (copy / name).read_bytes()
        (copy / name).write_bytes(old + b" ")
        assert read_hub(copy).digest() != before, name
        (copy / name).write_bytes(old)


def test_tensors_come_as_float32_of_the_asked_shape(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"half": np.ones((2, 3), np.float16), "one": np.array(2.5, np.float32)}, path)
    with open_checkpoint([path]) as tensors:
        assert "half" in tensors
        assert tensors.take("half", 2, 3).dtype == np.float32
        assert tensors.take("one").shape == ()
        with pytest.raises(WeightsError, match="missing"):
            tensors.take("other")


def test_what_a_published_config_leaves_out_is_the_library_default(make_hub: Any) -> None:
    """google/siglip-base-patch16-224 says of its vision tower no more than what it is."""
    from transformers import CLIPConfig, Dinov2Config, SiglipConfig

    for kind, reference in (("clip", CLIPConfig()), ("siglip", SiglipConfig()), ("dinov2", Dinov2Config())):
        folder = make_hub(kind)[0]
        (folder / "config.json").write_text(json.dumps({"model_type": kind}))
        hub = read_hub(folder)
        vision = reference if kind == "dinov2" else reference.vision_config
        found = hub.vision
        assert (found.hidden, found.layers, found.heads) == (
            vision.hidden_size,
            vision.num_hidden_layers,
            vision.num_attention_heads,
        )
        assert (found.image, found.patch, found.activation) == (vision.image_size, vision.patch_size, vision.hidden_act)
        assert found.epsilon == vision.layer_norm_eps
        if hub.text is not None:
            text = reference.text_config
            assert (hub.text.hidden, hub.text.layers, hub.text.heads, hub.text.inner) == (
                text.hidden_size,
                text.num_hidden_layers,
                text.num_attention_heads,
                text.intermediate_size,
            )
            assert (hub.text.vocabulary, hub.text.length) == (text.vocab_size, text.max_position_embeddings)
            assert (hub.text.activation, hub.text.epsilon) == (text.hidden_act, text.layer_norm_eps)
