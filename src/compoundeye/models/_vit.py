"""Vision towers of CLIP, SigLIP and DINOv2: published tensors in, one ONNX graph out.

The graph takes uint8 pictures [N, S, S, 3] and gives a float32 embedding [N, D]: CLIP's projected class token
(Radford et al., 2021, arXiv:2103.00020), SigLIP's attention-pooled token (Zhai et al., 2023, arXiv:2303.15343) or
DINOv2's class token (Oquab et al., 2023, arXiv:2304.07193). Letters in comments: N pictures, L tokens, D width.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from compoundeye.models._encoder import affine, clip_names, dinov2_names, encode, mlp, norm
from compoundeye.models._error import WeightsError
from compoundeye.models._hub import HubModel, VisionTower
from compoundeye.models._onnx import Graph
from compoundeye.models._positions import resize_positions
from compoundeye.models._recipe import Recipe
from compoundeye.models._safetensors import Checkpoint, Float32, open_checkpoint

INPUT = "pixels"
OUTPUT = "embedding"


def vision_graph(model: HubModel, recipe: Recipe) -> onnx.ModelProto:
    """The vision tower of a model folder, normalisation included.

    Raises:
        WeightsError: a tensor is missing or has another shape than ``config.json`` implies.
    """
    graph = Graph()
    with open_checkpoint(model.weights) as tensors:
        pixels = _normalised(graph, recipe)
        match model.kind:
            case "clip":
                _clip(graph, tensors, model, recipe, pixels)
            case "siglip":
                _siglip(graph, tensors, model, recipe, pixels)
            case _:
                _dinov2(graph, tensors, model, recipe, pixels)
    shape = ("N", recipe.size, recipe.size, 3)
    return graph.finish((INPUT, TensorProto.UINT8, shape), (OUTPUT, ("N", model.joint)), f"{model.kind}-vision")


def _normalised(graph: Graph, recipe: Recipe) -> str:
    """uint8 [N, S, S, 3] to float32 [N, 3, S, S], normalised per channel."""
    floats = graph.node("Cast", INPUT, to=TensorProto.FLOAT)
    mean = np.array(recipe.mean, np.float32) * 255
    factor = 1 / (np.array(recipe.std, np.float32) * 255)
    centred = graph.node("Sub", floats, graph.constant(mean))
    return graph.node("Transpose", graph.node("Mul", centred, graph.constant(factor)), perm=[0, 3, 1, 2])


def _clip(graph: Graph, tensors: Checkpoint, model: HubModel, recipe: Recipe, pixels: str) -> None:
    tower, root = model.vision, "vision_model"
    patches = _patches(graph, tensors, tower, f"{root}.embeddings.patch_embedding", pixels, bias=False)
    places = tensors.take(f"{root}.embeddings.position_embedding.weight", _grid(tower) ** 2 + 1, tower.hidden)
    token = tensors.take(f"{root}.embeddings.class_embedding", tower.hidden)
    x = _with_class_token(graph, patches, token, _fitted(places, tower, recipe, extra=1))
    # "pre_layrnorm" is how the published tensors spell it.
    x = norm(graph, tensors, f"{root}.pre_layrnorm", tower, x)
    x = encode(graph, tensors, tower, clip_names(root), x)
    x = norm(graph, tensors, f"{root}.post_layernorm", tower, _token(graph, x, 0))
    projection = tensors.take("visual_projection.weight", model.joint, tower.hidden)
    graph.node("MatMul", x, graph.constant(projection.T), output=OUTPUT)


def _dinov2(graph: Graph, tensors: Checkpoint, model: HubModel, recipe: Recipe, pixels: str) -> None:
    tower = model.vision
    # A model saved with a classifier on top puts its backbone under this prefix.
    prefix = "dinov2." if "dinov2.embeddings.cls_token" in tensors else ""
    patches = _patches(graph, tensors, tower, prefix + "embeddings.patch_embeddings.projection", pixels, bias=True)
    places = tensors.take(prefix + "embeddings.position_embeddings", 1, _grid(tower) ** 2 + 1, tower.hidden)[0]
    token = tensors.take(prefix + "embeddings.cls_token", 1, 1, tower.hidden)[0, 0]
    x = _with_class_token(graph, patches, token, _fitted(places, tower, recipe, extra=1))
    x = encode(graph, tensors, tower, dinov2_names(prefix), x)
    name = norm(graph, tensors, prefix + "layernorm", tower, _token(graph, x, 0))
    graph.node("Identity", name, output=OUTPUT)


def _siglip(graph: Graph, tensors: Checkpoint, model: HubModel, recipe: Recipe, pixels: str) -> None:
    tower, root = model.vision, "vision_model"
    patches = _patches(graph, tensors, tower, f"{root}.embeddings.patch_embedding", pixels, bias=True)
    places = tensors.take(f"{root}.embeddings.position_embedding.weight", _grid(tower) ** 2, tower.hidden)
    x = graph.node("Add", patches, graph.constant(_fitted(places, tower, recipe, extra=0)))
    x = encode(graph, tensors, tower, clip_names(root), x)
    x = norm(graph, tensors, f"{root}.post_layernorm", tower, x)
    graph.node("Identity", _attention_pool(graph, tensors, tower, f"{root}.head", x), output=OUTPUT)


def _attention_pool(graph: Graph, tensors: Checkpoint, tower: VisionTower, root: str, x: str) -> str:
    """One learned query looks at all tokens (Lee et al., 2019, arXiv:1810.00825): [N, L, D] to [N, D]."""
    width, heads, each = tower.hidden, tower.heads, tower.head_width
    weight = tensors.take(f"{root}.attention.in_proj_weight", 3 * width, width)
    bias = tensors.take(f"{root}.attention.in_proj_bias", 3 * width)
    probe = tensors.take(f"{root}.probe", 1, 1, width)[0]
    # The query is the same for every picture, so its projection is a constant of the graph: [1, H, 1, each].
    query = (probe @ weight[:width].T + bias[:width]).reshape(1, 1, heads, each).transpose(0, 2, 1, 3)
    key, value = (
        graph.heads(graph.linear(x, weight[part * width :][:width], bias[part * width :][:width]), heads, each)
        for part in (1, 2)
    )
    pooled = graph.attention(graph.constant(query), key, value, each)
    pooled = graph.linear(pooled, *affine(tensors, f"{root}.attention.out_proj", width, width))
    normed = norm(graph, tensors, f"{root}.layernorm", tower, pooled)
    first = affine(tensors, f"{root}.mlp.fc1", tower.inner, width)
    second = affine(tensors, f"{root}.mlp.fc2", width, tower.inner)
    return _token(graph, graph.node("Add", pooled, mlp(graph, tower, normed, first, second)), 0)


def _patches(graph: Graph, tensors: Checkpoint, tower: VisionTower, name: str, pixels: str, *, bias: bool) -> str:
    """[N, 3, S, S] to one token a patch, row by row: [N, L, D]."""
    inputs = [pixels, graph.constant(tensors.take(name + ".weight", tower.hidden, 3, tower.patch, tower.patch))]
    if bias:
        inputs.append(graph.constant(tensors.take(name + ".bias", tower.hidden)))
    side = [tower.patch, tower.patch]
    maps = graph.node("Conv", *inputs, kernel_shape=side, strides=side)
    return graph.node("Transpose", graph.node("Reshape", maps, graph.integers(0, 0, -1)), perm=[0, 2, 1])


def _with_class_token(graph: Graph, patches: str, token: Float32, places: Float32) -> str:
    """Put the class token before the patches and add the positions: [N, L, D] to [N, 1 + L, D].

    A row of zeros is put first and the token is added with its position, which needs no batch size in the graph.
    """
    padded = graph.node("Pad", patches, graph.integers(0, 1, 0, 0, 0, 0))
    added = places.copy()
    added[0] += token
    return graph.node("Add", padded, graph.constant(added))


def _token(graph: Graph, x: str, index: int) -> str:
    """[N, L, D] to [N, D]."""
    return graph.node("Gather", x, graph.constant(np.array(index, np.int64)), axis=1)


def _grid(tower: VisionTower) -> int:
    return tower.image // tower.patch


def _fitted(places: Float32, tower: VisionTower, recipe: Recipe, extra: int) -> Float32:
    """Positions for the recipe's picture size; the first ``extra`` belong to no patch."""
    side = recipe.size // tower.patch
    if side < 1:
        raise WeightsError(f"an input of {recipe.size} pixels is smaller than one patch of {tower.patch}")
    return np.concatenate([places[:extra], resize_positions(places[extra:], side)])
