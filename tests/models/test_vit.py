"""Vision towers give the reference library's embeddings, in both runtimes, straight from published tensor names."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from compoundeye.models._error import WeightsError
from compoundeye.models._hub import HubModel, read_hub
from compoundeye.models._positions import resize_positions
from compoundeye.models._recipe import Recipe, read_recipe
from compoundeye.models._runtime import open_onnx
from compoundeye.models._vit import vision_graph

CASES = [
    pytest.param("clip", "quick_gelu", 32, id="CLIP"),
    pytest.param("clip", "gelu", 32, id="CLIP with exact gelu (LAION)"),
    pytest.param("siglip", None, 32, id="SigLIP"),
    pytest.param("dinov2", None, 32, id="DINOv2 at its own size"),
    pytest.param("dinov2", None, 56, id="DINOv2 larger"),
    pytest.param("dinov2", None, 21, id="DINOv2 smaller, size no multiple of a patch"),
]


def pictures(size: int) -> Any:
    return np.random.default_rng(1).integers(0, 256, (3, size, size, 3), dtype=np.uint8)


def reference(kind: str, model: Any, recipe: Recipe, batch: Any) -> Any:
    import torch

    normalised = (batch / 255 - np.array(recipe.mean)) / np.array(recipe.std)
    pixels = torch.from_numpy(normalised.transpose(0, 3, 1, 2)).float()
    with torch.no_grad():
        if kind == "dinov2":
            return model(pixel_values=pixels).pooler_output.numpy()
        return model.get_image_features(pixel_values=pixels).pooler_output.numpy()


@pytest.mark.parametrize(("kind", "act", "size"), CASES)
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_embeddings_are_the_references(make_hub: Any, kind: str, act: str | None, size: int, runtime: str) -> None:
    folder, model = make_hub(kind, act=act, size=size)
    recipe = read_recipe(folder)
    graph = vision_graph(read_hub(folder), recipe)
    onnx.checker.check_model(graph, full_check=True)
    batch = pictures(size)
    embedding = open_onnx(graph.SerializeToString(), runtime=runtime)(batch)["embedding"]
    expected = reference(kind, model, recipe, batch)
    assert embedding.dtype == np.float32
    assert np.abs(expected).mean() > 0.1  # the comparison is of numbers that are not all but zero
    np.testing.assert_allclose(embedding, expected, atol=1e-4)


def test_a_picture_is_embedded_alike_alone_and_in_a_batch(make_hub: Any) -> None:
    folder, _ = make_hub("siglip")
    run = open_onnx(vision_graph(read_hub(folder), read_recipe(folder)).SerializeToString())
    batch = pictures(32)
    together = run(batch)["embedding"]
    alone = np.concatenate([run(batch[i : i + 1])["embedding"] for i in range(3)])
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_half_precision_files_are_read(make_hub: Any) -> None:
    import torch

    folder, model = make_hub("clip")
    model.to(torch.bfloat16).save_pretrained(folder)
    model.to(torch.float32)
    recipe = read_recipe(folder)
    run = open_onnx(vision_graph(read_hub(folder), recipe).SerializeToString())
    batch = pictures(32)
    np.testing.assert_allclose(run(batch)["embedding"], reference("clip", model, recipe, batch), atol=1e-4)


def test_a_dinov2_under_a_classifier_is_found(make_hub: Any) -> None:
    from safetensors.numpy import load_file, save_file

    folder, model = make_hub("dinov2")
    weights = folder / "model.safetensors"
    save_file({f"dinov2.{name}": tensor for name, tensor in load_file(weights).items()}, weights)
    recipe = read_recipe(folder)
    run = open_onnx(vision_graph(read_hub(folder), recipe).SerializeToString())
    batch = pictures(32)
    np.testing.assert_allclose(run(batch)["embedding"], reference("dinov2", model, recipe, batch), atol=1e-4)


@pytest.mark.parametrize(("old", "new"), [(4, 7), (7, 4), (37, 16), (5, 5), (1, 3)])
def test_positions_are_resampled_as_the_reference_does(old: int, new: int) -> None:
    import torch

    grid = np.random.default_rng(2).normal(size=(old * old, 3)).astype(np.float32)
    tensor = torch.from_numpy(grid.reshape(1, old, old, 3)).permute(0, 3, 1, 2)
    expected = torch.nn.functional.interpolate(tensor, size=(new, new), mode="bicubic", align_corners=False)
    expected = expected.permute(0, 2, 3, 1).reshape(new * new, 3).numpy()
    np.testing.assert_allclose(resize_positions(grid, new), expected, atol=1e-5)


def test_an_input_smaller_than_a_patch_is_refused(make_hub: Any) -> None:
    model: HubModel = read_hub(make_hub("dinov2")[0])
    with pytest.raises(WeightsError, match="smaller than one patch of 8"):
        vision_graph(model, Recipe(7, 8, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
